"""The kiosk's session: credentials start visits, visits open doors, closed doors move custody on."""

from __future__ import annotations

from dataclasses import replace

from edge.core.locker import doors, reissue
from edge.core.locker.credentials import Credential, open_credential, wears_token
from edge.core.locker.custody import abandon, leave_unverified, settle_custody
from edge.core.locker.doors import derive_id
from edge.core.locker.durable import Held
from edge.core.locker.label import check_scan, parse_label
from edge.core.locker.model import (
    CheckPin,
    ChooseCounter,
    CounterChosen,
    PinChecked,
    PinEntered,
    Pressed,
    Scanned,
    Signal,
    StartTimer,
    StopTimer,
)
from edge.core.locker.state import Session, Turn
from edge.core.locker.steps import Step
from edge.ports import DoorState
from edge.wire.errors import WireError
from edge.wire.pickup_pin import check_typo

_TAKES_CREDENTIALS = frozenset({Step.IDLE, Step.DONE, Step.REFUSED})
_TAKES_LABELS = frozenset({Step.LABEL})


def scanned(turn: Turn, event: Scanned) -> None:
    """A code under the scanner: a credential starts a visit, a label within a courier's visit starts a deposit."""
    try:
        text = check_scan(event.text)
    except WireError:
        _refuse(turn, "scan_not_understood")
        return
    if wears_token(text):
        _credential_scanned(turn, text, event.fresh_id)
    elif turn.state.session.step in _TAKES_LABELS:
        _label_scanned(turn, text, event.fresh_id)
    else:
        _refuse(turn, "show_courier_code_first")


def _credential_scanned(turn: Turn, text: str, fresh_id: str) -> None:
    if turn.state.session.step not in _TAKES_CREDENTIALS:
        return
    found = open_credential(text, turn.state, turn.now.at_ms)
    if isinstance(found, str):
        turn.record("qr_refused", reason=found)
        _refuse(turn, found)
        return
    if found.kind == "courier":
        _start_visit(turn, found, fresh_id)
        _await_label(turn, "scan_label")
    else:
        _collect(turn, found, fresh_id)


def _start_visit(turn: Turn, credential: Credential, fresh_id: str) -> str:
    visit_id = derive_id(fresh_id, "visit")
    turn.record(
        "visit_started",
        visit_id=visit_id,
        kind=credential.kind,
        jti=credential.jti,
        jti_expires_at_ms=credential.expires_at_ms,
        pickup_id=credential.pickup_id,
        actor=credential.actor,
    )
    turn.set(session=replace(Session(), step=turn.state.session.step, visit_id=visit_id))
    turn.emit(Signal("ok"))
    return visit_id


# --- collect -------------------------------------------------------------------------------------------------


def _collect(turn: Turn, credential: Credential, fresh_id: str) -> None:
    assert credential.pickup_id is not None
    holding = turn.state.durable.holding(credential.pickup_id)
    if not holding:
        turn.record("qr_refused", reason="nothing_here", jti=credential.jti)
        _refuse(turn, "nothing_here")
        return
    blocked = doors.refusal(turn, holding[0], staff=False)
    if blocked is not None:  # before the credential is consumed
        _refuse(turn, blocked)
        return
    visit_id = _start_visit(turn, credential, fresh_id)
    _open_next(turn, visit_id, holding, fresh_id)


def _open_next(turn: Turn, visit_id: str, queue: tuple[int, ...], fresh_id: str) -> None:
    """Open the first compartment of `queue`; the others follow one by one as doors close."""
    no, rest = queue[0], queue[1:]
    blocked = doors.refusal(turn, no, staff=False)
    if blocked is not None:
        _end_visit(turn, blocked, Step.DONE if turn.state.session.step is Step.DOOR_OPEN else Step.IDLE, blocked)
        return
    authority_id = derive_id(fresh_id, "authority")
    doors.authorise(turn, no, authority_id=authority_id, visit_id=visit_id, cause="collect")
    turn.go(Step.OPENING, compartment_no=no, queue=rest, tries=1, message="opening")
    _touch(turn)


