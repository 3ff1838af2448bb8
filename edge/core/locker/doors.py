"""Pulses and doors: one authority, one pulse, one outcome; every door movement is explained or raises an alarm."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from edge.core.locker.durable import Held
from edge.core.locker.fold import OPENING_WINDOW_MS
from edge.core.locker.model import DoorRead, Pulse, PulseEnded, ReadyToPulse, Recheck, Signal, StartTimer, StopTimer
from edge.core.locker.state import Pulsing, Turn
from edge.core.replacement import replace
from edge.ports import DoorState, PulseReply
from edge.wire.messages import Command

AUTHORITY_LIFE_MS = 20_000
_ENDED_BY_CLOSING = ("door_left_open", "door_opened_unauthorised", "door_disputed")

# (what the board said, the door was seen open) → outcome; the sensor has the last word, never the board.
OUTCOMES: Mapping[tuple[bool, bool], str] = {
    (True, True): "opened",
    (True, False): "did_not_open",
    (False, True): "opened_unacknowledged",
    (False, False): "did_not_open",
}


def derive_id(fresh_id: str, purpose: str) -> str:
    """Another id from an unpredictable one: a step needs several, its input brings one."""
    return hashlib.sha256(f"{fresh_id}/{purpose}".encode()).hexdigest()[:32]


def refusal(
    turn: Turn, compartment_no: int, *, staff: bool, visit_id: str | None = None, inspect: bool = False
) -> str | None:
    """Why this compartment may not be pulsed now, or None. The cap is the device's own, whoever asks.

    A deposit or collection that another visit has under way here keeps everybody else out but an inspection.
    """
    state = turn.state
    if not state.writable:
        return "storage_full"
    if state.durable.decommissioned:
        return "decommissioned"
    if state.compartment(compartment_no) is None:
        return "no_such_compartment"
    if state.durable.slot(compartment_no).disabled and not staff:
        return "compartment_disabled"
    custody = state.durable.custody.get(compartment_no)
    taken = custody is not None and custody.visit_id != visit_id and not inspect
    if taken or turn.pulse_under_way(compartment_no):
        return "busy"
    return "opening_cap" if _recent_openings(turn) >= state.limits.openings_per_minute else None


def _recent_openings(turn: Turn) -> int:
    """Authorities of the last minute by both clocks: one holds over a restart, the other over jumps of the first."""
    logged = sum(1 for at_ms in turn.state.durable.openings if abs(turn.now.at_ms - at_ms) < OPENING_WINDOW_MS)
    return max(logged, len(_in_window(turn)))


def _in_window(turn: Turn) -> tuple[int, ...]:
    return tuple(at for at in turn.state.authorised_mono_ms if turn.now.mono_ms - at < OPENING_WINDOW_MS)


def authorise(
    turn: Turn,
    compartment_no: int,
    *,
    authority_id: str,
    visit_id: str,
    cause: str,
    try_no: int = 1,
    deposit: Held | None = None,
    command: Command | None = None,
) -> None:
    """Record the authority; the pulse follows only after the record is durable and everything holds again."""
    turn.record(
        "unlock_authorised",
        authority_id=authority_id,
        compartment_no=compartment_no,
        visit_id=visit_id,
        cause=cause,
        try_no=try_no,
        command_id=command.command_id if command else None,
        parcel_id=deposit.parcel_id if deposit else None,
        pickup_id=deposit.pickup_id if deposit else None,
        reservation_id=deposit.reservation_id if deposit else None,
        pin_generation=deposit.generation if deposit else None,
        pin_counter=deposit.counter if deposit else None,
        collect_by_ms=deposit.collect_by_ms if deposit else None,
        origin=deposit.origin if deposit else None,
    )
    expires_at_ms = command.expires_at_ms if command else None
    nonce = command.nonce if command else None
    opened = turn.state.durable.slot(compartment_no).door is DoorState.OPEN
    pulsing = Pulsing(compartment_no, turn.now.mono_ms, opened=opened, expires_at_ms=expires_at_ms, nonce=nonce)
    turn.pulse_state(authority_id, pulsing)
    turn.set(authorised_mono_ms=(*_in_window(turn), turn.now.mono_ms))
    turn.emit(Recheck(authority_id))


def ready_to_pulse(turn: Turn, event: ReadyToPulse) -> str | None:
    """The moment of actuation: the last look at expiry and session. Returns the outcome if it ends here."""
    pulsing = turn.state.pulsing.get(event.authority_id)
    if pulsing is None or pulsing.sent:
        return None
    compartment = turn.state.compartment(pulsing.compartment_no)
    expired = pulsing.expires_at_ms is not None and turn.now.at_ms >= pulsing.expires_at_ms
    foreign = pulsing.nonce is not None and pulsing.nonce != turn.state.nonce
    late = turn.now.mono_ms - pulsing.authorised_mono_ms > AUTHORITY_LIFE_MS
    if compartment is None or expired or foreign or late:
        _finish(turn, event.authority_id, pulsing, "not_sent", "did_not_open")
        return "did_not_open"
    turn.pulse_state(event.authority_id, replace(pulsing, sent=True))
    turn.emit(Pulse(event.authority_id, compartment.channel))
    turn.emit(StartTimer(f"open:{event.authority_id}", turn.state.limits.open_wait_ms))
    return None


def pulse_ended(turn: Turn, event: PulseEnded) -> str | None:
    """The board's answer. Only a plain refusal ends the wait for the door."""
    pulsing = turn.state.pulsing.get(event.authority_id)
    if pulsing is None:
        return None
    pulsing = replace(pulsing, reply=event.reply)
    turn.pulse_state(event.authority_id, pulsing)
    if pulsing.opened or event.reply in (PulseReply.REFUSED, PulseReply.FAULT):
        return settle(turn, event.authority_id)
    return None


