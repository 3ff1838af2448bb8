"""How long to wait for an answer: RFC 6298, in whole milliseconds, at most 60 s, spread by full jitter.

SRTT is kept times eight and RTTVAR times four, so that the smoothing needs no fractions.
"""

from __future__ import annotations

from dataclasses import dataclass

INITIAL_MS = 3_000
MIN_MS = 1_000
MAX_MS = 60_000
_MAX_DOUBLINGS = 16


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait `delay_ms` and a uniformly drawn share of `jitter_ms` more."""

    delay_ms: int
    jitter_ms: int = 0


@dataclass(frozen=True, slots=True)
class Rto:
    """The measured time-out. `srtt8_ms` 0: nothing measured yet."""

    srtt8_ms: int = 0
    rttvar4_ms: int = 0

    @property
    def timeout_ms(self) -> int:
        """SRTT + 4·RTTVAR between 1 s and 60 s; 3 s before the first sample."""
        if self.srtt8_ms == 0:
            return INITIAL_MS
        return min(MAX_MS, max(MIN_MS, (self.srtt8_ms >> 3) + self.rttvar4_ms))

    def sampled(self, round_trip_ms: int) -> Rto:
        """With one more measured round trip, which must not be of a repeated message (Karn's rule)."""
        sample = max(1, min(round_trip_ms, MAX_MS))
        if self.srtt8_ms == 0:
            return Rto(sample << 3, sample << 1)
        off_ms = sample - (self.srtt8_ms >> 3)
        return Rto(max(8, self.srtt8_ms + off_ms), self.rttvar4_ms + abs(off_ms) - (self.rttvar4_ms >> 2))

    def wait(self, attempts: int) -> Wait:
        """The wait after `attempts` time-outs in a row: never below the measured one, the doubling all jitter."""
        low = self.timeout_ms
        high = min(MAX_MS, low << min(attempts, _MAX_DOUBLINGS))
        return Wait(low, high - low)


def full_jitter(attempts: int, *, first_ms: int, min_ms: int = 0, max_ms: int = MAX_MS) -> Wait:
    """Back off after `attempts` failures: uniform from `min_ms` to a bound that doubles from `first_ms` to `max_ms`."""
    high = min(max_ms, first_ms << min(attempts, _MAX_DOUBLINGS))
    return Wait(min(min_ms, high), max(0, high - min_ms))
