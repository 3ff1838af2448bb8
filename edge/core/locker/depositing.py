"""A parcel goes in: by its label or a sender's code, into the reserved compartment or one that the device chooses."""

from __future__ import annotations

from edge.core.locker import assignment, opening, reissue
from edge.core.locker.credentials import Credential
from edge.core.locker.desired import Needs, Reservation
from edge.core.locker.doors import derive_id
from edge.core.locker.durable import Held
from edge.core.locker.label import parse_label
from edge.core.locker.model import ChooseCounter, CounterChosen
from edge.core.locker.session import await_label, end_visit, refuse, start_visit, touch
from edge.core.locker.state import LockerState, Turn
from edge.core.locker.steps import Step
from edge.core.locker.vacancy import problem, vacant
from edge.core.replacement import replace
from edge.ports import Now
from edge.wire.errors import WireError
from edge.wire.pickup_claims import drop_off_parcel_id


def begin(turn: Turn, credential: Credential, fresh_id: str) -> None:
    """A courier: the visit waits for labels."""
    start_visit(turn, credential, fresh_id)
    await_label(turn, "scan_label")


def begin_drop_off(turn: Turn, credential: Credential, fresh_id: str) -> None:
    """A sender's code stands for a parcel without a label. Judged before it is consumed."""
    assert credential.pickup_id is not None
    parcel_id = drop_off_parcel_id(credential.pickup_id)
    reservation = turn.state.desired.reservations.get(parcel_id)
    why = _unwelcome(turn, parcel_id, reservation)
    if why is None and reservation is None and not size_offers(turn.state, turn.now):
        why = "locker_full"
    if why is not None:
        turn.record("qr_refused", reason=why, jti=credential.jti)
        refuse(turn, why)
        return
    start_visit(turn, credential, fresh_id)
    _take_in(turn, _held(turn, parcel_id, reservation, credential.pickup_id, "drop_off"), reservation, fresh_id)


def label_scanned(turn: Turn, text: str, fresh_id: str) -> None:
    """A courier's label: announced, or not."""
    try:
        parcel_id = parse_label(text).parcel_id
    except WireError:
        _label_refused(turn, "label_not_understood", None)
        return
    reservation = turn.state.desired.reservations.get(parcel_id)
    why = _unwelcome(turn, parcel_id, reservation)
    if why is not None:
        _label_refused(turn, why, parcel_id)
        return
    pickup_id = derive_id(fresh_id, "pickup")
    _take_in(turn, _held(turn, parcel_id, reservation, pickup_id, "unannounced"), reservation, fresh_id)


def _unwelcome(turn: Turn, parcel_id: str, reservation: Reservation | None) -> str | None:
    if turn.state.durable.holds(parcel_id):
        return "already_deposited"
    if reservation is None:
        return None if turn.state.desired.unannounced.allowed else "not_announced"
    return "reservation_expired" if turn.now.at_ms >= reservation.expires_at_ms else None


def _held(turn: Turn, parcel_id: str, reservation: Reservation | None, pickup_id: str, origin: str) -> Held:
    """What will lie in the compartment; only what the cloud did not announce brings its own deadline."""
    if reservation is not None:
        plan = reservation
        stated = origin if origin == "drop_off" else None
        return Held(parcel_id, plan.pickup_id, plan.reservation_id, plan.generation, None, None, stated)
    by_ms = turn.now.at_ms + turn.state.desired.unannounced.collect_ms
    return Held(parcel_id, pickup_id, collect_by_ms=by_ms, origin=origin)


def _label_refused(turn: Turn, reason: str, parcel_id: str | None) -> None:
    turn.record("label_refused", reason=reason, visit_id=turn.state.session.visit_id, parcel_id=parcel_id)
    await_label(turn, reason, refused=True)


# --- which compartment ---------------------------------------------------------------------------------------


def _take_in(turn: Turn, held: Held, reservation: Reservation | None, fresh_id: str) -> None:
    """To the reserved compartment, to another like it, or to the choice of a size."""
    if reservation is None:
        _offer_sizes(turn, held)
        return
    no = reservation.compartment_no
    compartment, needs = turn.state.compartment(no), reservation.needs
    if compartment is not None and needs.size_mm is None:
        space = assignment.needs_of_space(compartment)
        needs = Needs(space.size_mm, needs.accessible, needs.features or space.features)
    turn.set(session=replace(turn.state.session, deposit=held, needs=needs))
    why = problem(turn.state, no)
    if why is None:
        ask_for_counter(turn, held, no, fresh_id)
    else:
        take_another(turn, no, why, fresh_id)


def _offer_sizes(turn: Turn, held: Held) -> None:
    if not size_offers(turn.state, turn.now):
        _label_refused(turn, "locker_full", held.parcel_id)
        return
    turn.go(Step.SIZE, message="choose_size", deposit=held, compartment_no=None, tries=0, needs=Needs())
    touch(turn)


def size_offers(state: LockerState, now: Now) -> tuple[assignment.SizeOffer, ...]:
    """What may be chosen now for a parcel that nobody has measured."""
    needs = state.session.needs if state.session.step is Step.SIZE else Needs()
    return assignment.sizes(vacant(state, now), needs, state.desired.reach)


