"""Token buckets: burst, refill, bounded memory."""

from __future__ import annotations

from cloud_bridge.http.rate import RateLimit, RateLimiter

START_MS = 1_790_000_000_000


def test_limiter_within_burst_lets_all_pass() -> None:
    limiter = RateLimiter(RateLimit(burst=3, per_minute=60))
    assert [limiter.wait_ms("a", START_MS) for _ in range(4)] == [0, 0, 0, 1000]


def test_limiter_after_the_stated_wait_lets_one_pass() -> None:
    limiter = RateLimiter(RateLimit(burst=1, per_minute=7))
    limiter.wait_ms("a", START_MS)
    wait_ms = limiter.wait_ms("a", START_MS)
    assert limiter.wait_ms("a", START_MS + wait_ms - 1) > 0
    assert limiter.wait_ms("a", START_MS + wait_ms) == 0
    assert limiter.wait_ms("a", START_MS + wait_ms) > 0


def test_limiter_with_clock_going_back_gives_nothing_extra() -> None:
    limiter = RateLimiter(RateLimit(burst=1, per_minute=60))
    limiter.wait_ms("a", START_MS)
    assert limiter.wait_ms("a", START_MS - 3_600_000) > 0


def test_limiter_with_many_callers_stays_bounded() -> None:
    limiter = RateLimiter(RateLimit(burst=1, per_minute=1), max_callers=10)
    for number in range(100):
        limiter.wait_ms(str(number), START_MS)
    assert len(limiter._levels) == 10
    assert limiter.wait_ms("99", START_MS) > 0
