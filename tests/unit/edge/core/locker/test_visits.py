from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.desired import Reservation
from edge.core.locker.machine import step
from edge.core.locker.model import (
    ChooseCounter,
    CounterChosen,
    Pressed,
    ReadyToPulse,
    Recheck,
    Scanned,
    Started,
    TimerFired,
    TrustChanged,
)
from edge.core.locker.steps import Step
from edge.ports import DoorState, PulseReply
from edge.wire.keys import Ed25519Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierAction, CourierGrant, issue_grant, sign_action
from edge.wire.pickup_token import PickupClaims, issue_token
from tests.fleets import make_fleet
from tests.machine.playbook import START_AT_MS, Playbook, hex_id

FLEET = make_fleet(devices=1)
COURIER = Ed25519Signer(b"c" * 32)
HERE = locker_audience("locker-1")
DAY_MS = 86_400_000


def courier_code(jti: int, audience: str = HERE, at_ms: int = START_AT_MS) -> str:
    grant = CourierGrant(
        FLEET.name, "courier:7", COURIER.public, (audience,), (Operation.DEPOSIT,), at_ms, at_ms + DAY_MS, hex_id(50)
    )
    action = CourierAction(audience, Operation.DEPOSIT, at_ms, at_ms + 300_000, hex_id(jti))
    return sign_action(action, issue_grant(grant, FLEET.pickup), COURIER)


def pickup_code(jti: int, pickup: int, audience: str = HERE, at_ms: int = START_AT_MS) -> str:
    claims = PickupClaims(FLEET.name, audience, Operation.COLLECT, at_ms, at_ms + DAY_MS, hex_id(jti), hex_id(pickup))
    return issue_token(claims, FLEET.pickup)


def reservation(number: int, compartment_no: int, pickup: int) -> Reservation:
    return Reservation(hex_id(200 + number), f"PW00{number}", hex_id(pickup), compartment_no, START_AT_MS + DAY_MS, 0)


def book() -> Playbook:
    play = Playbook().boot()
    play.now = replace(play.now, at_ms=START_AT_MS)
    return play.when(TrustChanged(FLEET.bundle)).reserve(reservation(1, 2, 31), reservation(2, 3, 32))


def scan(play: Playbook, text: str) -> Playbook:
    return play.when(Scanned(text, play.fresh()))


def deposit(play: Playbook, parcel: str = "PW001", no: int = 2, counter: int = 0) -> Playbook:
    scan(play, parcel)
    asked = play.of(ChooseCounter)
    play.when(CounterChosen(asked[-1].request_id, counter, play.fresh()))  # type: ignore[attr-defined]
    play.board_says(PulseReply.ACKED).door(no, DoorState.OPEN)
    return play.door(no, DoorState.CLOSED, occupied=True)


def test_deposit_is_confirmed_by_the_door_and_names_generation_and_counter() -> None:
    play = deposit(scan(book(), courier_code(1)), counter=3)
    data = play.data("parcel_deposited")
    assert (data["parcel_id"], data["compartment_no"], data["pin_generation"], data["pin_counter"]) == (
        "PW001",
        2,
        0,
        3,
    )
    assert play.state.session.step is Step.LABEL and play.state.session.message == "deposited"
    assert play.types().index("unlock_authorised") < play.types().index("door_opened")


def test_deposit_with_nothing_put_in_is_abandoned_and_the_compartment_stays_free() -> None:
    play = scan(scan(book(), courier_code(1)), "PW001")
    asked = play.of(ChooseCounter)[-1].request_id  # type: ignore[attr-defined]
    play.when(CounterChosen(asked, 0, play.fresh())).board_says(PulseReply.ACKED)
    play.door(2, DoorState.OPEN).door(2, DoorState.CLOSED, occupied=False)
    assert play.data("deposit_abandoned")["reason"] == "empty"
    assert play.state.durable.slot(2).held == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("PW999", "not_announced"), ("(00)123456789012345678", "label_not_understood"), ("pw001", "label_not_understood")],
    ids=["not-announced", "bad-sscc", "lower-case"],
)
def test_label_that_cannot_be_deposited_opens_nothing_and_says_why(text: str, reason: str) -> None:
    play = scan(scan(book(), courier_code(1)), text)
    assert play.data("label_refused")["reason"] == reason
    assert play.pulses() == []


