from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.desired import Needs
from edge.core.locker.model import Started, TimerFired
from edge.core.locker.steps import Step
from edge.ports import DoorState, PulseReply
from tests.machine.playbook import Playbook
from tests.machine.visitors import (
    book,
    choose_counter,
    courier_code,
    deposit,
    opens,
    press,
    reservation,
    scan,
    shut,
    stays_shut,
)


def small_and_large() -> Playbook:
    """Doors 1 and 2 alike, 3 smaller, 4 larger; PW001 is planned for door 2."""
    play = book()
    layout = dict(play.state.layout)
    layout[3] = replace(layout[3], height_mm=100)
    layout[4] = replace(layout[4], height_mm=400)
    play.state = replace(play.state, layout=layout)
    return play.reserve(reservation(1, 2, 31))


def at_open_door(play: Playbook) -> Playbook:
    return opens(choose_counter(scan(scan(play, courier_code(1)), "PW001")))


def test_parcel_too_big_goes_into_the_next_larger_compartment_once_the_first_door_is_shut() -> None:
    play = press(at_open_door(small_and_large()), "too_big")
    assert play.data("compartment_swapped")["to_compartment_no"] == 4 and len(play.pulses()) == 1
    shut(play, occupied=False)
    assert play.data("deposit_abandoned")["reason"] == "too_big"
    assert play.pulses()[-1].channel.number == 4
    shut(opens(play), occupied=True)
    assert play.data("parcel_deposited")["compartment_no"] == 4
    assert play.state.durable.slot(2).disabled is None


def test_parcel_that_went_in_after_all_is_deposited_where_the_sensor_sees_it() -> None:
    play = shut(press(at_open_door(small_and_large()), "too_big"), occupied=True)
    assert play.data("parcel_deposited")["compartment_no"] == 2 and len(play.pulses()) == 1
    assert play.state.session.step is Step.LABEL


def test_dirty_compartment_is_out_of_service_and_another_of_the_same_size_opens() -> None:
    play = shut(press(at_open_door(small_and_large()), "dirty"), occupied=False)
    assert play.data("compartment_disabled") == {"compartment_no": 2, "reason": "dirty"}
    assert play.pulses()[-1].channel.number == 1


def test_door_that_will_not_open_is_out_of_service_and_the_next_one_opens_at_once() -> None:
    play = stays_shut(choose_counter(scan(scan(small_and_large(), courier_code(1)), "PW001")))
    assert play.state.session.step is Step.RETRY
    press(play, "next_compartment")
    assert play.data("compartment_disabled") == {"compartment_no": 2, "reason": "did_not_open"}
    assert play.data("compartment_swapped")["to_compartment_no"] == 1
    shut(opens(play), occupied=True)
    assert play.data("parcel_deposited")["compartment_no"] == 1


def test_reserved_compartment_that_is_occupied_or_out_of_service_is_swapped_before_a_door_opens() -> None:
    play = small_and_large().given("compartment_disabled", compartment_no=2, reason="maintenance")
    choose_counter(scan(scan(play, courier_code(1)), "PW001"))
    assert play.data("compartment_swapped")["reason"] == "out_of_service" and play.pulses()[-1].channel.number == 1


def test_accessible_need_is_never_bent_by_a_swap() -> None:
    play = small_and_large()
    layout = {no: replace(item, sill_mm=1500 if no != 4 else 900) for no, item in play.state.layout.items()}
    layout[2] = replace(layout[2], sill_mm=900)
    play.state = replace(play.state, layout=layout)
    play.reserve(reservation(1, 2, 31, needs=Needs((100, 100, 100), accessible=True)))
    shut(press(at_open_door(play), "dirty"), occupied=False)
    assert play.pulses()[-1].channel.number == 4


def test_parcel_for_which_no_other_compartment_serves_goes_along_with_the_courier() -> None:
    play = small_and_large()
    play.given("compartment_disabled", compartment_no=4, reason="maintenance")
    press(at_open_door(play), "too_big")
    assert play.state.session.message == "close_none_left"
    shut(play, occupied=False)
    assert play.data("label_refused")["reason"] == "no_compartment_left" and play.state.session.step is Step.LABEL
    assert len(play.pulses()) == 1


def test_compartment_reserved_for_another_parcel_is_nobody_s_next() -> None:
    play = small_and_large()
    play.reserve(reservation(1, 2, 31), reservation(2, 1, 32))
    shut(press(at_open_door(play), "dirty"), occupied=False)
    assert play.pulses()[-1].channel.number == 4