def pin_entered(turn: Turn, event: PinEntered) -> None:
    """Nine digits from the keypad. A typo (Damm digit) is no attempt; an attempt is recorded before it is compared."""
    limits = turn.state.durable.pin_limits
    if turn.state.session.step not in _TAKES_CREDENTIALS:
        return
    if limits.blocked(turn.now.at_ms):
        _refuse(turn, "pin_blocked", until_at_ms=limits.retry_at_ms(turn.now.at_ms))
    elif not check_typo(event.pin):
        _refuse(turn, "pin_mistyped")
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
    holding = turn.state.durable.holding(event.pickup_id)
    blocked = doors.refusal(turn, holding[0], staff=False) if holding else "nothing_here"
    if blocked is not None:
        _refuse(turn, blocked)
        return
    visit_id = _start_visit(turn, Credential("recipient", None, event.pickup_id, None, None), event.fresh_id)
    _open_next(turn, visit_id, holding, event.fresh_id)


def _pin_wrong(turn: Turn, attempt_id: str) -> None:
    limits = turn.state.durable.pin_limits
    turn.record("pin_refused", attempt_id=attempt_id, wrong_in_row=limits.wrong_in_row)
    reason = limits.blocked(turn.now.at_ms)
    if reason is None:
        _refuse(turn, "pin_wrong")
        return
    until_at_ms = limits.retry_at_ms(turn.now.at_ms)
    turn.record("access_blocked", reason=reason, until_at_ms=until_at_ms)
    if reason == "daily_limit":
        turn.alarm("pin_daily_limit")
    _refuse(turn, "pin_blocked", until_at_ms=until_at_ms)


# --- deposit -------------------------------------------------------------------------------------------------


def _label_scanned(turn: Turn, text: str, fresh_id: str) -> None:
    visit_id = turn.state.session.visit_id
    assert visit_id is not None
    try:
        parcel_id = parse_label(text).parcel_id
    except WireError:
        turn.record("label_refused", reason="label_not_understood", visit_id=visit_id)
        _await_label(turn, "label_not_understood", refused=True)
        return
    found = _reserved(turn, parcel_id)
    if isinstance(found, str):
        turn.record("label_refused", reason=found, visit_id=visit_id, parcel_id=parcel_id)
        _await_label(turn, found, refused=True)
        return
    held, no = found
    request_id = derive_id(fresh_id, "counter")
    turn.go(Step.CHECKING, deposit=held, compartment_no=no, message="checking", request_id=request_id)
    known = {(pickup, generation): counter for pickup, generation, counter in turn.state.live_codes()}
    counter = known.get((held.pickup_id or "", held.generation))
    if counter is not None:  # one code opens all parcels of a pickup
        _open_for_deposit(turn, replace(held, counter=counter), fresh_id)
    else:
        live = turn.state.live_codes()
        turn.emit(ChooseCounter(request_id, held.pickup_id or "", held.generation, live))


def _reserved(turn: Turn, parcel_id: str) -> tuple[Held, int] | str:
    reservation = turn.state.desired.reservations.get(parcel_id)
    if reservation is None:
        return "not_announced"
    if turn.now.at_ms >= reservation.expires_at_ms:
        return "reservation_expired"
    slot = turn.state.durable.slot(reservation.compartment_no)
    if turn.state.durable.holds(parcel_id):
        return "already_deposited"
    if slot.held or slot.door is DoorState.OPEN or turn.state.occupied.get(reservation.compartment_no):
        return "compartment_occupied"
    blocked = _deposit_refusal(turn, reservation.compartment_no)
    if blocked is not None:
        return blocked
    held = Held(parcel_id, reservation.pickup_id, reservation.reservation_id, reservation.generation)
    return held, reservation.compartment_no


def counter_chosen(turn: Turn, event: CounterChosen) -> None:
    """The PIN counter for the parcel being deposited; without a PIN key the parcel is collected by QR alone."""
    session = turn.state.session
    if reissue.chosen(turn, event) or session.step is not Step.CHECKING or session.request_id != event.request_id:
        return
    if session.deposit is None:
        return
    _open_for_deposit(turn, replace(session.deposit, counter=event.counter), event.fresh_id)


