from __future__ import annotations

import pytest

from edge.core.locker.model import Started
from edge.core.locker.steps import Step
from edge.ports import DoorState
from edge.wire.pickup_claims import Operation
from tests.machine.playbook import START_AT_MS, Playbook, hex_id
from tests.machine.visitors import (
    book,
    courier_code,
    delivered,
    opens,
    press,
    reservation,
    scan,
    shut,
    stays_shut,
)

BY_MS = START_AT_MS + 3_600_000


def waiting(by_ms: int | None = BY_MS, **changes: object) -> Playbook:
    play = delivered(book())
    return play.reserve(reservation(1, 2, 31, collect_by_ms=by_ms), **changes)


def retriever(jti: int = 9, at_ms: int = START_AT_MS) -> str:
    return courier_code(jti, operation=Operation.RETRIEVE, at_ms=at_ms)


def test_courier_takes_out_what_is_over_and_what_the_cloud_wants_back() -> None:
    play = waiting(retrievals=frozenset({"PW888"}))
    play.given("parcel_deposited", parcel_id="PW888", compartment_no=3, visit_id=hex_id(1), pickup_id=hex_id(88))
    play.given("parcel_deposited", parcel_id="PW999", compartment_no=4, visit_id=hex_id(1), pickup_id=hex_id(89))
    play.wait(BY_MS - play.now.at_ms)
    scan(play, retriever(at_ms=play.now.at_ms // 1000 * 1000))
    shut(opens(play), occupied=False)
    shut(opens(play), occupied=True)
    assert [pulse.channel.number for pulse in play.pulses()] == [2, 3]
    assert play.data("parcel_retrieved")["parcel_id"] == "PW001"
    assert play.data("collect_abandoned") == {
        "compartment_no": 3,
        "visit_id": play.data("visit_ended")["visit_id"],
        "reason": "still_there",
    }
    assert play.state.session.step is Step.DONE


def test_retrieval_with_nothing_to_take_uses_nothing_up() -> None:
    play = scan(waiting(), retriever())
    assert play.state.session.message == "nothing_to_retrieve" and play.events == []


def test_retrieval_goes_on_past_a_door_that_will_not_open() -> None:
    play = waiting(retrievals=frozenset({"PW001", "PW888"}))
    play.given("parcel_deposited", parcel_id="PW888", compartment_no=3, visit_id=hex_id(1), pickup_id=hex_id(88))
    press(stays_shut(scan(play, retriever())), "next_compartment")
    assert play.data("compartment_disabled")["compartment_no"] == 2
    shut(opens(play), occupied=False)
    assert play.data("parcel_retrieved")["parcel_id"] == "PW888" and play.state.session.step is Step.DONE


@pytest.mark.parametrize(
    ("occupied", "wanted"), [(False, "parcel_retrieved"), (True, "collect_abandoned"), (None, "compartment_disabled")]
)
def test_power_cut_in_a_retrieval_is_settled_by_the_sensor_or_left_unverified(
    occupied: bool | None, wanted: str
) -> None:
    play = scan(waiting(retrievals=frozenset({"PW001"})), retriever())
    play.when(Started("test", "boot")).forget().door(2, DoorState.CLOSED, occupied)
    assert wanted in play.types() and not play.state.durable.custody and play.pulses() == []
