"""Opening hours by the wall clock: nights, exceptions, clock changes; what no clock can follow is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.errors import InvalidData
from cloud_bridge.lockers.opening_hours import (
    ALL_DAY,
    DAY_MINUTES,
    Interval,
    OpeningHours,
    check_hours,
    is_open,
    open_minutes,
)

BERLIN = ZoneInfo("Europe/Berlin")
SHOP = (Interval(8 * 60, 12 * 60), Interval(14 * 60, 20 * 60))
BAR = (Interval(18 * 60, 26 * 60),)


def ms(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC).timestamp()) * 1000


def shop(**exceptions: tuple[Interval, ...]) -> OpeningHours:
    days = {date.fromisoformat(name.replace("d", "").replace("_", "-")): day for name, day in exceptions.items()}
    return OpeningHours((*(SHOP,) * 5, BAR, ()), days)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-11-23T07:59", False, id="Monday before it opens"),
        pytest.param("2026-11-23T08:00", True, id="Monday as it opens"),
        pytest.param("2026-11-23T12:00", False, id="Monday at the break"),
        pytest.param("2026-11-23T19:59", True, id="Monday in the last minute"),
        pytest.param("2026-11-28T23:30", True, id="Saturday night"),
        pytest.param("2026-11-29T01:59", True, id="past midnight on the closed Sunday"),
        pytest.param("2026-11-29T02:00", False, id="Sunday after the night ended"),
        pytest.param("2026-03-29T01:30", True, id="the night before the clocks jump"),
        pytest.param("2026-10-25T01:30", True, id="the night before an hour comes twice"),
    ],
)
def test_site_is_open_by_its_own_clock(text: str, expected: bool) -> None:
    assert is_open(shop(), BERLIN, ms(text)) is expected


def test_exception_replaces_the_weekday_and_the_night_before_it_stays() -> None:
    hours = shop(d2026_11_29=(Interval(600, 660),), d2026_11_23=())
    assert not is_open(hours, BERLIN, ms("2026-11-23T09:00"))
    assert is_open(hours, BERLIN, ms("2026-11-29T01:00")) and is_open(hours, BERLIN, ms("2026-11-29T10:30"))
    assert open_minutes(hours, date(2026, 11, 23)) == 0
    assert open_minutes(hours, date(2026, 11, 24)) == 10 * 60


@settings(max_examples=50)
@given(st.integers(1_700_000_000, 1_900_000_000), st.sampled_from(("UTC", "Asia/Kathmandu", "America/St_Johns")))
def test_site_that_never_closes_is_open_at_every_moment(at_s: int, zone: str) -> None:
    assert is_open(OpeningHours(), ZoneInfo(zone), at_s * 1000)
    assert not is_open(OpeningHours(((),) * 7), ZoneInfo(zone), at_s * 1000)


@pytest.mark.parametrize(
    "hours",
    [
        pytest.param(OpeningHours((ALL_DAY,) * 6), id="six days"),
        pytest.param(OpeningHours((ALL_DAY,) * 8), id="eight days"),
        pytest.param(OpeningHours(((Interval(600, 600),),) * 7), id="closes as it opens"),
        pytest.param(OpeningHours(((Interval(-1, 600),),) * 7), id="before the day"),
        pytest.param(OpeningHours(((Interval(DAY_MINUTES, DAY_MINUTES + 1),),) * 7), id="opens the next day"),
        pytest.param(OpeningHours(((Interval(60, DAY_MINUTES + 61),),) * 7), id="longer than a day"),
        pytest.param(OpeningHours(((Interval(60, 120), Interval(90, 180)),) * 7), id="overlap"),
        pytest.param(OpeningHours(exceptions={date(2026, 1, 1): (Interval(5, 1),)}), id="exception"),
    ],
)
def test_hours_that_no_clock_can_follow_are_refused(hours: OpeningHours) -> None:
    with pytest.raises(InvalidData):
        check_hours(hours)


def test_usual_hours_pass() -> None:
    check_hours(OpeningHours())
    check_hours(shop(d2026_11_29=()))
