"""What a courier or sender says of a compartment that will not do, and the courier's second look at a closed one."""

from __future__ import annotations

from edge.core.locker import depositing, opening
from edge.core.locker.custody import record_out
from edge.core.locker.session import await_label, touch
from edge.core.locker.state import LockerState, Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace
from edge.ports import Now


def will_not_do(turn: Turn, reason: str) -> None:
    """`too_big` or `dirty`, said at the open door: on record at once; the next door opens when this one is shut."""
    session = turn.state.session
    no, visit_id = session.compartment_no, session.visit_id
    assert no is not None and visit_id is not None and session.deposit is not None
    too_small = (*session.too_small, no) if reason == "too_big" else session.too_small
    turn.set(session=replace(session, swap=reason, given_up=(*session.given_up, no), too_small=too_small))
    found = depositing.next_best(turn)
    turn.record("compartment_swapped", visit_id=visit_id, compartment_no=no, to_compartment_no=found, reason=reason)
    if reason == "dirty":
        turn.record(
            "deposit_abandoned",
            parcel_id=session.deposit.parcel_id,
            compartment_no=no,
            visit_id=visit_id,
            reason=reason,
        )
        turn.record("compartment_disabled", compartment_no=no, reason=reason)
    turn.go(Step.DOOR_OPEN, message="close_then_next" if found is not None else "close_none_left")
    touch(turn)


# --- the courier opens again ---------------------------------------------------------------------------------


def may_reopen(state: LockerState, now: Now) -> bool:
    """Whether the compartment of the last deposit may be opened again."""
    session = state.session
    if session.reopen_no is None or now.mono_ms >= session.reopen_until_mono_ms:
        return False
    tries = state.durable.tries(session.visit_id or "", session.reopen_no)
    return tries < state.limits.tries_per_visit and bool(state.durable.slot(session.reopen_no).held)


def reopen(turn: Turn, fresh_id: str) -> None:
    """The wrong parcel went in: the same courier, the same visit, within the grace time."""
    no = turn.state.session.reopen_no
    assert no is not None
    why = opening.refusal(turn, no, "reopen")
    if why is not None:
        await_label(turn, why, refused=True)
        return
    turn.set(session=replace(turn.state.session, purpose="reopen"))
    opening.open_door(turn, no, fresh_id)


def reopened_closed(turn: Turn, no: int, *, settled: bool) -> None:
    """The sensor has said what is in there, or the courier is asked."""
    if settled:
        there = bool(turn.state.durable.slot(no).held)
        await_label(turn, "left_in" if there else "taken_out")
    else:
        turn.go(Step.CONFIRM, message="is_it_still_in")
        touch(turn)


def confirmed(turn: Turn, *, taken: bool) -> None:
    """No sensor: the courier's word is what there is, and it is the courier's own parcel."""
    session = turn.state.session
    assert session.compartment_no is not None
    custody = turn.state.durable.custody.get(session.compartment_no)
    if custody is not None and taken:
        record_out(turn, session.compartment_no, custody)
    elif custody is not None:
        turn.record(
            "collect_abandoned",
            compartment_no=session.compartment_no,
            visit_id=custody.visit_id,
            reason="still_there",
        )
    await_label(turn, "taken_out" if taken else "left_in")