def _open_for_deposit(turn: Turn, held: Held, fresh_id: str) -> None:
    session = turn.state.session
    assert session.visit_id is not None and session.compartment_no is not None
    tries = turn.state.durable.tries(session.visit_id, session.compartment_no)
    blocked = _deposit_refusal(turn, session.compartment_no)
    if blocked is not None:
        _await_label(turn, blocked, refused=True)
        return
    authority_id = derive_id(fresh_id, "authority")
    doors.authorise(
        turn,
        session.compartment_no,
        authority_id=authority_id,
        visit_id=session.visit_id,
        cause="deposit",
        try_no=tries + 1,
        deposit=held,
    )
    turn.go(Step.OPENING, deposit=held, tries=tries + 1, message="opening")
    _touch(turn)


def _deposit_refusal(turn: Turn, no: int) -> str | None:
    """Why this courier may not open this door, or None: a visit has its tries for a door and no more."""
    visit_id = turn.state.session.visit_id or ""
    if turn.state.durable.tries(visit_id, no) >= turn.state.limits.tries_per_visit:
        return "opening_cap"
    return doors.refusal(turn, no, staff=False, visit_id=visit_id)


def _await_label(turn: Turn, message: str, *, refused: bool = False) -> None:
    turn.go(Step.LABEL, message=message, deposit=None, compartment_no=None, tries=0)
    turn.emit(Signal("refused" if refused else "ok"))
    _touch(turn)


# --- what doors and keys do to the session -------------------------------------------------------------------


def door_moved(turn: Turn, no: int, what: str, fresh_id: str) -> None:
    """`opened` or `closed` at the session's compartment moves it on."""
    session = turn.state.session
    at_this_door = session.compartment_no == no
    if what == "opened" and at_this_door and session.step in (Step.OPENING, Step.RETRY):
        turn.go(Step.DOOR_OPEN, message="door_open")
        _touch(turn)
    elif what == "closed":
        settled = settle_custody(turn, no)
        if at_this_door and session.step in (Step.DOOR_OPEN, Step.OPENING) and settled:
            _after_custody(turn, fresh_id)


def _after_custody(turn: Turn, fresh_id: str) -> None:
    session = turn.state.session
    assert session.visit_id is not None
    visit = turn.state.durable.visits.get(session.visit_id)
    if visit is not None and visit.kind == "courier":
        stored = session.deposit is not None and any(
            held.parcel_id == session.deposit.parcel_id
            for held in turn.state.durable.slot(session.compartment_no or 0).held
        )
        _await_label(turn, "deposited" if stored else "nothing_was_put_in", refused=not stored)
    elif session.queue:
        _open_next(turn, session.visit_id, session.queue, fresh_id)
    else:
        _end_visit(turn, "done", Step.DONE, "thank_you")


def pulse_settled(turn: Turn, no: int, outcome: str) -> None:
    """A pulse's outcome is known; a door that did not open may be tried again within the visit."""
    session = turn.state.session
    if session.compartment_no != no or session.step is not Step.OPENING:
        return
    if outcome == "unverified":
        turn.go(Step.DOOR_OPEN, message="confirm_when_closed")
    elif outcome != "did_not_open":
        turn.go(Step.DOOR_OPEN, message="door_open")
    else:
        turn.go(Step.RETRY, message="door_did_not_open")
        turn.emit(Signal("attention"))
    _touch(turn)


def pressed(turn: Turn, event: Pressed) -> None:
    """A key of the kiosk; keys that mean nothing at this step do nothing."""
    step = turn.state.session.step
    if event.action == "try_again" and step is Step.RETRY:
        _try_again(turn, event.fresh_id)
    elif event.action == "done" and step is Step.LABEL:
        _end_visit(turn, "done", Step.DONE, "thank_you")
    elif event.action == "done" and step is Step.DOOR_OPEN:
        _confirm_blind(turn, event.fresh_id)
    elif event.action == "cancel" and step in (Step.LABEL, Step.RETRY, Step.DONE, Step.REFUSED):
        _end_visit(turn, "cancelled", Step.IDLE, "")