def test_power_cut_after_too_big_leaves_no_deposit_behind_a_door_without_sensor() -> None:
    play = press(at_open_door(small_and_large()), "too_big").when(Started("test", "boot")).forget()
    play.door(2, DoorState.CLOSED)
    assert play.types() == ["door_closed", "deposit_abandoned"]


def test_did_not_open_against_the_sensor_is_alarmed_tried_again_and_given_up() -> None:
    play = at_open_door(small_and_large())
    for _ in range(2):
        press(press(play, "did_not_open"), "try_again")
        assert play.state.session.step is Step.OPENING
        play.board_says(PulseReply.ACKED)
    press(press(play, "did_not_open"), "try_again")
    assert "door_disputed/2" in play.state.durable.alarms
    assert play.data("deposit_abandoned")["reason"] == "did_not_open"
    assert play.data("compartment_disabled")["compartment_no"] == 2
    assert play.pulses()[-1].channel.number == 1 and len(play.pulses()) == 4


# --- the courier opens again ---------------------------------------------------------------------------------


def test_courier_takes_the_wrong_parcel_out_again_within_the_grace_time() -> None:
    play = deposit(scan(book(), courier_code(1)))
    press(play, "reopen")
    assert play.data("unlock_authorised")["cause"] == "reopen"
    shut(opens(play), occupied=False)
    assert play.data("parcel_retrieved")["reason"] == "reopened"
    assert play.state.session.message == "taken_out" and not play.state.durable.slot(2).held
    choose_counter(scan(play, "PW001"))
    shut(opens(play), occupied=True)
    assert play.types().count("parcel_deposited") == 2


def test_parcel_left_in_at_a_reopening_stays_the_recipient_s() -> None:
    play = shut(opens(press(deposit(scan(book(), courier_code(1))), "reopen")), occupied=True)
    assert play.data("collect_abandoned")["reason"] == "still_there"
    assert play.state.durable.slot(2).held[0].parcel_id == "PW001"


def test_reopening_is_over_after_the_grace_time_and_after_three_openings() -> None:
    play = deposit(scan(book(), courier_code(1))).forget()
    play.wait(play.state.limits.reopen_grace_ms)
    press(play, "reopen")
    assert play.pulses() == []
    play = deposit(scan(book(), courier_code(1)))
    for _ in range(4):
        press(play, "reopen")
        if play.state.session.step is Step.OPENING:
            shut(opens(play), occupied=True)
    assert len(play.pulses()) == 3


def blind(play: Playbook) -> Playbook:
    return shut(opens(press(deposit_blind(play), "reopen")))


def deposit_blind(play: Playbook) -> Playbook:
    choose_counter(scan(scan(play, courier_code(1)), "PW001"))
    return shut(opens(play))


@pytest.mark.parametrize(("answer", "event"), [("took_out", "parcel_retrieved"), ("left_in", "collect_abandoned")])
def test_without_a_sensor_the_courier_is_asked(answer: str, event: str) -> None:
    play = blind(book())
    assert play.state.session.step is Step.CONFIRM
    press(play.forget(), answer)
    assert event in play.types() and play.state.session.step is Step.LABEL and not play.state.durable.custody


def test_courier_who_does_not_answer_leaves_an_unverified_compartment() -> None:
    play = blind(book()).when(TimerFired("session"))
    assert play.data("compartment_disabled")["reason"] == "unverified" and play.state.session.step is Step.IDLE


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize("occupied", [False, True, None])
def test_power_cut_in_a_reopening_is_settled_by_the_sensor_or_left_unverified(
    opened: bool, occupied: bool | None
) -> None:
    play = press(deposit(scan(book(), courier_code(1))), "reopen")
    if opened:
        opens(play)
    play.when(Started("test", "boot")).forget().door(2, DoorState.CLOSED, occupied)
    wanted = {False: "parcel_retrieved", True: "collect_abandoned", None: "compartment_disabled"}[occupied]
    assert wanted in play.types() and not play.state.durable.custody and play.pulses() == []


def test_reopened_door_that_was_said_not_to_open_and_is_shut_asks_what_no_sensor_knows() -> None:
    play = press(opens(press(deposit_blind(book()), "reopen")), "did_not_open")
    shut(play)
    assert play.state.session.step is Step.CONFIRM
    press(play, "left_in")
    assert play.state.durable.slot(2).held[0].parcel_id == "PW001"
