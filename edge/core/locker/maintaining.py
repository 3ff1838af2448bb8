"""A technician's visit: single doors, in and out of service, and all doors at once when a second person agrees."""

from __future__ import annotations

from edge.core.locker import opening
from edge.core.locker.credentials import Credential, open_credential
from edge.core.locker.model import Signal
from edge.core.locker.queueing import open_next, to_menu
from edge.core.locker.session import start_visit, touch
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace

# What stands against a compartment until somebody has looked at it.
DISABLING_ALARMS = ("door_did_not_open", "custody_unverified", "door_blocked", "door_disputed")


def begin(turn: Turn, credential: Credential, fresh_id: str) -> None:
    """The credential is good for this one visit."""
    start_visit(turn, credential, fresh_id)
    to_menu(turn, "menu")


def open_one(turn: Turn, no: int, fresh_id: str) -> None:
    """One door, for work behind it."""
    why = opening.refusal(turn, no, "maintain")
    if why is not None:
        _say(turn, why)
        return
    opening.open_door(turn, no, fresh_id)


def out_of_service(turn: Turn, no: int, _fresh_id: str) -> None:
    """Nobody gets this compartment until it is put into service again."""
    slot = turn.state.durable.slot(no)
    if turn.state.compartment(no) is None:
        _say(turn, "no_such_compartment")
    elif no in turn.state.durable.custody:
        _say(turn, "busy")
    else:
        if slot.disabled is None:
            turn.record("compartment_disabled", compartment_no=no, reason="maintenance")
        _say(turn, "out_of_service")


def in_service(turn: Turn, no: int, _fresh_id: str) -> None:
    """The technician has seen that it works."""
    if turn.state.durable.slot(no).disabled is not None:
        enable(turn, no)
    _say(turn, "in_service")


def enable(turn: Turn, no: int) -> None:
    """Somebody has looked at it: in service again, and what put it out of service is settled."""
    turn.record("compartment_enabled", compartment_no=no)
    for alarm in DISABLING_ALARMS:
        turn.clear_alarm(alarm, str(no))


def _say(turn: Turn, message: str) -> None:
    turn.go(Step.MENU, message=message)
    touch(turn)


# --- all doors -----------------------------------------------------------------------------------------------


def ask_second(turn: Turn) -> None:
    """All doors need a second person's own credential."""
    turn.go(Step.SECOND, message="second_person")
    touch(turn)


def second_scanned(turn: Turn, text: str, fresh_id: str) -> None:
    """Another technician's credential, consumed by this visit; one person with two credentials is one person."""
    found = open_credential(text, turn.state, turn.now)
    why = found if isinstance(found, str) else _no_second(turn, found)
    if why is not None:
        turn.record("qr_refused", reason=why)
        turn.emit(Signal("refused"))
        turn.go(Step.SECOND, message=why)
        touch(turn)
        return
    assert isinstance(found, Credential)
    turn.record(
        "visit_joined",
        visit_id=turn.state.session.visit_id,
        actor=found.actor,
        jti=found.jti,
        jti_expires_at_ms=found.expires_at_ms,
    )
    turn.emit(Signal("ok"))
    turn.set(session=replace(turn.state.session, purpose="open_all"))
    open_next(turn, tuple(item.no for item in turn.state.compartments()), fresh_id)


def _no_second(turn: Turn, found: Credential) -> str | None:
    if found.kind != "technician":
        return "operation_not_offered"
    return "same_person" if found.actor in (None, turn.state.session.actor) else None
