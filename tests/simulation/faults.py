"""Planted faults: each is one wrong line in the real code path, put in place of the right one by name.

A simulation that lets one of these pass proves nothing. `says` is what a careless author might have thought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import Connection

from cloud_bridge.storage.inline import InlineDatabase
from edge.agents.locker import LockerAgent, Rebuilt
from edge.core.locker import machine, steps
from edge.core.locker.custody import settle_custody
from edge.core.locker.fold import fold
from edge.core.locker.model import (
    CommandReceived,
    Effect,
    Input,
    PinChecked,
    PinEntered,
    Pressed,
    ReadyToPulse,
    Recheck,
    Record,
    Scanned,
)
from edge.core.locker.pin_limits import PinLimits
from edge.core.locker.state import LockerState, Turn
from edge.core.sync.model import SendBatch
from edge.link.sync_driver import SyncDriver
from edge.ports import Cursor, Now
from edge.runtime import Runtime
from edge.storage.event_log import InlineEventLog
from edge.storage.event_store import EventStore
from edge.wire.event import EventDraft
from tests.simulation.parts import Parts

T = TypeVar("T")
Step = tuple[LockerState, tuple[Effect, ...]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`parts` with the one wrong part in it."""

    name: str
    says: str
    parts: Parts


# --- the machine and its loop --------------------------------------------------------------------------------


def _no_command_dedupe(state: LockerState, event: Input, now: Now) -> Step:
    if isinstance(event, CommandReceived):
        commands = {k: v for k, v in state.durable.commands.items() if k != event.command.command_id}
        state = replace(state, durable=replace(state.durable, commands=commands))
    return machine.step(state, event, now)


def _credentials_again(state: LockerState, event: Input, now: Now) -> Step:
    if isinstance(event, Scanned):
        used = state.durable.used_jtis
        state, effects = machine.step(replace(state, durable=replace(state.durable, used_jtis={})), event, now)
        return replace(state, durable=replace(state.durable, used_jtis={**used, **state.durable.used_jtis})), effects
    return machine.step(state, event, now)


def _expiry_on_receipt_only(state: LockerState, event: Input, now: Now) -> Step:
    if isinstance(event, ReadyToPulse) and (pulsing := state.pulsing.get(event.authority_id)) is not None:
        unlimited = replace(pulsing, expires_at_ms=None, nonce=None)
        state = replace(state, pulsing={**state.pulsing, event.authority_id: unlimited})
    return machine.step(state, event, now)


def _attempt_after_compare(state: LockerState, event: Input, now: Now) -> Step:
    """The comparison comes first; only what turned out wrong is recorded as an attempt."""
    if isinstance(event, PinEntered):
        before = state.durable
        state, effects = machine.step(state, event, now)
        return replace(state, durable=before), tuple(e for e in effects if not _records(e, "pin_attempted"))
    if isinstance(event, PinChecked) and event.pickup_id is None:
        draft = EventDraft("pin_attempted", {"attempt_id": event.attempt_id}, now.at_ms, now.clock)
        state = replace(state, durable=fold(state.durable, draft.type, draft.data, draft.at_ms))
        state, effects = machine.step(state, event, now)
        return state, (Record(draft), *effects)
    return machine.step(state, event, now)


def _audience_ignored(state: LockerState, event: Input, now: Now) -> Step:
    """Whatever the fleet has signed is good at every locker."""
    if isinstance(event, Scanned):
        everywhere = state.desired.audiences | {"locker:locker-elsewhere"}
        after, effects = machine.step(replace(state, desired=replace(state.desired, audiences=everywhere)), event, now)
        return replace(after, desired=replace(after.desired, audiences=state.desired.audiences)), effects
    return machine.step(state, event, now)


