"""A door that stands open past its time: first the buzzer, then an alarm, then the compartment is blocked."""

from __future__ import annotations

from edge.core.locker.model import Signal, StartTimer
from edge.core.locker.session import end_visit
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.ports import DoorState

_LEAST_WAIT_MS = 1_000


def timed_out(turn: Turn, no: int) -> None:
    """The next stage, while it still stands open; one that a technician has open is only called to mind."""
    if turn.state.durable.slot(no).door is not DoorState.OPEN:
        return
    turn.emit(Signal("attention"))
    if _in_a_technician_s_hands(turn, no):
        turn.emit(StartTimer(f"left_open:{no}", turn.state.limits.left_open_ms))
        return
    limits, stage = turn.state.limits, turn.state.left_open.get(no, 0)
    waits_ms = (limits.left_open_ms, limits.left_open_alarm_ms, limits.left_open_block_ms)
    turn.set(left_open={**turn.state.left_open, no: stage + 1})
    turn.record("door_left_open", compartment_no=no, open_for_s=waits_ms[stage] // 1000)
    if stage > 0:
        turn.alarm("door_left_open", str(no))
    if stage < len(waits_ms) - 1:
        turn.emit(StartTimer(f"left_open:{no}", max(_LEAST_WAIT_MS, waits_ms[stage + 1] - waits_ms[stage])))
    else:
        _block(turn, no)


def _in_a_technician_s_hands(turn: Turn, no: int) -> bool:
    newest = turn.state.durable.newest_authority(no)
    if newest is None:
        return False
    visit = turn.state.durable.visits.get(turn.state.durable.authorities[newest].visit_id)
    return visit is not None and visit.kind == "technician"


def _block(turn: Turn, no: int) -> None:
    """Nobody comes back to this door: out of service, and the kiosk is there for others again."""
    if no in turn.state.durable.custody:
        turn.alarm("custody_unverified", str(no))
    turn.record("compartment_disabled", compartment_no=no, reason="left_open")
    turn.alarm("door_blocked", str(no))
    session = turn.state.session
    if session.compartment_no == no and session.step is Step.DOOR_OPEN:
        end_visit(turn, "left_open", Step.IDLE, "")