@pytest.mark.parametrize("text", ["PW001", "PW1:Pgarbage", "PW1:Agarbage", "\x10config", "x" * 2000, ""])
def test_scan_without_a_valid_credential_opens_nothing(text: str) -> None:
    play = scan(book(), text)
    assert play.pulses() == []
    assert play.state.session.step in (Step.REFUSED, Step.IDLE)


def test_collect_by_qr_opens_records_and_consumes_the_credential() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh()), TimerFired("session")).forget()
    scan(play, pickup_code(2, 31)).board_says(PulseReply.ACKED)
    play.door(2, DoorState.OPEN, occupied=True).door(2, DoorState.CLOSED, occupied=False)
    assert play.data("parcel_collected")["parcel_id"] == "PW001"
    assert play.types()[-1] == "visit_ended"
    play.when(TimerFired("session")).forget()
    scan(play, pickup_code(2, 31))
    assert play.data("qr_refused")["reason"] == "already_used"
    assert play.pulses() == []


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (pickup_code(3, 31, audience="locker:other-1"), "other_locker"),
        (pickup_code(3, 31, at_ms=START_AT_MS - 2 * DAY_MS), "not_valid_now"),
        (pickup_code(3, 31, at_ms=START_AT_MS + 60_000), "not_valid_now"),
        (pickup_code(3, 99), "nothing_here"),
    ],
    ids=["other-locker", "expired", "not-yet", "nothing-here"],
)
def test_qr_that_does_not_hold_here_and_now_is_refused_on_record(code: str, reason: str) -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh())).forget()
    scan(play, code)
    assert play.data("qr_refused")["reason"] == reason
    assert play.pulses() == []


def test_door_that_does_not_open_is_tried_three_times_with_an_authority_each_then_disabled() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh())).forget()
    scan(play, pickup_code(2, 31))
    for _ in range(4):
        if play.state.session.step is Step.OPENING:
            play.board_says(PulseReply.ACKED).when(TimerFired(f"open:{play.pulses()[-1].authority_id}"))
        play.when(Pressed("try_again", play.fresh()))
    authorities = [data["authority_id"] for kind, data in play.events if kind == "unlock_authorised"]
    assert len(authorities) == len(set(authorities)) == 3 == len(play.pulses())
    assert play.data("compartment_disabled")["reason"] == "did_not_open"
    assert play.state.durable.slot(2).held[0].parcel_id == "PW001"


def test_two_parcels_of_one_pickup_share_a_code_and_open_one_after_the_other() -> None:
    play = book().reserve(reservation(1, 2, 31), reservation(2, 3, 31))
    deposit(scan(play, courier_code(1)), "PW001", 2, counter=5)
    scan(play, "PW002").board_says(PulseReply.ACKED).door(3, DoorState.OPEN).door(3, DoorState.CLOSED, occupied=True)
    assert play.data("parcel_deposited")["pin_counter"] == 5
    play.when(Pressed("done", play.fresh())).forget()
    scan(play, pickup_code(2, 31)).board_says(PulseReply.ACKED)
    play.door(2, DoorState.OPEN).door(2, DoorState.CLOSED)
    assert [pulse.channel.number for pulse in play.pulses()] == [2, 3]
    play.board_says(PulseReply.ACKED).door(3, DoorState.OPEN).door(3, DoorState.CLOSED)
    assert play.types().count("parcel_collected") == 2 and play.state.session.step is Step.DONE


def test_new_log_opens_nothing_for_the_public_before_the_cloud_has_restored_it() -> None:
    play = book()
    play.state = replace(play.state, durable=replace(play.state.durable, restored=False))
    play.when(Started("test", "boot"))
    scan(play, courier_code(1))
    scan(play, pickup_code(2, 31))
    assert play.pulses() == [] and play.state.session.step is Step.CLOSED


