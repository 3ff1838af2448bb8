from __future__ import annotations

from edge.core.locker.model import Signal, Started, StorageChanged, TimerFired
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


def test_door_left_open_raises_an_alarm_that_closing_clears() -> None:
    play = Playbook().boot().door(2, DoorState.OPEN).when(TimerFired("left_open:2"))
    assert "door_left_open/2" in play.state.durable.alarms
    play.door(2, DoorState.CLOSED)
    assert play.state.durable.alarms == frozenset()


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
