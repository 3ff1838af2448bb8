"""One door within a visit: opened, tried again, disputed, given up. What follows is the flow's affair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.locker import doors
from edge.core.locker.durable import Held
from edge.core.locker.model import Light, Signal
from edge.core.locker.session import touch
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.ports import DoorState

PASSING = frozenset({"opening_cap", "busy"})  # reasons that go away by themselves


@dataclass(frozen=True, slots=True)
class Purpose:
    """`staff` may open what is out of service; `inspect` also what somebody else has under way."""

    staff: bool = False
    inspect: bool = False


PURPOSES: Mapping[str, Purpose] = {
    "deposit": Purpose(),
    "collect": Purpose(),
    "reopen": Purpose(),
    "retrieve": Purpose(staff=True),
    "maintain": Purpose(staff=True, inspect=True),
    "reconcile": Purpose(staff=True, inspect=True),
    "open_all": Purpose(staff=True, inspect=True),
}


def refusal(turn: Turn, no: int, purpose: str) -> str | None:
    """Why this visit may not open this door now, or None: it has its tries for a door and no more."""
    visit_id = turn.state.session.visit_id or ""
    if visit_id and turn.state.durable.tries(visit_id, no) >= turn.state.limits.tries_per_visit:
        return "tries_used_up"
    rule = PURPOSES[purpose]
    return doors.refusal(turn, no, staff=rule.staff, visit_id=visit_id, inspect=rule.inspect)


def open_door(turn: Turn, no: int, fresh_id: str, *, deposit: Held | None = None, **session: object) -> None:
    """Give the authority, show the door. Whoever calls has asked `refusal`."""
    visit_id, purpose = turn.state.session.visit_id, turn.state.session.purpose
    assert visit_id is not None
    tries = turn.state.durable.tries(visit_id, no) + 1
    doors.authorise(
        turn,
        no,
        authority_id=doors.derive_id(fresh_id, "authority"),
        visit_id=visit_id,
        cause=purpose,
        try_no=tries,
        deposit=deposit,
    )
    turn.go(Step.OPENING, compartment_no=no, tries=tries, deposit=deposit, message="opening", failed=False, **session)
    turn.emit(Light(no))
    touch(turn)


def wait_to_retry(turn: Turn, message: str, **session: object) -> None:
    """The door is shut and may be tried again; the credential stays consumed."""
    turn.go(Step.RETRY, message=message, **session)
    touch(turn)


def pulse_settled(turn: Turn, no: int, outcome: str) -> None:
    """A pulse's outcome is known; a door that did not open may be tried again within the visit."""
    if outcome == "did_not_open":
        turn.emit(Signal("attention"))
        wait_to_retry(turn, "door_did_not_open", failed=True)
        return
    turn.go(Step.DOOR_OPEN, message="confirm_when_closed" if outcome == "unverified" else "door_open")
    touch(turn)


def disputed(turn: Turn, no: int) -> None:
    """The person says that the door did not open. A sensor that says otherwise may be the broken one."""
    if turn.state.durable.slot(no).door is DoorState.OPEN:
        turn.alarm("door_disputed", str(no))
    turn.emit(Signal("attention"))
    wait_to_retry(turn, "door_did_not_open", failed=True)


def give_up(turn: Turn, no: int) -> None:
    """The door stays shut: what it was to open for is given up on record, it goes out of service, somebody is told."""
    custody, visit_id = turn.state.durable.custody.get(no), turn.state.session.visit_id
    if custody is not None and custody.visit_id == visit_id:
        if custody.cause == "deposit":
            parcel_id = custody.held[0].parcel_id
            turn.record(
                "deposit_abandoned", parcel_id=parcel_id, compartment_no=no, visit_id=visit_id, reason="did_not_open"
            )
        else:
            turn.record("collect_abandoned", compartment_no=no, visit_id=visit_id, reason="did_not_open")
    turn.record("compartment_disabled", compartment_no=no, reason="did_not_open")
    turn.alarm("door_did_not_open", str(no))
