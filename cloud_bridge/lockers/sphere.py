"""Places on the earth taken as a sphere: distances, and the boxes that hold everything within a radius. Pure.

Coordinates are whole micro-degrees (0.11 m or less). The earth is cut into bands of latitude; a circle becomes some
bands and a range of longitudes in each, which an ordinary index over (band, longitude) answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import asin, cos, degrees, hypot, radians, sin, sqrt

EARTH_RADIUS_M = 6_371_008.8
UDEG = 1_000_000
QUARTER_UDEG, HALF_UDEG, WHOLE_UDEG = 90 * UDEG, 180 * UDEG, 360 * UDEG
BAND_UDEG = 20_000
_MARGIN_UDEG = 2  # rounding must never push a place out of a box


@dataclass(frozen=True, slots=True)
class Point:
    """A place: latitude −90 to 90 degrees, longitude −180 up to but not 180 degrees."""

    latitude_udeg: int
    longitude_udeg: int

    def __post_init__(self) -> None:
        if not -QUARTER_UDEG <= self.latitude_udeg <= QUARTER_UDEG:
            raise ValueError("a latitude lies between -90 and 90 degrees")
        if not -HALF_UDEG <= self.longitude_udeg < HALF_UDEG:
            raise ValueError("a longitude lies from -180 up to 180 degrees")


@dataclass(frozen=True, slots=True)
class Box:
    """Longitudes from `west_udeg` to `east_udeg` in bands of latitude that follow each other, all ends in it."""

    south_band: int
    north_band: int
    west_udeg: int
    east_udeg: int


def distance_m(one: Point, other: Point) -> float:
    """Along the surface; the haversine form keeps its precision for neighbours."""
    south, north = radians(one.latitude_udeg / UDEG), radians(other.latitude_udeg / UDEG)
    up = sin((north - south) / 2)
    across = sin(radians((other.longitude_udeg - one.longitude_udeg) / UDEG) / 2)
    return 2 * EARTH_RADIUS_M * asin(min(1.0, hypot(up, sqrt(cos(south) * cos(north)) * across)))


def band_of(latitude_udeg: int) -> int:
    """The band of latitude that a place lies in, counted from the south pole."""
    return (latitude_udeg + QUARTER_UDEG) // BAND_UDEG


def boxes_around(centre: Point, radius_m: float) -> Iterator[Box]:
    """One or two boxes without overlap that hold every place within `radius_m`, and some beyond."""
    reach_udeg = int(degrees(radius_m / EARTH_RADIUS_M) * UDEG) + _MARGIN_UDEG
    south = max(centre.latitude_udeg - reach_udeg, -QUARTER_UDEG)
    north = min(centre.latitude_udeg + reach_udeg, QUARTER_UDEG)
    for west_udeg, east_udeg in _spans(centre, reach_udeg):
        yield Box(band_of(south), band_of(north), west_udeg, east_udeg)


def _spans(centre: Point, reach_udeg: int) -> Iterator[tuple[int, int]]:
    """The longitudes of a circle: all of them when a pole lies in it, two ranges where it crosses the 180th meridian.

    A circle is widest towards the pole, where its edge runs due north: sin(width) = sin(radius) / cos(latitude).
    """
    everything = (-HALF_UDEG, HALF_UDEG - 1)
    if abs(centre.latitude_udeg) + reach_udeg >= QUARTER_UDEG:
        yield everything
        return
    narrowing = sin(radians(reach_udeg / UDEG)) / cos(radians(centre.latitude_udeg / UDEG))
    half_udeg = int(degrees(asin(min(1.0, narrowing))) * UDEG) + _MARGIN_UDEG
    west_udeg, east_udeg = centre.longitude_udeg - half_udeg, centre.longitude_udeg + half_udeg
    yield max(west_udeg, -HALF_UDEG), min(east_udeg, HALF_UDEG - 1)
    if west_udeg < -HALF_UDEG:
        yield west_udeg + WHOLE_UDEG, HALF_UDEG - 1
    if east_udeg >= HALF_UDEG:
        yield -HALF_UDEG, east_udeg - WHOLE_UDEG
