"""A door that stayed shut: another pulse within the visit's tries, or given up and on to what comes next."""

from __future__ import annotations

from edge.core.locker import depositing, opening, reconciling
from edge.core.locker.queueing import open_next, to_menu
from edge.core.locker.session import await_label, end_visit
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step


def try_again(turn: Turn, fresh_id: str) -> None:
    """A new authority for the same door. The tries of a visit are counted, whoever asks."""
    session = turn.state.session
    no = session.compartment_no
    assert no is not None
    why = opening.refusal(turn, no, session.purpose)
    if why is None:
        opening.open_door(turn, no, fresh_id, deposit=session.deposit)
    elif why != "tries_used_up":  # the credential is consumed: wait here and press again
        opening.wait_to_retry(turn, why)
    elif session.failed:
        next_compartment(turn, fresh_id)
    else:
        end_visit(turn, why, Step.REFUSED, "call_support")


def next_compartment(turn: Turn, fresh_id: str) -> None:
    """This door is out of service from now on; the visit goes on without it where it can."""
    session = turn.state.session
    no = session.compartment_no
    assert no is not None
    opening.give_up(turn, no)
    if session.purpose == "deposit":
        depositing.take_another(turn, no, "did_not_open", fresh_id)
    elif session.purpose == "reconcile":
        reconciling.skipped(turn, fresh_id)
    elif session.purpose == "maintain":
        to_menu(turn, "door_did_not_open")
    elif session.purpose == "reopen":
        await_label(turn, "compartment_out_of_service", refused=True)
    elif session.queue:
        open_next(turn, session.queue, fresh_id)
    else:
        end_visit(turn, "did_not_open", Step.REFUSED, "call_support")
