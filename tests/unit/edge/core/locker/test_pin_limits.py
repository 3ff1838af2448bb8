from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.locker.pin_limits import DAILY_LIMIT, DAY_MS, PinLimits

DAY = 20_000
START = DAY * DAY_MS


def wrong(count: int, at_ms: int = START) -> PinLimits:
    limits = PinLimits()
    for _ in range(count):
        limits = limits.attempted(at_ms)
    return limits


@pytest.mark.parametrize(
    ("count", "pause_ms"), [(1, 0), (2, 0), (3, 30_000), (4, 30_000), (5, 300_000), (9, 300_000), (10, 3_600_000)]
)
def test_pause_grows_with_attempts_in_a_row(count: int, pause_ms: int) -> None:
    limits = wrong(count)
    assert limits.blocked(START) == ("paused" if pause_ms else None)
    assert limits.blocked(START + pause_ms) is None
    if pause_ms:
        assert limits.blocked(START + pause_ms - 1) == "paused" and limits.retry_at_ms(START) == START + pause_ms


def test_day_s_limit_holds_until_the_next_utc_day() -> None:
    limits = wrong(DAILY_LIMIT)
    assert limits.blocked(START + DAY_MS - 1) == "daily_limit"
    assert limits.retry_at_ms(START + 5) == START + DAY_MS
    assert limits.blocked(START + DAY_MS) is None
    assert limits.attempted(START + DAY_MS).wrong_today == 1


def test_accepted_ends_the_row_and_its_attempt_does_not_count() -> None:
    limits = wrong(4).accepted()
    assert limits == PinLimits(0, 0, DAY, 3)


def test_accepted_between_wrong_ones_does_not_lift_the_day_s_limit() -> None:
    limits = PinLimits()
    for _ in range(DAILY_LIMIT):
        limits = limits.attempted(START).attempted(START).accepted()
    assert limits.blocked(START) == "daily_limit"


@given(st.lists(st.integers(START - 2 * DAY_MS, START + 2 * DAY_MS), min_size=DAILY_LIMIT, max_size=40))
def test_clock_that_jumps_never_gives_more_than_twenty_a_day(times: list[int]) -> None:
    limits, taken = PinLimits(), dict[int, int]()
    for at_ms in times:
        if limits.blocked(at_ms) == "daily_limit":
            continue
        limits = limits.attempted(at_ms)
        taken[limits.day] = taken.get(limits.day, 0) + 1
    assert max(taken.values()) <= DAILY_LIMIT
