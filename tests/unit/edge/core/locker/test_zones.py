from __future__ import annotations

import pytest

from edge.core.locker.desired import Zone
from edge.core.locker.model import SensorRead, Started, TimerFired
from edge.ports import SensorKind
from tests.machine.playbook import Playbook
from tests.machine.visitors import (
    book,
    choose_counter,
    courier_code,
    delivered,
    opens,
    pickup_code,
    scan,
    shut,
)

ZONE = Zone("cold", (1, 2), 2_000, 8_000, 600)


def cold(play: Playbook | None = None) -> Playbook:
    play = play or delivered(book())
    return play.reserve(zones={"cold": ZONE}).forget()


def reads(
    play: Playbook, value: int | None, kind: SensorKind = SensorKind.TEMPERATURE, subject: str = "cold"
) -> Playbook:
    return play.when(SensorRead(kind, subject, value))


@pytest.mark.parametrize(("value", "limit"), [(9_500, 8_000), (-1_000, 2_000)])
def test_zone_outside_its_limits_for_too_long_blocks_its_compartments_once(value: int, limit: int) -> None:
    play = reads(cold(), value).wait(300_000)
    reads(play, value + 1)
    assert "temperature_excursion" not in play.types()
    play.wait(300_000).when(TimerFired("zone:cold"))
    assert play.data("temperature_excursion") == {
        "zone": "cold",
        "temperature_mc": value + 1,
        "limit_mc": limit,
        "lasted_s": 600,
    }
    assert [play.state.durable.slot(no).disabled for no in (1, 2, 3)] == ["temperature", "temperature", None]
    reads(play.wait(900_000), value)
    assert play.types().count("temperature_excursion") == 1


def test_zone_that_recovers_in_time_blocks_nothing() -> None:
    play = reads(cold(), 9_000)
    reads(play.wait(599_000), 8_000).wait(1_000).when(TimerFired("zone:cold"))
    assert "temperature_excursion" not in play.types()


def test_recovered_zone_frees_what_is_empty_and_keeps_spoilt_goods_shut() -> None:
    play = reads(cold(), 9_000).wait(600_000).when(TimerFired("zone:cold"))
    reads(play, 5_000)
    assert play.data("temperature_recovered")["zone"] == "cold"
    assert [play.state.durable.slot(no).disabled for no in (1, 2)] == [None, "temperature"]
    scan(play, pickup_code(2, 31))
    assert play.pulses() == [] and play.state.session.message == "compartment_disabled"


def test_lost_sensor_is_alarmed_and_blocks_nothing_and_its_time_outside_still_counts() -> None:
    play = reads(reads(cold(), 9_000).wait(60_000), None).wait(600_000).when(TimerFired("zone:cold"))
    assert "temperature_sensor_lost/cold" in play.state.durable.alarms and "temperature_excursion" not in play.types()
    reads(play, 9_000)
    assert play.data("temperature_excursion")["lasted_s"] == 660
    assert "temperature_sensor_lost/cold" not in play.state.durable.alarms


def test_excursion_that_stood_before_a_restart_ends_with_the_first_reading_inside() -> None:
    play = reads(cold(), 9_000).wait(600_000).when(TimerFired("zone:cold"), Started("test", "boot"))
    assert reads(play, 4_000).data("temperature_recovered")["temperature_mc"] == 4_000


def test_deposit_under_way_when_the_zone_fails_is_still_recorded() -> None:
    play = cold(book())
    play.reserve(*book().state.desired.reservations.values(), zones={"cold": ZONE})
    reads(play, 9_000)
    opens(choose_counter(scan(scan(play, courier_code(1)), "PW001")))
    play.wait(600_000).when(TimerFired("zone:cold"))
    shut(play, occupied=True)
    assert play.data("parcel_deposited")["compartment_no"] == 2 and play.state.durable.slot(2).disabled == "temperature"


def test_samples_are_a_quarter_of_an_hour_apart() -> None:
    play = cold()
    for value in range(5_000, 5_100):
        reads(play.wait(60_000), value)
    assert play.types().count("temperature_sampled") == 7