def _try_again(turn: Turn, fresh_id: str) -> None:
    session = turn.state.session
    assert session.visit_id is not None and session.compartment_no is not None
    no = session.compartment_no
    if session.tries >= turn.state.limits.tries_per_visit:
        _give_up(turn, no)
        return
    blocked = doors.refusal(turn, no, staff=False, visit_id=session.visit_id)
    if blocked is not None:  # the credential is consumed: wait here and press again
        turn.go(Step.RETRY, message=blocked)
        _touch(turn)
        return
    doors.authorise(
        turn,
        no,
        authority_id=derive_id(fresh_id, "authority"),
        visit_id=session.visit_id,
        cause="deposit" if session.deposit else "collect",
        try_no=session.tries + 1,
        deposit=session.deposit,
    )
    turn.go(Step.OPENING, tries=session.tries + 1, message="opening")
    _touch(turn)


def _give_up(turn: Turn, no: int) -> None:
    """Three pulses and the door is still shut: out of service, somebody is told, a courier goes on with the next."""
    session = turn.state.session
    assert session.visit_id is not None
    abandon(turn, session.visit_id, "did_not_open")
    turn.record("compartment_disabled", compartment_no=no, reason="did_not_open")
    turn.alarm("door_did_not_open", str(no))
    visit = turn.state.durable.visits.get(session.visit_id)
    if visit is not None and visit.kind == "courier":
        _await_label(turn, "compartment_out_of_service", refused=True)
    else:
        _end_visit(turn, "did_not_open", Step.REFUSED, "call_support")


def _confirm_blind(turn: Turn, fresh_id: str) -> None:
    """A board without a door sensor: the person's word ends the step, and the record says `unverified` before it."""
    session = turn.state.session
    no = session.compartment_no
    if no is None or turn.state.durable.slot(no).door is not DoorState.UNKNOWN:
        return
    custody = turn.state.durable.custody.get(no)
    if custody is not None:
        opened = {**turn.state.durable.custody, no: replace(custody, opened=True)}
        turn.set(durable=replace(turn.state.durable, custody=opened))
        settle_custody(turn, no)
    _after_custody(turn, fresh_id)


def timed_out(turn: Turn) -> None:
    """Nobody has touched the kiosk for a while. A visit never ends under an open door."""
    session = turn.state.session
    if session.step in (Step.IDLE, Step.CLOSED):
        return
    no = session.compartment_no
    if session.step in (Step.DOOR_OPEN, Step.OPENING) and no is not None:
        door = turn.state.durable.slot(no).door
        if door is DoorState.OPEN or turn.pulse_under_way(no):
            _touch(turn)
            return
        if door is DoorState.UNKNOWN:
            leave_unverified(turn, no)
    _end_visit(turn, "idle", Step.IDLE, "")


def _end_visit(turn: Turn, reason: str, step: Step, message: str) -> None:
    visit_id = turn.state.session.visit_id
    if visit_id is not None and visit_id in turn.state.durable.visits:
        abandon(turn, visit_id, reason)
        turn.record("visit_ended", visit_id=visit_id, reason=reason)
    turn.set(session=Session(step=turn.state.session.step))
    turn.go(step, message=message)
    if step is Step.IDLE:
        turn.emit(StopTimer("session"))
    else:
        turn.emit(StartTimer("session", turn.state.limits.done_ms))


def _refuse(turn: Turn, message: str, until_at_ms: int = 0) -> None:
    """Say why not. A visit under way goes on; without one the kiosk returns to idle by itself."""
    turn.emit(Signal("refused"))
    session = turn.state.session
    if session.step in _TAKES_CREDENTIALS or (session.step is Step.CHECKING and session.deposit is None):
        turn.go(Step.REFUSED, message=message, until_at_ms=until_at_ms, visit_id=None, deposit=None)
        turn.emit(StartTimer("session", turn.state.limits.done_ms))


def _touch(turn: Turn) -> None:
    idle_ms = turn.state.limits.visit_idle_ms
    turn.set(session=replace(turn.state.session, idle_until_mono_ms=turn.now.mono_ms + idle_ms))
    turn.emit(StartTimer("session", idle_ms))
