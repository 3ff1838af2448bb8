from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.machine import step
from edge.core.locker.model import (
    Pressed,
    ReadyToPulse,
    Recheck,
    Scanned,
    Started,
    TimerFired,
)
from edge.core.locker.steps import Step
from edge.ports import DoorState, PulseReply
from tests.machine.playbook import START_AT_MS, hex_id
from tests.machine.visitors import DAY_MS, book, courier_code, deposit, pickup_code, reservation, scan


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


def test_pulse_whose_record_took_too_long_is_not_sent() -> None:
    play = deposit(scan(book(), courier_code(1)))
    play.when(Pressed("done", play.fresh())).forget()
    state, effects = step(play.state, Scanned(pickup_code(2, 31), play.fresh()), play.now)
    (recheck,) = [effect for effect in effects if isinstance(effect, Recheck)]
    play.state = state
    play.wait(20_001).when(ReadyToPulse(recheck.authority_id))
    assert play.data("unlock_finished")["pulse"] == "not_sent"
    assert play.pulses() == [] and play.state.session.step is Step.RETRY
