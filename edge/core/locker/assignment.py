"""Which vacant compartment a parcel gets from the device itself: the smallest that serves; needs are never bent.

The same order as the cloud's: volume, then features that the parcel does not need, then the number on the door.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import permutations

from edge.core.locker.desired import Compartment, Needs, Reach

TEMPERATURES = frozenset({"chilled", "frozen"})
CLEARANCE_MM = 5  # a measured parcel goes in by hand
Edges = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class SizeOffer:
    """A size that somebody may choose at the kiosk, and how many of it are vacant."""

    code: str
    free: int
    width_mm: int
    height_mm: int
    depth_mm: int


def choose(
    vacant: Iterable[Compartment], needs: Needs, reach: Reach, too_small: Collection[Compartment] = ()
) -> Compartment | None:
    """The best fit, or None. What goes into one of `too_small` is too small as well."""
    serving = [
        item
        for item in vacant
        if serves(item, needs, reach) and not any(_goes_in(edges(item), edges(small), 0) for small in too_small)
    ]
    return min(serving, key=lambda item: _rank(item, needs), default=None)


def serves(item: Compartment, needs: Needs, reach: Reach) -> bool:
    """Whether the parcel may lie there at all: temperature, features, reach, size."""
    wanted, offered = frozenset(needs.features), frozenset(item.features)
    if wanted & TEMPERATURES != offered & TEMPERATURES or not wanted <= offered:
        return False
    if needs.accessible and not reach.low_mm <= item.sill_mm <= reach.high_mm:
        return False
    return needs.size_mm is None or _goes_in(needs.size_mm, edges(item), CLEARANCE_MM)


def sizes(vacant: Iterable[Compartment], needs: Needs, reach: Reach) -> tuple[SizeOffer, ...]:
    """What there is to choose from, the smallest first."""
    counted = Counter(edges(item) for item in vacant if serves(item, needs, reach))
    return tuple(SizeOffer(size_code(size), counted[size], *size) for size in sorted(counted, key=_volume_first))


def of_size(vacant: Iterable[Compartment], code: str) -> tuple[Compartment, ...]:
    """The vacant compartments of one size."""
    return tuple(item for item in vacant if size_code(edges(item)) == code)


def size_code(size: Edges) -> str:
    return "x".join(map(str, size))


def edges(item: Compartment) -> Edges:
    return item.width_mm, item.height_mm, item.depth_mm


def needs_of_space(item: Compartment) -> Needs:
    """What stands in for the needs of a parcel that was given this compartment and never measured."""
    width_mm, height_mm, depth_mm = (edge - CLEARANCE_MM for edge in edges(item))
    return Needs((width_mm, height_mm, depth_mm), False, tuple(f for f in item.features if f in TEMPERATURES))


def _goes_in(size: Edges, space: Edges, clearance_mm: int) -> bool:
    room = tuple(edge - clearance_mm for edge in space)
    return any(all(edge <= limit for edge, limit in zip(turned, room, strict=True)) for turned in permutations(size))


def _volume_first(size: Edges) -> tuple[int, Edges]:
    return size[0] * size[1] * size[2], size


def _rank(item: Compartment, needs: Needs) -> tuple[int, int, int]:
    return _volume_first(edges(item))[0], len(set(item.features) - set(needs.features)), item.no