def test_visit_left_alone_ends_by_itself_and_gives_its_deposit_up() -> None:
    play = scan(scan(book(), courier_code(1)), "PW001")
    asked = play.of(ChooseCounter)[-1].request_id  # type: ignore[attr-defined]
    play.when(CounterChosen(asked, 0, play.fresh())).board_says(PulseReply.ACKED)
    play.when(TimerFired(f"open:{play.pulses()[-1].authority_id}"))
    play.when(TimerFired("session"))
    assert play.data("visit_ended")["reason"] == "idle"
    assert play.data("deposit_abandoned")["reason"] == "idle"
    assert play.state.session.step is Step.IDLE


def test_answer_to_an_older_question_opens_nothing() -> None:
    play = scan(scan(book(), courier_code(1)), "PW001")
    play.when(CounterChosen(hex_id(12345), 0, play.fresh()))
    assert play.pulses() == [] and play.state.session.step is Step.CHECKING


def test_bad_scan_while_a_deposit_is_being_checked_leaves_the_visit_whole() -> None:
    play = scan(scan(scan(book(), courier_code(1)), "PW001"), "\x10config")
    assert play.state.session.visit_id in play.state.durable.visits
    play.when(CounterChosen(play.state.session.request_id or "", 0, play.fresh()))
    assert len(play.pulses()) == 1


def test_courier_who_puts_nothing_in_has_three_openings_of_a_door_and_no_more() -> None:
    play = scan(book(), courier_code(1))
    for _ in range(5):
        scan(play, "PW001")
        if play.state.session.step is Step.CHECKING:
            play.when(CounterChosen(play.state.session.request_id or "", 0, play.fresh()))
            play.board_says(PulseReply.ACKED).door(2, DoorState.OPEN).door(2, DoorState.CLOSED, occupied=False)
    assert len(play.pulses()) == 3 and play.state.session.message == "opening_cap"


def test_parcel_that_lies_in_another_compartment_is_not_deposited_twice() -> None:
    play = deposit(scan(book(), courier_code(1)))
    scan(play.reserve(reservation(1, 4, 31)), "PW001")
    assert play.data("label_refused")["reason"] == "already_deposited"


def test_retry_that_may_not_open_now_keeps_the_visit_for_another_press() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh())).forget()
    scan(play, pickup_code(2, 31)).board_says(PulseReply.REFUSED)
    crowded = tuple([play.now.mono_ms] * play.state.limits.openings_per_minute)
    play.state = replace(play.state, authorised_mono_ms=crowded)
    play.when(Pressed("try_again", play.fresh()))
    assert (play.state.session.step, play.state.session.message) == (Step.RETRY, "opening_cap")
    play.wait(60_000).when(Pressed("try_again", play.fresh()))
    assert len(play.pulses()) == 2


def test_credential_used_before_a_restart_that_sets_the_clock_back_stays_used() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh()))
    scan(play, pickup_code(2, 31)).board_says(PulseReply.REFUSED)
    play.wait(2 * DAY_MS).given("visit_started", visit_id=hex_id(55), kind="recipient", jti=hex_id(56))
    play.wait(-2 * DAY_MS).when(Started("test", "boot")).forget()
    scan(play, pickup_code(2, 31))
    assert play.data("qr_refused")["reason"] == "already_used"


def test_scan_that_waited_behind_a_slow_disk_opens_nothing_for_the_next_person() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh()), TimerFired("session")).forget()
    asked_mono_ms = play.now.mono_ms
    play.wait(15_001).when(Scanned(pickup_code(2, 31), play.fresh(), asked_mono_ms))
    assert play.events == [] and play.pulses() == []


def test_pulse_whose_record_took_too_long_is_not_sent() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh())).forget()
    state, effects = step(play.state, Scanned(pickup_code(2, 31), play.fresh()), play.now)
    (recheck,) = [effect for effect in effects if isinstance(effect, Recheck)]
    play.state = state
    play.wait(20_001).when(ReadyToPulse(recheck.authority_id))
    assert play.data("unlock_finished")["pulse"] == "not_sent"
    assert play.pulses() == [] and play.state.session.step is Step.RETRY