def _deposit_by_page(state: LockerState, event: Input, now: Now) -> Step:
    """The courier has pressed "done", so the parcel is in."""
    session = state.session
    at_door = session.step is steps.Step.DOOR_OPEN and session.purpose == "deposit" and session.deposit is not None
    if isinstance(event, Pressed) and event.action == "done" and at_door and session.compartment_no is not None:
        turn = Turn(state, now)
        settle_custody(turn, session.compartment_no, attended=True)
        return turn.result()
    return machine.step(state, event, now)


def _second_person_is_anybody(state: LockerState, event: Input, now: Now) -> Step:
    """A second code will do, whosoever it is."""
    if isinstance(event, Scanned) and state.session.step is steps.Step.SECOND:
        nobody = replace(state, session=replace(state.session, actor="nobody"))
        after, effects = machine.step(nobody, event, now)
        return replace(after, session=replace(after.session, actor=state.session.actor)), effects
    return machine.step(state, event, now)


def _records(effect: Effect, name: str) -> bool:
    return isinstance(effect, Record) and effect.draft.type == name


class PulseFirstRuntime(Runtime):
    async def take(self, event: Input) -> None:
        state, effects = self.step(self.state, event, self._clock.now())
        for effect in effects:
            if isinstance(effect, Recheck):
                self._start_pulse(state, effect.authority_id)
        if not await self._commit(state, effects, event):
            return
        self.state = state
        for effect in effects:
            if not isinstance(effect, Recheck):
                self._carry_out(effect)
        self._on_change(state)

    def _start_pulse(self, state: LockerState, authority_id: str) -> None:
        assert self._pulses is not None
        compartment = state.compartment(state.pulsing[authority_id].compartment_no)
        assert compartment is not None
        self._pulses.create_task(self._pulse(authority_id, compartment.channel))


class RetryingRuntime(Runtime):
    """A door that did not open gets a second pulse at once."""

    async def _pulse(self, authority_id: str, channel: Any) -> None:
        await super()._pulse(authority_id, channel)
        pulsing = self.state.pulsing.get(authority_id)
        if pulsing is not None and not pulsing.opened:
            await self._bank.pulse(channel)


def _with_step(rule: Callable[[LockerState, Input, Now], Step]) -> type[LockerAgent]:
    runtime = type("PlantedRuntime", (Runtime,), {"step": staticmethod(rule)})
    return type("PlantedAgent", (LockerAgent,), {"runtime_type": runtime})


def _with_runtime(runtime: type[Runtime]) -> type[LockerAgent]:
    return type("PlantedAgent", (LockerAgent,), {"runtime_type": runtime})


class ForgettingAgent(LockerAgent):
    """PIN attempts are counted in memory only."""

    def __init__(self, identity: Any, ports: Any, rebuilt: Rebuilt, trust: Any, layout: Any) -> None:
        forgotten = replace(rebuilt, durable=replace(rebuilt.durable, pin_limits=PinLimits()))
        super().__init__(identity, ports, forgotten, trust, layout)


class BootPulseAgent(LockerAgent):
    """An unlock that the crash interrupted is finished at boot."""

    def __init__(self, identity: Any, ports: Any, rebuilt: Rebuilt, trust: Any, layout: Any) -> None:
        super().__init__(identity, ports, rebuilt, trust, layout)
        self._unfinished = [a.compartment_no for a in rebuilt.durable.authorities.values() if not a.ended]
        self._bank, self._layout = ports.bank, layout

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(super().run())
            for no in self._unfinished:
                group.create_task(self._bank.pulse(self._layout[no].channel))


# --- the log -------------------------------------------------------------------------------------------------


class UnsyncedLog(InlineEventLog):
    """Commits are left to the operating system, which writes them some time."""

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        store._connection.execute("PRAGMA synchronous = OFF").fetchall()


class DroppingLog(InlineEventLog):
    """A long backlog takes no more, so that the card does not fill."""

    LIMIT = 30

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        head = self.store.head()
        if head.size - head.receipted_size > self.LIMIT:
            return Cursor(head.stream, head.size + len(drafts))
        return await super().append(drafts, snapshot=snapshot)


# --- the link ------------------------------------------------------------------------------------------------


