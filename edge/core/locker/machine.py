"""The locker's step function: one table from input to rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.core.locker import (
    collecting,
    commands,
    depositing,
    doors,
    kiosk,
    left_open,
    lifecycle,
    presses,
    queueing,
    reporting,
    sensors,
    zones,
)
from edge.core.locker.custody import compare_contents
from edge.core.locker.fold import fold
from edge.core.locker.model import (
    BoardChanged,
    ClockSynced,
    CommandReceived,
    CounterChosen,
    DesiredReceived,
    DoorRead,
    Effect,
    FirmwareTold,
    Input,
    LinkAlarm,
    PinChecked,
    PinEntered,
    Pressed,
    PulseEnded,
    ReadyToPulse,
    ReleaseTold,
    RunningTold,
    Scanned,
    SecretStored,
    SensorRead,
    SessionChanged,
    Started,
    StorageChanged,
    TimerFired,
    TrustChanged,
)
from edge.core.locker.state import LockerState, Turn, printable
from edge.core.replacement import replace
from edge.ports import DoorState, Now
from edge.wire.event import Event

PATIENCE_MS = 15_000


def step(state: LockerState, event: Input, now: Now) -> tuple[LockerState, tuple[Effect, ...]]:
    """One turn of the machine. `Record` effects are to be durable before any later effect of the step is done."""
    turn = Turn(state, now)
    _RULES[type(event)](turn, event)
    if turn.state.durable.decommissioning is not None and not turn.state.durable.decommissioned:
        lifecycle.finish_decommission(turn)
    return turn.result()


def replay(state: LockerState, event: Event) -> LockerState:
    """Fold one event of the log's tail: how the memory is rebuilt after a restart."""
    return replace(state, durable=fold(state.durable, event.type, event.data, event.at_ms))


def _door_read(turn: Turn, event: DoorRead) -> None:
    for happened in doors.door_read(turn, event):
        what, _, rest = happened.partition(":")
        if what == "settled":
            authority_id, _, outcome = rest.partition(":")
            _pulse_settled(turn, authority_id, event.compartment_no, outcome)
        else:
            kiosk.door_moved(turn, event.compartment_no, what, event.fresh_id)
    if event.door is DoorState.CLOSED:
        lifecycle.settle_after_crash(turn, event.compartment_no)
        compare_contents(turn, event.compartment_no)


def _ready_to_pulse(turn: Turn, event: ReadyToPulse) -> None:
    _settling(turn, event.authority_id, doors.ready_to_pulse, event)


def _pulse_ended(turn: Turn, event: PulseEnded) -> None:
    _settling(turn, event.authority_id, doors.pulse_ended, event)


def _settling(turn: Turn, authority_id: str, rule: Callable[[Turn, Any], str | None], event: object) -> None:
    """Apply a rule that may end the pulse of this authority, and tell command and session when it did."""
    pulsing = turn.state.pulsing.get(authority_id)
    outcome = rule(turn, event)
    if pulsing is not None and outcome is not None:
        _pulse_settled(turn, authority_id, pulsing.compartment_no, outcome)


def _pulse_settled(turn: Turn, authority_id: str, compartment_no: int, outcome: str) -> None:
    commands.command_settled(turn, authority_id, outcome)
    kiosk.pulse_settled(turn, compartment_no, outcome)
    lifecycle.give_up_orphan(turn, compartment_no, outcome)


def _timer_fired(turn: Turn, event: TimerFired) -> None:
    kind, _, subject = event.name.partition(":")
    if kind == "open":
        _settling(turn, subject, lambda turn, _: doors.settle(turn, subject), event)
    elif kind == "left_open":
        left_open.timed_out(turn, int(subject))
    elif kind == "session":
        kiosk.timed_out(turn)
    elif kind == "cap":
        queueing.cap_ticked(turn)
    elif kind == "zone":
        zones.timed_out(turn, subject)


def _session_changed(turn: Turn, event: SessionChanged) -> None:
    turn.set(nonce=event.nonce)


def _trust_changed(turn: Turn, event: TrustChanged) -> None:
    if turn.state.trust is None or event.bundle.version >= turn.state.trust.version:
        turn.set(trust=event.bundle)


def _secret_stored(turn: Turn, event: SecretStored) -> None:
    turn.record("secret_stored", name=event.name, version=event.version)


def _clock_synced(turn: Turn, event: ClockSynced) -> None:
    turn.record("clock_synced", step_ms=event.step_ms)


def _link_alarm(turn: Turn, event: LinkAlarm) -> None:
    if event.raised:
        turn.alarm(f"cloud_{event.code}", detail=printable(event.detail))
    else:
        turn.clear_alarm(f"cloud_{event.code}")


def _by_a_person(rule: Callable[[Turn, Any], None]) -> Callable[[Turn, Any], None]:
    """What a person did counts only while that person can still be standing there."""

    def act(turn: Turn, event: Any) -> None:
        waited_ms = 0 if event.asked_mono_ms is None else turn.now.mono_ms - event.asked_mono_ms
        if waited_ms <= PATIENCE_MS:
            rule(turn, event)

    return act


_RULES: Mapping[type, Callable[[Turn, Any], None]] = {
    Started: lifecycle.started,
    Scanned: _by_a_person(kiosk.scanned),
    PinEntered: _by_a_person(collecting.pin_entered),
    PinChecked: collecting.pin_checked,
    CounterChosen: depositing.counter_chosen,
    Pressed: _by_a_person(presses.pressed),
    DoorRead: _door_read,
    ReadyToPulse: _ready_to_pulse,
    PulseEnded: _pulse_ended,
    CommandReceived: commands.command_received,
    DesiredReceived: lifecycle.desired_received,
    SessionChanged: _session_changed,
    TrustChanged: _trust_changed,
    BoardChanged: lifecycle.board_changed,
    SecretStored: _secret_stored,
    ClockSynced: _clock_synced,
    LinkAlarm: _link_alarm,
    StorageChanged: lifecycle.storage_changed,
    SensorRead: sensors.sensor_read,
    TimerFired: _timer_fired,
    RunningTold: reporting.running_told,
    ReleaseTold: reporting.release_told,
    FirmwareTold: reporting.firmware_told,
}