def size_chosen(turn: Turn, code: str, fresh_id: str) -> None:
    """A courier or sender has chosen; what is gone by now is offered anew."""
    session = turn.state.session
    assert session.deposit is not None
    free = assignment.of_size(vacant(turn.state, turn.now), code)
    found = assignment.choose(free, session.needs, turn.state.desired.reach)
    if found is None:
        turn.go(Step.SIZE, message="size_taken")
        touch(turn)
    else:
        ask_for_counter(turn, session.deposit, found.no, fresh_id)


def accessible_wanted(turn: Turn) -> None:
    """Only compartments within reach, or all of them again."""
    needs = turn.state.session.needs
    turn.go(Step.SIZE, needs=replace(needs, accessible=not needs.accessible), message="choose_size")
    touch(turn)


def take_another(turn: Turn, no: int, reason: str, fresh_id: str) -> None:
    """`no` will not do: the best fit among the others under the same needs, if there is one."""
    session = turn.state.session
    assert session.visit_id is not None and session.deposit is not None
    given_up = (*session.given_up, no)
    turn.set(session=replace(session, given_up=given_up))
    found = next_best(turn)
    turn.record(
        "compartment_swapped",
        visit_id=session.visit_id,
        compartment_no=no,
        to_compartment_no=found,
        reason=reason,
    )
    if found is None:
        none_left(turn)
    elif session.deposit.counter is None:
        ask_for_counter(turn, session.deposit, found, fresh_id)
    else:
        open_for_deposit(turn, session.deposit, found, fresh_id)


def next_best(turn: Turn) -> int | None:
    """The compartment that this parcel would get now, leaving out what this visit has given up."""
    state, session = turn.state, turn.state.session
    assert session.deposit is not None
    small = [item for no in session.too_small if (item := state.compartment(no)) is not None]
    free = vacant(state, turn.now, session.deposit.parcel_id)
    found = assignment.choose(free, session.needs, state.desired.reach, small)
    return None if found is None else found.no


def none_left(turn: Turn) -> None:
    """No compartment serves: a courier takes the parcel along and goes on, a sender's visit is over."""
    session = turn.state.session
    if _is_courier(turn):
        held = session.deposit
        _label_refused(turn, "no_compartment_left", held.parcel_id if held else None)
    else:
        end_visit(turn, "no_compartment_left", Step.REFUSED, "no_compartment_left")


def _is_courier(turn: Turn) -> bool:
    visit = turn.state.durable.visits.get(turn.state.session.visit_id or "")
    return visit is not None and visit.kind == "courier"


# --- the code, the door, what came of it ---------------------------------------------------------------------


def ask_for_counter(turn: Turn, held: Held, no: int, fresh_id: str) -> None:
    """One code opens all parcels of a pickup; a new pickup gets one that collides with no other."""
    request_id = derive_id(fresh_id, "counter")
    live = turn.state.live_codes()
    turn.go(Step.CHECKING, deposit=held, compartment_no=no, message="checking", request_id=request_id)
    known = {(pickup, generation): counter for pickup, generation, counter in live}
    counter = known.get((held.pickup_id or "", held.generation))
    if counter is not None:
        open_for_deposit(turn, replace(held, counter=counter), no, fresh_id)
    else:
        turn.emit(ChooseCounter(request_id, held.pickup_id or "", held.generation, live))


def counter_chosen(turn: Turn, event: CounterChosen) -> None:
    """The PIN counter for the parcel being deposited; without a PIN key the parcel is collected by QR alone."""
    session = turn.state.session
    if reissue.chosen(turn, event) or session.step is not Step.CHECKING or session.request_id != event.request_id:
        return
    if session.deposit is None or session.compartment_no is None:
        return
    open_for_deposit(turn, replace(session.deposit, counter=event.counter), session.compartment_no, event.fresh_id)


def open_for_deposit(turn: Turn, held: Held, no: int, fresh_id: str) -> None:
    """Everything is asked again: time may have passed since the compartment was chosen."""
    why = opening.refusal(turn, no, "deposit")
    if why is None:
        opening.open_door(turn, no, fresh_id, deposit=held, swap=None)
    elif _is_courier(turn):
        await_label(turn, why, refused=True)
    else:
        opening.wait_to_retry(turn, why, compartment_no=no, deposit=held, tries=0, failed=False)


def door_closed(turn: Turn, no: int, fresh_id: str) -> None:
    """Confirmed by the door: deposited, or nothing was put in, or on to the next compartment."""
    session, stored = turn.state.session, _is_stored(turn, no)
    assert session.deposit is not None
    if session.swap is not None and not stored:
        found = next_best(turn)
        if found is None:
            none_left(turn)
        else:
            open_for_deposit(turn, session.deposit, found, fresh_id)
    elif _is_courier(turn):
        await_label(turn, "deposited" if stored else "nothing_was_put_in", refused=not stored)
        if stored:
            until_mono_ms = turn.now.mono_ms + turn.state.limits.reopen_grace_ms
            turn.set(session=replace(turn.state.session, reopen_no=no, reopen_until_mono_ms=until_mono_ms))
    elif stored:
        end_visit(turn, "done", Step.DONE, "thank_you")
    else:
        opening.wait_to_retry(turn, "nothing_was_put_in", failed=False)


def _is_stored(turn: Turn, no: int) -> bool:
    deposit = turn.state.session.deposit
    held = turn.state.durable.slot(no).held
    return deposit is not None and any(item.parcel_id == deposit.parcel_id for item in held)
