from __future__ import annotations

import pytest

from edge.core.locker.model import Signal, Started, StartTimer, StorageChanged, TimerFired
from edge.ports import DoorState
from tests.machine.playbook import Playbook, hex_id


def test_door_opened_without_an_authority_raises_an_alarm_at_once() -> None:
    play = Playbook().boot().door(2, DoorState.OPEN)
    assert play.types() == ["door_opened_unauthorised", "alarm_raised"]
    assert Signal("attention") in play.effects


def test_door_opened_without_authority_while_the_agent_was_down_still_raises_the_alarm() -> None:
    play = Playbook().boot().when(Started("test", "crash")).forget()
    play.door(2, DoorState.OPEN)
    assert "door_opened_unauthorised" in play.types()


def test_door_read_again_in_the_same_state_records_nothing() -> None:
    play = Playbook().boot().door(2, DoorState.CLOSED)
    assert play.events == []


def test_boot_after_a_crash_between_record_and_outcome_pulses_nothing() -> None:
    play = Playbook().boot()
    play.given(
        "unlock_authorised",
        authority_id=hex_id(9),
        compartment_no=1,
        visit_id=hex_id(8),
        cause="deposit",
        try_no=1,
        parcel_id="PW123456",
        pickup_id=hex_id(7),
        pin_generation=0,
        pin_counter=0,
    )
    play.when(Started("test", "crash"))
    assert play.pulses() == []
    assert play.data("unlock_unknown")["authority_id"] == hex_id(9)
    play.door(1, DoorState.OPEN)
    assert play.data("door_opened")["authority_id"] == hex_id(9)
    play.door(1, DoorState.CLOSED)
    assert play.data("parcel_deposited")["parcel_id"] == "PW123456"


def test_boot_after_a_crash_with_a_closed_door_and_no_occupancy_sensor_asks_for_a_look() -> None:
    play = Playbook().boot()
    play.given(
        "unlock_authorised",
        authority_id=hex_id(9),
        compartment_no=1,
        visit_id=hex_id(8),
        cause="deposit",
        try_no=1,
        parcel_id="PW123456",
    )
    play.when(Started("test", "crash")).door(1, DoorState.CLOSED)
    assert play.data("compartment_disabled") == {"compartment_no": 1, "reason": "unverified"}
    assert "custody_unverified/1" in play.state.durable.alarms


def test_storage_full_closes_the_kiosk_and_space_opens_it_again() -> None:
    play = Playbook().boot().when(StorageChanged(writable=False))
    assert play.state.session.step == "closed" and play.events == []
    play.when(StorageChanged(writable=True))
    assert play.types() == ["heartbeat", "alarm_raised", "alarm_cleared"] and play.state.session.step == "idle"


def test_storage_full_told_again_raises_the_alarm_once_and_space_clears_it() -> None:
    play = Playbook().boot().when(StorageChanged(writable=False), StorageChanged(writable=False))
    assert play.types() == ["alarm_raised"]
    play.when(StorageChanged(writable=False), StorageChanged(writable=True))
    assert play.types() == ["alarm_raised", "heartbeat", "alarm_cleared"]


def collecting(no: int = 2) -> Playbook:
    """A recipient's visit whose pulse is on its way."""
    play = Playbook().boot().given("visit_started", visit_id=hex_id(8), kind="recipient", pickup_id=hex_id(7))
    play.given("parcel_deposited", parcel_id="PW123456", compartment_no=no, visit_id=hex_id(1), pickup_id=hex_id(7))
    return play.given(
        "unlock_authorised", authority_id=hex_id(9), compartment_no=no, visit_id=hex_id(8), cause="collect", try_no=1
    )


def test_door_forced_right_after_its_visit_is_not_excused_by_it() -> None:
    play = collecting().door(2, DoorState.OPEN).door(2, DoorState.CLOSED)
    assert play.types()[-1] == "parcel_collected"
    play.forget().wait(1_000).door(2, DoorState.OPEN)
    assert play.types() == ["door_opened_unauthorised", "alarm_raised"]


def test_door_that_opens_late_within_its_visit_is_explained_by_it() -> None:
    play = collecting().wait(40_000).door(2, DoorState.OPEN)
    assert play.types() == ["door_opened"]


def test_door_given_up_as_stuck_that_opens_late_still_moves_custody() -> None:
    play = collecting()
    play.given("collect_abandoned", compartment_no=2, visit_id=hex_id(8), reason="did_not_open")
    play.given("visit_ended", visit_id=hex_id(8), reason="did_not_open")
    play.wait(5_000).door(2, DoorState.OPEN).door(2, DoorState.CLOSED)
    assert play.data("parcel_collected")["parcel_id"] == "PW123456"


def test_boot_with_a_silent_board_judges_nothing_before_the_door_was_read() -> None:
    play = collecting().when(Started("test", "crash")).forget().door(2, DoorState.UNKNOWN)
    assert play.events == []
    play.door(2, DoorState.CLOSED, occupied=False)
    assert play.types() == ["parcel_collected"]


def test_boot_twice_before_the_door_was_read_still_explains_it() -> None:
    play = collecting().when(Started("test", "crash"), Started("test", "crash")).forget().door(2, DoorState.OPEN)
    assert play.types() == ["door_opened"]


def test_boot_under_an_open_door_watches_how_long_it_stays_open() -> None:
    play = Playbook().boot().door(1, DoorState.OPEN).forget().when(Started("test", "crash"))
    assert StartTimer("left_open:1", play.state.limits.left_open_ms) in play.effects


def test_door_closed_before_its_timer_was_heard_was_not_left_open() -> None:
    play = Playbook().boot().door(1, DoorState.OPEN).door(1, DoorState.CLOSED).forget().when(TimerFired("left_open:1"))
    assert play.events == []


@pytest.mark.parametrize(("held", "occupied"), [(True, False), (False, True)], ids=["gone", "unknown thing"])
def test_occupancy_that_contradicts_the_record_is_named_until_it_agrees(held: bool, occupied: bool) -> None:
    play = Playbook().boot()
    if held:
        play.given("parcel_deposited", parcel_id="PW123456", compartment_no=2, visit_id=hex_id(1))
    play.door(2, DoorState.CLOSED, occupied)
    assert play.state.durable.alarms == {"contents_differ/2"}
    play.door(2, DoorState.CLOSED, not occupied)
    assert play.state.durable.alarms == frozenset()


def test_storage_full_in_the_middle_ends_what_it_cut_short() -> None:
    play = collecting().when(StorageChanged(writable=False), StorageChanged(writable=True))
    assert play.data("unlock_finished")["pulse"] == "not_sent"
    assert play.data("visit_ended")["reason"] == "storage_full"
    assert play.state.durable.custody == {} and play.pulses() == []
