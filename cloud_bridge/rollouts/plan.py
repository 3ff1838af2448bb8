"""The plan of a rollout: who counts, who is next, and what the gates say. Pure: facts in, a verdict out.

The order of devices is a hash of rollout and device, so that every worker and every restart finds the same one, and no
rollout begins with the same devices as the last.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cloud_bridge.rollouts.model import (
    MOVES,
    Asked,
    Candidate,
    DeviceState,
    Excluded,
    Rollout,
    RolloutState,
    Target,
)

PASSING = frozenset({Excluded.OTHER_ROLLOUT, Excluded.BUSY})  # waited for at the end; the other reasons are not
_FINAL = frozenset({DeviceState.COMMITTED, DeviceState.FAILED})


class IllegalMove(AssertionError):
    """A defect: the rollout was sent where the table does not let it go."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do now. `start`: devices to ask. `state` and `phase`: where the rollout goes, and why."""

    state: RolloutState
    phase: int
    reason: str = ""
    start: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Census:
    """Who counts. `eligible`: asked before or could be asked now, in the rollout's order; `excluded`: with reasons."""

    eligible: tuple[str, ...] = ()
    excluded: Mapping[str, Excluded] = field(default_factory=dict)


def place(rollout_id: str, device_id: str) -> bytes:
    """Where a device stands in the rollout's order."""
    return hashlib.sha256(f"{rollout_id}/{device_id}".encode()).digest()


def excluded(item: Candidate, target: Target, now_ms: int, offline_after_s: int) -> Excluded | None:
    """Why this device is not asked; None when it may be."""
    rules = (
        (not item.active, Excluded.NOT_ACTIVE),
        (not item.product or item.version is None, Excluded.UNKNOWN_SOFTWARE),
        (item.product != target.product, Excluded.WRONG_PRODUCT),
        (item.board != target.board, Excluded.WRONG_BOARD),
        (item.version is not None and item.version >= target.version, Excluded.ALREADY_THERE),
        (item.pinned, Excluded.PINNED),
        (item.elsewhere, Excluded.OTHER_ROLLOUT),
        (now_ms - item.seen_at_ms > offline_after_s * 1000, Excluded.OFFLINE_TOO_LONG),
        (item.busy, Excluded.BUSY),
    )
    return next((reason for holds, reason in rules if holds), None)


def census(rollout: Rollout, candidates: Iterable[Candidate], asked: Mapping[str, Asked], now_ms: int) -> Census:
    """Who counts now. What was asked once counts for ever: it is at risk."""
    out: dict[str, Excluded] = {}
    for item in candidates:
        reason = excluded(item, rollout.target, now_ms, rollout.gates.offline_after_s)
        if reason is not None and item.device_id not in asked:
            out[item.device_id] = reason
    known = {item.device_id for item in candidates} | set(asked)
    eligible = sorted(known - set(out), key=lambda device_id: place(rollout.rollout_id, device_id))
    return Census(tuple(eligible), out)


def judge(rollout: Rollout, counted: Census, asked: Mapping[str, Asked], now_ms: int) -> Verdict:
    """What the rollout does now.

    Raises:
        IllegalMove: a defect.
    """
    verdict = _judge(rollout, counted, asked, now_ms)
    if verdict.state is not rollout.state:
        check_move(rollout.state, verdict.state)
    return verdict


def check_move(before: RolloutState, after: RolloutState) -> None:
    """
    Raises:
        IllegalMove: the table has no such move.
    """
    if after not in MOVES[before]:
        raise IllegalMove(f"{before.value} → {after.value}")


def _judge(rollout: Rollout, counted: Census, asked: Mapping[str, Asked], now_ms: int) -> Verdict:
    stay = Verdict(rollout.state, rollout.phase, rollout.reason)
    if rollout.state not in (RolloutState.RUNNING, RolloutState.PAUSED):
        return stay
    judged = [item for item in asked.values() if (item.phase, item.round) == (rollout.phase, rollout.round)]
    if (problem := _gates(rollout, judged, now_ms)) is not None:
        return Verdict(RolloutState.HALTED, rollout.phase, problem)
    if rollout.state is RolloutState.PAUSED:
        return stay
    allowed = rollout.phases[rollout.phase].of(len(counted.eligible))
    waiting = [device_id for device_id in counted.eligible if device_id not in asked]
    if (room := allowed - len(asked)) > 0 and waiting:
        return Verdict(rollout.state, rollout.phase, "", tuple(waiting[:room]))
    if not _over(rollout, judged, now_ms):
        return stay
    if rollout.phase + 1 < len(rollout.phases):
        return Verdict(rollout.state, rollout.phase + 1)
    if any(reason in PASSING for reason in counted.excluded.values()):
        return stay
    return Verdict(RolloutState.DONE, rollout.phase, "complete")


def _gates(rollout: Rollout, judged: Sequence[Asked], now_ms: int) -> str | None:
    """Why the rollout must stop; None when it need not."""
    gates, total = rollout.gates, len(judged)
    failed = sum(item.state is DeviceState.FAILED for item in judged)
    if failed * 1000 > gates.max_failed_permille * total:
        reasons = Counter(item.reason for item in judged if item.state is DeviceState.FAILED)
        return f"failed: {failed} of {total} ({reasons.most_common(1)[0][0]})"
    silent = sum(is_silent(item, rollout, now_ms) for item in judged)
    if silent * 1000 > gates.max_silent_permille * total:
        return f"silent: {silent} of {total}"
    return None


def is_silent(item: Asked, rollout: Rollout, now_ms: int) -> bool:
    """Whether the device should have said how it ended by now, and has not."""
    return item.state not in _FINAL and now_ms - item.asked_at_ms > rollout.gates.silent_after_s * 1000


def _over(rollout: Rollout, judged: Sequence[Asked], now_ms: int) -> bool:
    """All of the phase have ended or are given up as silent, and nothing happened for the soak time."""
    if any(item.state not in _FINAL and not is_silent(item, rollout, now_ms) for item in judged):
        return False
    newest_ms = max((item.changed_at_ms for item in judged), default=0)
    return now_ms - newest_ms >= rollout.gates.soak_s * 1000