class PubackSync(SyncDriver):
    """What the broker has taken counts as delivered."""

    async def _send_batch_and_move_on(self, effect: SendBatch) -> None:
        await self._send_batch(effect)
        end = effect.batch.first + len(effect.batch.events)
        await self._log.store_receipt(effect.batch.checkpoint, end)
        self.state = replace(self.state, log=replace(self.state.log, cursor=max(end, self.state.log.cursor)))

    _CARRY: Mapping[Any, Any] = {**SyncDriver._CARRY, SendBatch: _send_batch_and_move_on}  # type: ignore[assignment]


class RetainedSync(SyncDriver):
    """A message is a message, whether the broker kept it or not."""

    def received(self, channel: str, payload: bytes, retained: bool) -> None:
        super().received(channel, payload, False)


class RetainedAgent(LockerAgent):
    sync_type = RetainedSync


class PubackAgent(LockerAgent):
    sync_type = PubackSync


# --- the cloud -----------------------------------------------------------------------------------------------


class LateDatabase(InlineDatabase):
    """Returns before the transaction is durable: it is committed with the next one that comes a while later."""

    COMMIT_EVERY_S = 3.0

    def __init__(self) -> None:
        super().__init__()
        self._open: Connection | None = None
        self._since_s = 0.0

    def _run(self, fn: Callable[[Connection], T]) -> T:
        now_s = asyncio.get_running_loop().time()
        if self._open is not None and now_s - self._since_s >= self.COMMIT_EVERY_S:
            self._open.commit()
            self._open.close()
            self._open = None
        if self._open is None:
            self._open, self._since_s = self.engine.connect(), now_s
            self._open.begin()
        with self._open.begin_nested():
            return fn(self._open)

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        if self._open is None:
            return super().write_now(fn)
        with self._open.begin_nested():
            return fn(self._open)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        return self._run(fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return self._run(fn)

    def crash(self) -> None:
        if self._open is not None:
            self._open.rollback()
            self._open.close()
            self._open = None


FAULTS: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("dedupe_removed", "a command comes only once", Parts(agent=_with_step(_no_command_dedupe))),
        Fault("receipt_before_commit", "the database will commit in a moment", Parts(database=LateDatabase)),
        Fault("unsynced_commit", "the kernel writes it soon enough", Parts(log=UnsyncedLog)),
        Fault("pulse_before_record", "the record can wait, the person cannot",
              Parts(agent=_with_runtime(PulseFirstRuntime))),
        Fault("expiry_checked_only_on_receipt", "it was valid when it came",
              Parts(agent=_with_step(_expiry_on_receipt_only))),
        Fault("attempt_counted_after_compare", "only wrong ones need counting",
              Parts(agent=_with_step(_attempt_after_compare))),
        Fault("cursor_moved_on_puback", "the broker has it", Parts(agent=PubackAgent)),
        Fault("drop_over_backlog", "old news is not worth a full card", Parts(log=DroppingLog)),
        Fault("credential_used_twice", "the code is signed, so it is good",
              Parts(agent=_with_step(_credentials_again))),
        Fault("credential_of_another_locker", "the fleet has signed it", Parts(agent=_with_step(_audience_ignored))),
        Fault("deposit_confirmed_by_page", "the courier has pressed done", Parts(agent=_with_step(_deposit_by_page))),
        Fault("open_all_by_one_person", "a second code is a second person",
              Parts(agent=_with_step(_second_person_is_anybody))),
        Fault("retained_open_executed", "the cloud has signed it", Parts(agent=RetainedAgent)),
        Fault("pulse_repeated", "the door did not open, try again", Parts(agent=_with_runtime(RetryingRuntime))),
        Fault("pulse_at_boot", "finish what the crash interrupted", Parts(agent=BootPulseAgent)),
        Fault("attempts_forgotten_at_boot", "a counter in memory will do", Parts(agent=ForgettingAgent)),
    )
}  # fmt: skip
