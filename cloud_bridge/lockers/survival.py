"""How long parcels stay: the share still in its compartment at an age, learned from what was seen.

The product-limit estimate in buckets, so that parcels which still lie there count for as long as they were watched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

HOUR_MS = 3_600_000
BUCKET_MS = HOUR_MS // 2
PRIOR_WEIGHT = 5.0


@dataclass(frozen=True, slots=True)
class Stay:
    """One observed stay. `ended` is false for a parcel that still lay there when it was last looked at."""

    duration_ms: int
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Survival:
    """`shares[i]` of all parcels stay longer than `i` buckets. It never rises; past its end nothing is known to stay
    less, so the last share holds."""

    shares: tuple[float, ...]
    bucket_ms: int = BUCKET_MS

    def share(self, age_ms: int) -> float:
        """Of all parcels, those that stay longer than `age_ms`; linear within a bucket."""
        place, rest_ms = divmod(max(age_ms, 0), self.bucket_ms)
        if place + 1 >= len(self.shares):
            return self.shares[-1]
        here, there = self.shares[place], self.shares[place + 1]
        return here + (there - here) * rest_ms / self.bucket_ms

    def stays(self, age_ms: int, more_ms: int) -> float:
        """Probability that a parcel of this age is still there `more_ms` later.

        One that is older than any seen before is taken to stay: a promise must not count on it.
        """
        now = self.share(age_ms)
        return self.share(age_ms + more_ms) / now if now > 0.0 else 1.0


def estimate_survival(
    stays: Iterable[Stay], cut_ms: int, prior: Survival | None = None, bucket_ms: int = BUCKET_MS
) -> Survival:
    """Learn from stays. At `cut_ms` every parcel is fetched back, so nothing stays longer.

    `prior` counts as `PRIOR_WEIGHT` further parcels, so that few observations do not make a certainty.
    """
    buckets = -(-cut_ms // bucket_ms)
    left = [0] * (buckets + 1)
    gone = [0] * (buckets + 1)
    for stay in stays:
        place = min(max(stay.duration_ms, 0) // bucket_ms, buckets)
        left[place] += 1
        gone[place] += stay.ended
    at_risk = sum(left)
    shares = [1.0]
    for place in range(buckets):
        shares.append(shares[-1] * _kept(gone[place], at_risk, prior, place, bucket_ms))
        at_risk -= left[place]
    shares[-1] = 0.0
    return Survival(tuple(shares), bucket_ms)


def _kept(gone: int, at_risk: int, prior: Survival | None, place: int, bucket_ms: int) -> float:
    """The share of those at risk that outlasts one bucket."""
    weight = 0.0 if prior is None else PRIOR_WEIGHT * prior.share(place * bucket_ms)
    expected = 0.0 if prior is None else weight * (1.0 - prior.stays(place * bucket_ms, bucket_ms))
    total = at_risk + weight
    return 1.0 - (gone + expected) / total if total > 0.0 else 1.0


def pooled(by_segment: Mapping[str, Iterable[Stay]], cut_ms: int) -> tuple[dict[str, Survival], Survival]:
    """A survival for each segment, each leaning on all parcels together; and that of all."""
    kept = {segment: tuple(stays) for segment, stays in by_segment.items()}
    everyone = estimate_survival((stay for stays in kept.values() for stay in stays), cut_ms, ONE_DAY)
    return {segment: estimate_survival(stays, cut_ms, everyone) for segment, stays in kept.items()}, everyone


def _halving(days: int) -> Survival:
    """Half of the parcels leave in each day: what is assumed where nothing was seen."""
    per_day = 24 * HOUR_MS // BUCKET_MS
    return Survival(tuple(0.5 ** (place / per_day) for place in range(days * per_day + 1)))


ONE_DAY = _halving(14)
