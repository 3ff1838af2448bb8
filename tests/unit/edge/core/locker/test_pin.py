from __future__ import annotations

import pytest

from edge.core.locker.desired import Desired, Reservation
from edge.core.locker.model import (
    CheckPin,
    ChooseCounter,
    CounterChosen,
    DesiredReceived,
    PinChecked,
    PinEntered,
    Started,
)
from edge.core.locker.pin_limits import PinLimits
from edge.ports import DoorState, PulseReply
from edge.wire.damm import damm_digit
from tests.machine.playbook import START_AT_MS, Playbook, hex_id

PICKUP = hex_id(77)


def pin(number: int) -> str:
    digits = f"{number:08d}"
    return digits + damm_digit(digits)


def book() -> Playbook:
    play = Playbook().boot()
    return play.given(
        "parcel_deposited",
        parcel_id="PW123456",
        compartment_no=3,
        visit_id=hex_id(1),
        pickup_id=PICKUP,
        pin_generation=0,
        pin_counter=0,
    )


def enter(play: Playbook, code: str, matches: str | None) -> Playbook:
    play.when(PinEntered(code, play.fresh()))
    checks = play.of(CheckPin)
    if checks and checks[-1].attempt_id == play.state.session.visit_id:  # type: ignore[attr-defined]
        play.when(PinChecked(checks[-1].attempt_id, matches, play.fresh()))  # type: ignore[attr-defined]
    return play


def test_pin_is_recorded_as_an_attempt_before_it_is_compared() -> None:
    play = book().when(PinEntered(pin(1), hex_id(5)))
    kinds = [type(effect).__name__ for effect in play.effects]
    assert kinds.index("Record") < kinds.index("CheckPin")
    assert play.state.durable.pin_limits.wrong_in_row == 1


def test_pin_that_matches_opens_the_compartment_and_collects_when_the_door_closes() -> None:
    play = enter(book(), pin(1), PICKUP)
    assert [pulse.channel.number for pulse in play.pulses()] == [3]
    play.board_says(PulseReply.ACKED).door(3, DoorState.OPEN).door(3, DoorState.CLOSED)
    assert play.data("parcel_collected")["parcel_id"] == "PW123456"
    assert play.state.durable.slot(3).held == ()
    assert play.state.durable.pin_limits == PinLimits(0, 0, START_AT_MS // 86_400_000, 0)


@pytest.mark.parametrize("text", ["123456789", "12345678", "12345678９", "", "abc", "1234567890"])
def test_pin_mistyped_is_no_attempt(text: str) -> None:
    play = enter(book(), text, None)
    assert play.events == []
    assert play.state.session.message == "pin_mistyped"


def test_pin_wrong_three_times_pauses_and_the_pause_survives_a_restart() -> None:
    play = book()
    for number in range(3):
        enter(play, pin(number), None)
    assert play.data("access_blocked")["until_at_ms"] == START_AT_MS + 30_000
    play.when(Started("test", "crash")).forget()
    enter(play, pin(9), PICKUP)
    assert play.pulses() == [] and play.state.session.message == "pin_blocked"
    play.wait(30_000)
    enter(play, pin(9), PICKUP)
    assert len(play.pulses()) == 1


def test_pin_twenty_wrong_in_a_day_leaves_only_qr_and_raises_an_alarm() -> None:
    play = book()
    play.wait(-(START_AT_MS % 86_400_000))  # the day begins
    for number in range(20):
        enter(play, pin(number), None)
        play.wait(max(0, play.state.durable.pin_limits.blocked_until_ms - play.now.at_ms))
    assert play.state.durable.pin_limits.blocked(play.now.at_ms) == "daily_limit"
    assert "pin_daily_limit/" in play.state.durable.alarms


def test_pin_limits_clock_set_back_gives_no_fresh_day() -> None:
    limits = PinLimits(day=100, wrong_today=20)
    assert limits.blocked(99 * 86_400_000) == "daily_limit"


def test_state_snapshot_and_fold_rebuild_the_same_memory() -> None:
    play = enter(book(), pin(1), PICKUP)
    durable = play.state.durable
    assert type(durable).from_bytes(durable.to_bytes()) == durable


def test_pin_of_a_generation_that_the_cloud_has_raised_is_no_longer_compared() -> None:
    play = book()
    raised = Reservation(hex_id(3), "PW123456", PICKUP, 3, START_AT_MS + 1_000, generation=1)
    play.reserve(raised).when(PinEntered(pin(1), play.fresh()))
    check = play.of(CheckPin)[-1]
    assert check.live == ()  # type: ignore[attr-defined]


def test_pin_generation_raised_by_the_cloud_gets_a_new_counter_on_record() -> None:
    play = book()
    raised = Reservation(hex_id(3), "PW123456", PICKUP, 3, START_AT_MS + 1_000, generation=2)
    wanted = Desired(epoch=1, version=1, reservations={"PW123456": raised})
    play.when(DesiredReceived(wanted))
    asked = play.of(ChooseCounter)[-1]
    assert (asked.pickup_id, asked.generation, asked.live) == (PICKUP, 2, ())  # type: ignore[attr-defined]
    play.when(CounterChosen(asked.request_id, 4, play.fresh()))  # type: ignore[attr-defined]
    assert play.data("pin_reissued") == {"pickup_id": PICKUP, "pin_generation": 2, "pin_counter": 4}
    assert play.state.live_codes() == ((PICKUP, 2, 4),)
