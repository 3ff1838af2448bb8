"""Limits on PIN attempts: 3 wrong in a row → 30 s, 5 → 5 min, 10 → 1 h, 20 a day → QR or staff only.

Counted over reboots, because every attempt is an event. The day is the UTC day of authority time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

DAY_MS = 86_400_000
DAILY_LIMIT = 20
STEPS = ((10, 3_600_000), (5, 300_000), (3, 30_000))  # wrong in a row → pause


@dataclass(frozen=True, slots=True)
class PinLimits:
    """An attempt counts as wrong from the moment it is recorded until it is recorded as accepted."""

    wrong_in_row: int = 0
    blocked_until_ms: int = 0
    day: int = 0
    wrong_today: int = 0

    def blocked(self, at_ms: int) -> str | None:
        """Why no PIN is taken now: `daily_limit`, `paused`, or None."""
        if at_ms // DAY_MS <= self.day and self.wrong_today >= DAILY_LIMIT:
            return "daily_limit"
        return "paused" if at_ms < self.blocked_until_ms else None

    def attempted(self, at_ms: int) -> PinLimits:
        day = max(self.day, at_ms // DAY_MS)  # a clock set back must not hand out a fresh day
        today = self.wrong_today + 1 if day == self.day else 1
        wrong = self.wrong_in_row + 1
        pause_ms = next((pause for count, pause in STEPS if wrong >= count), 0)
        until_ms = max(self.blocked_until_ms, at_ms + pause_ms) if pause_ms else self.blocked_until_ms
        return PinLimits(wrong, until_ms, day, today)

    def accepted(self) -> PinLimits:
        return replace(self, wrong_in_row=0, blocked_until_ms=0, wrong_today=max(0, self.wrong_today - 1))

    def retry_at_ms(self, at_ms: int) -> int:
        """When the next attempt is possible."""
        if self.blocked(at_ms) == "daily_limit":
            return (self.day + 1) * DAY_MS
        return self.blocked_until_ms
