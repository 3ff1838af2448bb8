"""The use cases of rollouts: make, pause, resume, retry, abort; and the look that carries each on, once in a while.

A look is one transaction: facts are read, the plan judges, and who is asked is written together with his twin. A
crash between two looks loses nothing, and a look that finds nothing new writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.errors import InvalidData, NotPossibleNow
from cloud_bridge.fleet import software_store as software
from cloud_bridge.fleet import store as fleet
from cloud_bridge.fleet.model import DeviceState as Registered
from cloud_bridge.ports import Random
from cloud_bridge.rollouts import facts, store
from cloud_bridge.rollouts.model import (
    MOVES,
    Asked,
    Candidate,
    DeviceState,
    Gates,
    Rollout,
    RolloutState,
    Share,
    Target,
)
from cloud_bridge.rollouts.plan import Census, census, judge

SECTION = "release"
LOOK_EVERY_MS = 5_000
MAX_DEVICES = 100_000
SetDesired = Callable[[Connection, str, str, Any], object]
Desired = Callable[[Connection, str], Mapping[str, Any]]


class Rollouts:
    """`desired`: a device's desired document; `set_desired`: sets one section of it."""

    def __init__(self, random: Random, desired: Desired, set_desired: SetDesired) -> None:
        self._random = random
        self._desired = desired
        self._set_desired = set_desired
        self._due_ms = 0

    def make(
        self, conn: Connection, tenant: str, target: Target, phases: Sequence[Share], gates: Gates, *, actor: str,
        now_ms: int,
    ) -> Rollout:  # fmt: skip
        """A new rollout; its canary is asked with the next look.

        Raises:
            InvalidData: phases that do not grow up to 100 percent.
        """
        check_phases(phases)
        made = Rollout(
            self._random.token(16).hex(), tenant, target, tuple(phases), gates, RolloutState.RUNNING, "", 0, 0,
            actor, now_ms, now_ms,
        )  # fmt: skip
        store.put_rollout(conn, made)
        return made

    def pause(self, conn: Connection, tenant: str, rollout_id: str, now_ms: int) -> Rollout:
        """Ask nobody more. Who was asked goes on."""
        return self._move(conn, tenant, rollout_id, RolloutState.PAUSED, "by hand", now_ms)

    def resume(self, conn: Connection, tenant: str, rollout_id: str, now_ms: int) -> Rollout:
        """Go on. After a halt the present phase is judged anew, by what happens from now on."""
        return self._move(conn, tenant, rollout_id, RolloutState.RUNNING, "", now_ms)

    def retry(self, conn: Connection, tenant: str, rollout_id: str, now_ms: int) -> Rollout:
        """Ask everybody again who failed or said nothing, and go on."""
        before = store.require_rollout(conn, tenant, rollout_id, lock=True)
        self._take_in(conn, before, now_ms)
        after = self._move(conn, tenant, rollout_id, RolloutState.RUNNING, "", now_ms, again=True)
        tried = software.updates_of(conn, list(store.asked_of(conn, rollout_id)))
        for item in store.asked_of(conn, rollout_id).values():
            if item.state is not DeviceState.COMMITTED:
                known = tried.get((item.device_id, before.target.kind.value))
                attempt = max(item.attempt, known.attempt if known is not None else 0) + 1
                again = replace(
                    item, phase=after.phase, round=after.round, attempt=attempt, state=DeviceState.ASKED, reason="",
                    asked_at_ms=now_ms, changed_at_ms=now_ms,
                )  # fmt: skip
                self._ask(conn, after, again)
        return after

    def abort(self, conn: Connection, tenant: str, rollout_id: str, now_ms: int) -> Rollout:
        """End it. Who has not kept the release gets his former wish back; who has, keeps it."""
        before = store.require_rollout(conn, tenant, rollout_id, lock=True)
        after = self._move(conn, tenant, rollout_id, RolloutState.ABORTED, "by hand", now_ms)
        if after.state is before.state:
            return before
        self._take_in(conn, after, now_ms)
        for item in store.asked_of(conn, rollout_id).values():
            if item.state is not DeviceState.COMMITTED and self._wishes(conn, item.device_id) == wish(after, item):
                former = json.loads(item.former) if item.former else None
                self._set_desired(conn, item.device_id, SECTION, former)
        store.close(conn, rollout_id)
        return after

    # --- the look --------------------------------------------------------------------------------------------

    def run(self, conn: Connection, now_ms: int) -> None:
        """Carry every open rollout on; at most once in five seconds."""
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + LOOK_EVERY_MS
        for tenant, rollout_id in store.open_rollouts(conn):
            self.look(conn, tenant, rollout_id, now_ms)

    def look(self, conn: Connection, tenant: str, rollout_id: str, now_ms: int) -> Rollout:
        """What devices told since is taken in; then the plan is judged and carried out."""
        rollout = store.require_rollout(conn, tenant, rollout_id, lock=True)
        asked = self._take_in(conn, rollout, now_ms)
        if rollout.state not in (RolloutState.RUNNING, RolloutState.PAUSED):
            return rollout
        candidates = self.candidates(conn, rollout)
        verdict = judge(rollout, census(rollout, candidates, asked, now_ms), asked, now_ms)
        tried = {item.device_id: item.tried for item in candidates}
        for device_id in verdict.start:
            wished = self._wishes(conn, device_id)
            item = Asked(
                device_id, rollout.phase, rollout.round, tried[device_id] + 1, DeviceState.ASKED, "",
                "" if wished is None else json.dumps(wished, sort_keys=True), now_ms, now_ms,
            )  # fmt: skip
            self._ask(conn, rollout, item)
        after = replace(rollout, state=verdict.state, phase=verdict.phase, reason=verdict.reason)
        if after != rollout:
            after = replace(after, changed_at_ms=now_ms)
            store.put_rollout(conn, after)
        if after.state is RolloutState.DONE:
            store.close(conn, rollout_id)
        return after

    def census(self, conn: Connection, rollout: Rollout, now_ms: int) -> Census:
        """Who counts now, and who does not, and why."""
        return census(rollout, self.candidates(conn, rollout), store.asked_of(conn, rollout.rollout_id), now_ms)

    def candidates(self, conn: Connection, rollout: Rollout) -> list[Candidate]:
        """Every device of the tenant as the plan sees it."""
        devices = fleet.list_devices(conn, tenant=rollout.tenant, limit=MAX_DEVICES)
        active = {item.device_id: item.state is Registered.ACTIVE for item in devices}
        return facts.candidates(conn, rollout, active)

    # --- parts -----------------------------------------------------------------------------------------------

    def _take_in(self, conn: Connection, rollout: Rollout, now_ms: int) -> dict[str, Asked]:
        """How far each asked device is by its own newest word on this very wish."""
        asked = store.asked_of(conn, rollout.rollout_id)
        told = software.updates_of(conn, list(asked))
        for device_id, item in asked.items():
            after = facts.progress(rollout, item, told.get((device_id, rollout.target.kind.value)), now_ms)
            if after != item:
                asked[device_id] = after
                store.put_asked(conn, rollout.rollout_id, after)
        return asked

    def _ask(self, conn: Connection, rollout: Rollout, item: Asked) -> None:
        store.put_asked(conn, rollout.rollout_id, item)
        self._set_desired(conn, item.device_id, SECTION, wish(rollout, item))

    def _wishes(self, conn: Connection, device_id: str) -> Any:
        return self._desired(conn, device_id).get(SECTION)

    def _move(
        self, conn: Connection, tenant: str, rollout_id: str, to: RolloutState, reason: str, now_ms: int, *,
        again: bool = False,
    ) -> Rollout:  # fmt: skip
        """
        Raises:
            NotFound: none of this tenant's.
            NotPossibleNow: it is over, or not there from where it is.
        """
        before = store.require_rollout(conn, tenant, rollout_id, lock=True)
        if before.state is to and not again:
            return before
        if before.state is not to and to not in MOVES[before.state]:
            raise NotPossibleNow(f"the rollout is {before.state.value}", where=rollout_id, remedy="Make a new one.")
        anew = again or before.state is RolloutState.HALTED
        after = replace(before, state=to, reason=reason, round=before.round + anew, changed_at_ms=now_ms)
        store.put_rollout(conn, after)
        return after


def wish(rollout: Rollout, item: Asked) -> dict[str, Any]:
    """The section `release` of a device's desired document."""
    target = rollout.target
    return {
        "product": target.product, "kind": target.kind.value, "version": str(target.version), "attempt": item.attempt,
    }  # fmt: skip


def check_phases(phases: Sequence[Share]) -> None:
    """
    Raises:
        InvalidData: none, a share of neither or both, shrinking percents, or an end below 100 percent.
    """
    remedy = "For example: 1 device, 10 %, 50 %, 100 %."
    percents = [share.percent for share in phases if share.percent is not None]
    if any((share.count is None) is (share.percent is None) for share in phases):
        raise InvalidData("a phase is a number of devices or a percentage", where="phases", remedy=remedy)
    if not phases or phases[-1].percent != 100 or percents != sorted(set(percents)):
        raise InvalidData("phases do not grow up to 100 %", where="phases", remedy=remedy)
