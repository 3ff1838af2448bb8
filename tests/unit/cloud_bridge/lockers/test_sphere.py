"""The sphere: distances that geometry knows, and boxes that miss nobody, at the poles and over the 180th meridian."""

from __future__ import annotations

from itertools import combinations
from math import acos, cos, pi, radians, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.lockers.sphere import (
    EARTH_RADIUS_M,
    HALF_UDEG,
    QUARTER_UDEG,
    Point,
    band_of,
    boxes_around,
    distance_m,
)

LATITUDES = st.integers(-QUARTER_UDEG, QUARTER_UDEG) | st.sampled_from((-QUARTER_UDEG, QUARTER_UDEG, 0))
LONGITUDES = st.integers(-HALF_UDEG, HALF_UDEG - 1) | st.sampled_from((-HALF_UDEG, HALF_UDEG - 1, 0))
POINTS = st.builds(Point, LATITUDES, LONGITUDES)


@pytest.mark.parametrize(
    ("one", "other", "quarters"),
    [
        pytest.param(Point(0, 0), Point(QUARTER_UDEG, 0), 1, id="equator to pole"),
        pytest.param(Point(0, 0), Point(0, -HALF_UDEG), 2, id="antipodes on the equator"),
        pytest.param(Point(QUARTER_UDEG, 17), Point(-QUARTER_UDEG, -5), 2, id="pole to pole"),
        pytest.param(Point(0, 45_000_000), Point(0, 135_000_000), 1, id="a quarter of the equator"),
        pytest.param(Point(QUARTER_UDEG, 0), Point(QUARTER_UDEG, 100_000_000), 0, id="a pole has every longitude"),
    ],
)
def test_distance_of_known_arcs_is_exact(one: Point, other: Point, quarters: int) -> None:
    assert distance_m(one, other) == pytest.approx(quarters * pi / 2 * EARTH_RADIUS_M, abs=1e-3)


def test_distance_over_the_180th_meridian_is_short() -> None:
    assert distance_m(Point(0, HALF_UDEG - 1), Point(0, -HALF_UDEG)) == pytest.approx(0.1112, abs=1e-3)


@settings(max_examples=50)
@given(POINTS, POINTS)
def test_distance_agrees_with_the_law_of_cosines_and_both_ways(one: Point, other: Point) -> None:
    a, b = radians(one.latitude_udeg / 1e6), radians(other.latitude_udeg / 1e6)
    across = radians((one.longitude_udeg - other.longitude_udeg) / 1e6)
    angle = acos(max(-1.0, min(1.0, sin(a) * sin(b) + cos(a) * cos(b) * cos(across))))
    assert distance_m(one, other) == distance_m(other, one) == pytest.approx(angle * EARTH_RADIUS_M, rel=1e-6, abs=1.0)


@settings(max_examples=100)
@given(POINTS, st.integers(-400_000, 400_000), st.integers(-400_000, 400_000), st.integers(1, 60_000))
def test_place_within_the_radius_lies_in_exactly_one_box(centre: Point, up: int, right: int, radius_m: int) -> None:
    latitude_udeg = max(-QUARTER_UDEG, min(QUARTER_UDEG, centre.latitude_udeg + up))
    stretch = max(1e-3, cos(radians(latitude_udeg / 1e6)))
    longitude_udeg = (centre.longitude_udeg + int(right / stretch) + HALF_UDEG) % (2 * HALF_UDEG) - HALF_UDEG
    other = Point(latitude_udeg, longitude_udeg)
    boxes = list(boxes_around(centre, radius_m))
    holding = [
        box
        for box in boxes
        if box.south_band <= band_of(latitude_udeg) <= box.north_band
        and box.west_udeg <= longitude_udeg <= box.east_udeg
    ]
    assert len(holding) <= 1
    assert holding or distance_m(centre, other) > radius_m


@settings(max_examples=50)
@given(POINTS, st.integers(1, 30_000))
def test_boxes_never_overlap(centre: Point, radius_m: int) -> None:
    for one, other in combinations(boxes_around(centre, radius_m), 2):
        assert one.east_udeg < other.west_udeg or other.east_udeg < one.west_udeg


def test_boxes_of_a_small_circle_are_few_and_narrow() -> None:
    boxes = list(boxes_around(Point(52_520_000, 13_400_000), 1000))
    assert len(boxes) == 1 and boxes[0].east_udeg - boxes[0].west_udeg < 30_000
    assert boxes[0].north_band - boxes[0].south_band <= 2


@pytest.mark.parametrize("place", [(90_000_001, 0), (0, HALF_UDEG), (0, -HALF_UDEG - 1)], ids=str)
def test_point_outside_the_earth_is_refused(place: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="tude lies"):
        Point(*place)
