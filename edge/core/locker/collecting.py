"""A recipient's visit: by QR code or PIN, one compartment after the other, and what is said at the open door."""

from __future__ import annotations

from edge.core.locker import opening
from edge.core.locker.credentials import Credential
from edge.core.locker.doors import derive_id
from edge.core.locker.model import CheckPin, PinChecked, PinEntered
from edge.core.locker.queueing import open_next
from edge.core.locker.session import TAKES_CREDENTIALS, refuse, start_visit, touch
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.wire.pickup_claims import Operation
from edge.wire.pickup_pin import check_typo


def begin(turn: Turn, credential: Credential, fresh_id: str) -> None:
    """A QR code: judged before it is consumed."""
    assert credential.pickup_id is not None
    found = _openable(turn, credential.pickup_id)
    if isinstance(found, str):
        if found in ("nothing_here", "collect_expired"):
            turn.record("qr_refused", reason=found, jti=credential.jti)
        refuse(turn, found)
        return
    start_visit(turn, credential, fresh_id)
    open_next(turn, found, fresh_id)


def _openable(turn: Turn, pickup_id: str) -> tuple[int, ...] | str:
    """The compartments of this pickup that may be opened now, ascending, or why there is none."""
    holding = turn.state.durable.holding(pickup_id)
    if not holding:
        return "nothing_here"
    in_time = tuple(no for no in holding if not _expired(turn, no, pickup_id))
    if not in_time:
        return "collect_expired"
    refusals = {no: opening.refusal(turn, no, "collect") for no in in_time}
    open_now = tuple(no for no in in_time if refusals[no] is None)
    return open_now or refusals[in_time[0]] or "nothing_here"


def _expired(turn: Turn, no: int, pickup_id: str) -> bool:
    """A compartment is opened while any parcel of the pickup in it is still in time."""
    own = (held for held in turn.state.durable.slot(no).held if held.pickup_id == pickup_id)
    return all(turn.state.expired(held, turn.now.at_ms) for held in own)


def pin_entered(turn: Turn, event: PinEntered) -> None:
    """Nine digits from the keypad. A typo (Damm digit) is no attempt; an attempt is recorded before it is compared."""
    limits = turn.state.durable.pin_limits
    if turn.state.session.step not in TAKES_CREDENTIALS:
        return
    if limits.blocked(turn.now.at_ms):
        refuse(turn, "pin_blocked", until_at_ms=limits.retry_at_ms(turn.now.at_ms))
    elif not check_typo(event.pin):
        refuse(turn, "pin_mistyped")
    else:
        attempt_id = derive_id(event.fresh_id, "attempt")
        turn.record("pin_attempted", attempt_id=attempt_id)
        turn.emit(CheckPin(attempt_id, event.pin, turn.state.live_codes()))
        turn.go(Step.CHECKING, message="checking", visit_id=attempt_id)


def pin_checked(turn: Turn, event: PinChecked) -> None:
    """The comparison's answer."""
    if turn.state.session.step is not Step.CHECKING or turn.state.session.visit_id != event.attempt_id:
        return
    if event.pickup_id is None:
        _pin_wrong(turn, event.attempt_id)
        return
    turn.record("pin_accepted", attempt_id=event.attempt_id, pickup_id=event.pickup_id)
    found = _openable(turn, event.pickup_id)
    if isinstance(found, str):
        refuse(turn, found)
        return
    start_visit(turn, Credential("recipient", Operation.COLLECT, pickup_id=event.pickup_id), event.fresh_id)
    open_next(turn, found, event.fresh_id)


def _pin_wrong(turn: Turn, attempt_id: str) -> None:
    limits = turn.state.durable.pin_limits
    turn.record("pin_refused", attempt_id=attempt_id, wrong_in_row=limits.wrong_in_row)
    reason = limits.blocked(turn.now.at_ms)
    if reason is None:
        refuse(turn, "pin_wrong")
        return
    until_at_ms = limits.retry_at_ms(turn.now.at_ms)
    turn.record("access_blocked", reason=reason, until_at_ms=until_at_ms)
    if reason == "daily_limit":
        turn.alarm("pin_daily_limit")
    refuse(turn, "pin_blocked", until_at_ms=until_at_ms)


def dispute(turn: Turn, kind: str) -> None:
    """`empty` or `damaged`, said at the open door: on record at once, settled when the door closes."""
    session = turn.state.session
    no, visit_id = session.compartment_no, session.visit_id
    assert no is not None and visit_id is not None
    custody = turn.state.durable.custody[no]
    for held in custody.held:
        turn.record(
            "parcel_disputed",
            visit_id=visit_id,
            compartment_no=no,
            kind=kind,
            pickup_id=held.pickup_id,
            parcel_id=held.parcel_id,
        )
    if not custody.held:
        turn.record("parcel_disputed", visit_id=visit_id, compartment_no=no, kind=kind)
    turn.go(Step.DOOR_OPEN, message="close_support_is_told")
    touch(turn)
