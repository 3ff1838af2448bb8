"""The weekly look into every compartment: what should be there, what is, and what becomes an exception."""

from __future__ import annotations

from edge.core.locker.queueing import open_next
from edge.core.locker.session import touch
from edge.core.locker.state import LockerState, Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace

ANSWERS = frozenset({"as_expected", "empty", "other"})


def begin(turn: Turn, fresh_id: str) -> None:
    """Every door in the order of its number; the opening cap sets the pace."""
    turn.set(session=replace(turn.state.session, purpose="reconcile", checked=0, exceptions=0))
    open_next(turn, tuple(item.no for item in turn.state.compartments()), fresh_id)


def expected(state: LockerState) -> int:
    """How many parcels should lie behind the door that is asked about."""
    no = state.session.compartment_no
    return 0 if no is None else len(state.durable.slot(no).held)


def ask(turn: Turn) -> None:
    """The door is shut again: what was in there?"""
    turn.go(Step.CHECK, message="what_is_in_it")
    touch(turn)


def found(turn: Turn, answer: str, fresh_id: str) -> None:
    """`as_expected`, `empty` or `other`. What differs is out of service until somebody has cleared it up."""
    session = turn.state.session
    no = session.compartment_no
    if no is None or session.visit_id is None or answer not in ANSWERS:
        return
    held = turn.state.durable.slot(no).held
    what = _judged(answer, expecting=bool(held))
    turn.record(
        "compartment_checked",
        visit_id=session.visit_id,
        compartment_no=no,
        found=what,
        parcel_id=held[0].parcel_id if len(held) == 1 else None,
    )
    differs = what != "as_expected"
    if differs and no not in turn.state.durable.custody:
        turn.record("compartment_disabled", compartment_no=no, reason="reconciliation")
    _next(turn, fresh_id, exception=differs)


def _judged(answer: str, *, expecting: bool) -> str:
    if answer == "empty" and not expecting:
        return "as_expected"
    return "occupied" if answer == "other" and not expecting else answer


def skipped(turn: Turn, fresh_id: str) -> None:
    """The door would not open, which is an exception too."""
    _next(turn, fresh_id, exception=True)


def _next(turn: Turn, fresh_id: str, *, exception: bool) -> None:
    session = turn.state.session
    counted = replace(session, checked=session.checked + 1, exceptions=session.exceptions + exception)
    turn.set(session=counted)
    open_next(turn, session.queue, fresh_id)
