"""Several doors of one visit, one after the other: a pickup's, a retrieval's, all of them for a technician."""

from __future__ import annotations

from edge.core.locker import opening
from edge.core.locker.doors import derive_id
from edge.core.locker.model import StartTimer
from edge.core.locker.session import end_visit, touch
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace

CAP_TICK_MS = 5_000
UNATTENDED = frozenset({"open_all", "reconcile"})  # these wait by themselves until the cap lets them go on


def open_next(turn: Turn, queue: tuple[int, ...], fresh_id: str | None = None) -> None:
    """Open the first of `queue` that may be opened; the others follow. With none left the visit's loop is over.

    `fresh_id` None: no input brings one, so the visit's own makes the next authority's.
    """
    purpose = turn.state.session.purpose
    for place, no in enumerate(queue):
        rest, why = queue[place + 1 :], opening.refusal(turn, no, purpose)
        if why is None:
            opening.open_door(turn, no, fresh_id or _own_id(turn, no), queue=rest)
            return
        if why in opening.PASSING and purpose in UNATTENDED:
            _wait_for_cap(turn, (no, *rest))
            return
        if why in opening.PASSING:
            opening.wait_to_retry(turn, why, compartment_no=no, queue=rest, tries=0, failed=False)
            return
        _passed_over(turn)
    finish(turn)


def _passed_over(turn: Turn) -> None:
    """A compartment that this loop could not open is one that nobody has looked into."""
    session = turn.state.session
    if session.purpose == "reconcile":
        turn.set(session=replace(session, exceptions=session.exceptions + 1))


def finish(turn: Turn) -> None:
    """The last door of the visit is shut."""
    session = turn.state.session
    if session.purpose == "reconcile" and session.visit_id is not None:
        turn.record(
            "reconciliation_finished",
            visit_id=session.visit_id,
            checked=session.checked,
            exceptions=session.exceptions,
        )
    if session.purpose in UNATTENDED:
        to_menu(turn, "reconciled" if session.purpose == "reconcile" else "all_opened")
    else:
        end_visit(turn, "done", Step.DONE, "thank_you")


def to_menu(turn: Turn, message: str) -> None:
    """Back to what a technician may do."""
    turn.go(Step.MENU, message=message, purpose="maintain", compartment_no=None, queue=(), tries=0)
    touch(turn)


def _wait_for_cap(turn: Turn, queue: tuple[int, ...]) -> None:
    turn.go(Step.OPENING, message="waiting_for_cap", compartment_no=None, queue=queue, tries=0)
    turn.emit(StartTimer("cap", CAP_TICK_MS))
    touch(turn)


def cap_ticked(turn: Turn) -> None:
    """The cap may let the next door go by now."""
    session = turn.state.session
    if session.step is Step.OPENING and session.compartment_no is None and session.queue:
        open_next(turn, session.queue)


def _own_id(turn: Turn, no: int) -> str:
    """Of this visit, this door, this try, this moment: never the same again, so that no authority is given twice."""
    visit_id = turn.state.session.visit_id or ""
    tries = turn.state.durable.tries(visit_id, no)
    return derive_id(f"{visit_id}/{no}/{tries}/{turn.now.mono_ms}", "next")
