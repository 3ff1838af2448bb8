from __future__ import annotations

import pytest

from edge.core.locker.model import (
    ChooseCounter,
    CounterChosen,
    TimerFired,
)
from edge.core.locker.steps import Step
from edge.ports import DoorState, PulseReply
from tests.machine.playbook import hex_id
from tests.machine.visitors import book, courier_code, deposit, reservation, scan


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
    [("(00)123456789012345678", "label_not_understood"), ("pw001", "label_not_understood")],
    ids=["bad-sscc", "lower-case"],
)
def test_label_that_cannot_be_deposited_opens_nothing_and_says_why(text: str, reason: str) -> None:
    play = scan(scan(book(), courier_code(1)), text)
    assert play.data("label_refused")["reason"] == reason
    assert play.pulses() == []


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
    assert len(play.pulses()) == 3 and play.state.session.message == "tries_used_up"


def test_parcel_that_lies_in_another_compartment_is_not_deposited_twice() -> None:
    play = deposit(scan(book(), courier_code(1)))
    scan(play.reserve(reservation(1, 4, 31)), "PW001")
    assert play.data("label_refused")["reason"] == "already_deposited"