def settle(turn: Turn, authority_id: str) -> str | None:
    """Write down what became of a pulse: board's word × door."""
    pulsing = turn.state.pulsing.get(authority_id)
    if pulsing is None:
        return None
    reply = pulsing.reply or PulseReply.NO_REPLY
    outcome = OUTCOMES[reply is PulseReply.ACKED, pulsing.opened]
    blind = turn.state.durable.slot(pulsing.compartment_no).door is DoorState.UNKNOWN
    if blind and not pulsing.opened and reply in (PulseReply.ACKED, PulseReply.NO_REPLY):
        outcome = "unverified"
    turn.emit(StopTimer(f"open:{authority_id}"))
    _finish(turn, authority_id, pulsing, reply.value, outcome)
    return outcome


def finish_unsent(turn: Turn, authority_id: str, no: int) -> None:
    """An authority that will never become a pulse."""
    _finish(turn, authority_id, Pulsing(no), "not_sent", "did_not_open")


def _finish(turn: Turn, authority_id: str, pulsing: Pulsing, pulse: str, outcome: str) -> None:
    turn.record(
        "unlock_finished",
        authority_id=authority_id,
        compartment_no=pulsing.compartment_no,
        pulse=pulse,
        outcome=outcome,
    )
    turn.pulse_state(authority_id, None)


def door_read(turn: Turn, event: DoorRead) -> tuple[str, ...]:
    """A reading of one door. Returns what happened: `opened`, `closed`, `settled:<authority_id>:<outcome>`."""
    no = event.compartment_no
    turn.set(occupied={**turn.state.occupied, no: event.occupied})
    before = turn.state.durable.slot(no).door
    if event.door is DoorState.UNKNOWN or event.door is before:
        if event.door is DoorState.CLOSED:
            _forget_crash(turn, no)
        return ()
    if event.door is DoorState.CLOSED:
        return _closed(turn, no)
    return _opened(turn, no, before)


def _opened(turn: Turn, no: int, before: DoorState) -> tuple[str, ...]:
    authority_id = _explaining_authority(turn, no)
    if authority_id is None and before is DoorState.CLOSED:
        turn.record("door_opened_unauthorised", compartment_no=no)
        turn.alarm("door_opened_unauthorised", str(no))
        turn.emit(Signal("attention"))
    else:
        turn.record("door_opened", compartment_no=no, authority_id=authority_id)
    _forget_crash(turn, no)
    turn.emit(StartTimer(f"left_open:{no}", turn.state.limits.left_open_ms))
    pulsing = turn.state.pulsing.get(authority_id or "")
    if pulsing is None or authority_id is None:
        return ("opened",)
    turn.pulse_state(authority_id, replace(pulsing, opened=True))
    if pulsing.reply is None:
        return ("opened",)
    return ("opened", f"settled:{authority_id}:{settle(turn, authority_id)}")


def _explaining_authority(turn: Turn, no: int) -> str | None:
    """The authority that explains an open door: a pulse under way, one from before a crash, or one just ended.

    It explains one opening. A door that opens again after it has closed was opened by nobody's leave.
    """
    for authority_id, pulsing in turn.state.pulsing.items():
        if pulsing.compartment_no == no and pulsing.sent and not pulsing.opened:
            return authority_id
    if no in turn.state.after_crash:
        return turn.state.after_crash[no]
    durable = turn.state.durable
    newest = durable.newest_authority(no)
    if newest is None or durable.authorities[newest].opened:
        return None
    authority, custody = durable.authorities[newest], durable.custody.get(no)
    in_grace = 0 <= turn.now.at_ms - authority.at_ms < turn.state.limits.opened_grace_ms
    waited_for = custody is not None and custody.visit_id == authority.visit_id in durable.visits
    return newest if in_grace or waited_for else None


def _closed(turn: Turn, no: int) -> tuple[str, ...]:
    turn.record("door_closed", compartment_no=no)
    turn.emit(StopTimer(f"left_open:{no}"))
    if no in turn.state.left_open:
        turn.set(left_open={key: count for key, count in turn.state.left_open.items() if key != no})
    for alarm in _ENDED_BY_CLOSING:
        turn.clear_alarm(alarm, str(no))
    _forget_crash(turn, no)
    return ("closed",)


def _forget_crash(turn: Turn, no: int) -> None:
    if no in turn.state.after_crash:
        turn.set(after_crash={key: value for key, value in turn.state.after_crash.items() if key != no})
