"""A site's clock: days of 23 and 25 hours, midnights that are skipped, moments as people read them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud_bridge.errors import InvalidData
from cloud_bridge.local_words import LANGUAGES, amount_text, deadline_text
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.site_time import day_end_ms, deadline_ms, extended_ms, last_minute, local, time_zone

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# Two changes a year, a change at midnight, half an hour, none at all, a day that never was, and 45 minutes off.
ZONES = ("Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Tokyo",
         "Pacific/Apia", "Asia/Kathmandu", "America/Havana", "UTC")  # fmt: skip
MOMENTS = st.integers(1_104_537_600, 2_145_000_000).map(lambda at_s: at_s * 1000)  # 2005 to 2037


def at(zone: str, *wall: int) -> int:
    return int(datetime(*wall, tzinfo=ZoneInfo(zone)).timestamp()) * 1000  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("deposited", "hours"),
    [
        pytest.param((2026, 3, 26, 18, 0), 77, id="the night that summer time begins has an hour less"),
        pytest.param((2026, 10, 22, 18, 0), 79, id="the night that it ends has an hour more"),
        pytest.param((2026, 6, 1, 18, 0), 78, id="no change"),
    ],
)
def test_deadline_three_days_after_a_deposit_is_the_end_of_that_local_day(
    deposited: tuple[int, ...], hours: int
) -> None:
    zone, start_ms = time_zone("Europe/Berlin"), at("Europe/Berlin", *deposited)
    end_ms = deadline_ms(start_ms, 3 * DAY_MS, zone)
    assert end_ms - start_ms == hours * HOUR_MS
    assert (local(end_ms, zone).hour, local(end_ms - 1000, zone).day) == (0, local(start_ms, zone).day + 3)


def test_end_of_a_day_whose_next_midnight_is_skipped_is_the_moment_of_the_jump() -> None:
    zone = time_zone("Africa/Cairo")  # 2026-04-24 begins at 01:00
    end_ms = day_end_ms(at("Africa/Cairo", 2026, 4, 23, 12, 0), zone)
    assert (local(end_ms, zone).day, local(end_ms, zone).hour, local(end_ms - 1000, zone).day) == (24, 1, 23)
    assert last_minute(end_ms, zone).strftime("%d %H:%M") == "23 23:59"
    later_ms = extended_ms(end_ms, 2, zone)
    assert (local(later_ms, zone).hour, local(later_ms - 1000, zone).day) == (0, 25)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MOMENTS, st.sampled_from(ZONES))
def test_end_of_a_day_is_the_first_moment_that_the_sites_calendar_shows_another_date(at_ms: int, name: str) -> None:
    zone = time_zone(name)
    end_ms = day_end_ms(at_ms, zone)
    assert at_ms < end_ms <= at_ms + 26 * HOUR_MS
    assert local(end_ms - 1, zone).date() == local(at_ms, zone).date() < local(end_ms, zone).date()
    assert last_minute(end_ms, zone).date() == local(at_ms, zone).date()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MOMENTS, st.sampled_from(ZONES), st.integers(1, 7))
def test_extension_of_a_day_end_is_a_day_end_so_many_dates_later(at_ms: int, name: str, days: int) -> None:
    zone = time_zone(name)
    end_ms = day_end_ms(at_ms, zone)
    later_ms = extended_ms(end_ms, days, zone)
    wanted = local(end_ms, zone).date() + timedelta(days=days)
    assert local(later_ms - 1, zone).date() < wanted <= local(later_ms, zone).date()


def test_exact_deadline_lies_on_the_second_as_qr_codes_do() -> None:
    assert deadline_ms(1_790_000_000_001, HOUR_MS, None) == 1_790_000_001_000 + HOUR_MS


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "", "x" * 300])
def test_zone_that_is_none_is_invalid_data(name: str) -> None:
    with pytest.raises(InvalidData, match="no time zone"):
        time_zone(name)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "28 Mar 2026, 23:59"), ("de", "28.03.2026, 23:59 Uhr"), ("fr", "28/03/2026 à 23:59"),
        ("es", "28/03/2026 a las 23:59"), ("pl", "28.03.2026, 23:59"), ("ar", "28/03/2026 23:59"),
    ],
)  # fmt: skip
def test_end_of_a_day_is_told_as_its_last_minute(language: str, text: str) -> None:
    zone = time_zone("Europe/Berlin")
    assert deadline_text(day_end_ms(at("Europe/Berlin", 2026, 3, 28, 9, 0), zone), zone, language) == text


@pytest.mark.parametrize(
    ("money", "language", "text"),
    [
        (Money(1250, "EUR"), "en", "EUR 12.50"), (Money(5, "EUR"), "de", "0,05 EUR"),
        (Money(990, "JPY"), "fr", "990 JPY"),
        (Money(1234, "KWD"), "ar", "1.234 KWD"),
    ],
)  # fmt: skip
def test_amount_is_exact_in_its_currencys_places(money: Money, language: str, text: str) -> None:
    assert amount_text(money, language) == text
    assert language in LANGUAGES
