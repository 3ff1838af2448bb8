"""Token buckets per caller, bounded in number; time is an input."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`burst` calls at once, refilled at `per_minute`."""

    burst: int
    per_minute: int


class RateLimiter:
    """Answers how long a caller must wait. Remembers at most `max_callers`, forgetting the longest silent one."""

    def __init__(self, limit: RateLimit, max_callers: int = 10_000) -> None:
        self._limit = limit
        self._max_callers = max_callers
        self._levels: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def wait_ms(self, caller: str, now_ms: int) -> int:
        """0 and the call is counted, or the time until the next one is allowed and nothing is counted."""
        full = self._limit.burst * 60_000
        level, seen_ms = self._levels.get(caller, (full, now_ms))
        level = min(full, level + max(0, now_ms - seen_ms) * self._limit.per_minute)
        allowed = level >= 60_000
        self._levels[caller] = (level - 60_000 if allowed else level, now_ms)
        self._levels.move_to_end(caller)
        if len(self._levels) > self._max_callers:
            self._levels.popitem(last=False)
        return 0 if allowed else -(-(60_000 - level) // self._limit.per_minute)
