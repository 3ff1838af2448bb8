"""What the plan is judged on, gathered from registry, presence, software, twins of other rollouts and pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Connection

from cloud_bridge.fleet import software_store as software
from cloud_bridge.fleet import store as fleet
from cloud_bridge.rollouts import store
from cloud_bridge.rollouts.model import Asked, Candidate, DeviceState, Rollout
from edge.wire.errors import WireError
from edge.wire.release import ReleaseKind, Version, parse_version

_UNDER_WAY = ("installed", "tried")
_STATES = {
    "installed": DeviceState.INSTALLED, "tried": DeviceState.TRIED, "committed": DeviceState.COMMITTED,
    "fell_back": DeviceState.FAILED, "refused": DeviceState.FAILED,
}  # fmt: skip
_CHUNK = 500  # ids in one question


def candidates(conn: Connection, rollout: Rollout, active: Mapping[str, bool]) -> list[Candidate]:
    """The tenant's devices (`active`: by id) as the plan sees them."""
    taken, pins, ids = store.taken_devices(conn, rollout.rollout_id), store.pinned(conn), list(active)
    found: list[Candidate] = []
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        runs, told = software.software_of(conn, some), software.updates_of(conn, some)
        seen = fleet.list_presence(conn, some)
        for device_id in some:
            item = _candidate(rollout, device_id, active[device_id], runs.get(device_id), told)
            at_ms = seen[device_id].seen_at_ms if device_id in seen else 0
            found.append(replace(item, seen_at_ms=at_ms, pinned=device_id in pins, elsewhere=device_id in taken))
    return found


def _candidate(
    rollout: Rollout, device_id: str, active: bool, runs: software.Software | None,
    told: Mapping[tuple[str, str], software.DeviceUpdate],
) -> Candidate:  # fmt: skip
    target = rollout.target
    mine = told.get((device_id, target.kind.value))
    same = mine is not None and mine.version == str(target.version)
    states = [told[key].state for kind in ReleaseKind if (key := (device_id, kind.value)) in told]
    return Candidate(
        device_id, active, runs.product if runs else "", runs.board if runs else "",
        _version(runs, target.kind) if runs else None, 0, busy=any(state in _UNDER_WAY for state in states),
        tried=mine.attempt if same and mine is not None else -1,
    )  # fmt: skip


def _version(runs: software.Software, kind: ReleaseKind) -> Version | None:
    """None where there is nothing of that kind, or nothing that can be compared."""
    try:
        return parse_version(runs.image if kind is ReleaseKind.IMAGE else runs.agent)
    except WireError:
        return None


def progress(rollout: Rollout, item: Asked, told: software.DeviceUpdate | None, now_ms: int) -> Asked:
    """How far a device is, by its newest word; a word on another release or attempt says nothing."""
    if told is None or (told.version, told.attempt) != (str(rollout.target.version), item.attempt):
        return item
    state = _STATES[told.state]
    if (state, told.reason) == (item.state, item.reason):
        return item
    return replace(item, state=state, reason=told.reason, changed_at_ms=now_ms)
