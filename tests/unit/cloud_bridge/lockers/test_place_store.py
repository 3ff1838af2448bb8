"""Nearest places from the database against a look at every single one: poles, 180th meridian, equal distances."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete

from cloud_bridge.lockers import place_store, store
from cloud_bridge.lockers.model import Locker
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.sphere import HALF_UDEG, QUARTER_UDEG, Point, distance_m
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata

CENTRES = {
    "city": Point(52_520_000, 13_400_000),
    "north pole": Point(QUARTER_UDEG, 0),
    "south pole": Point(-QUARTER_UDEG, 77_000_000),
    "near the pole": Point(QUARTER_UDEG - 30_000, 10_000_000),
    "180th meridian": Point(-17_000_000, HALF_UDEG - 1),
    "the other side of it": Point(-17_000_000, -HALF_UDEG),
}
OFFSETS = st.lists(st.tuples(st.integers(-60_000, 60_000), st.integers(-90_000, 90_000)), max_size=12)


def around(centre: Point, up: int, right: int) -> Point:
    latitude_udeg = max(-QUARTER_UDEG, min(QUARTER_UDEG, centre.latitude_udeg + up))
    if QUARTER_UDEG - abs(centre.latitude_udeg) < 100_000:
        right *= 2000  # a degree is short there
    return Point(latitude_udeg, (centre.longitude_udeg + right + HALF_UDEG) % (2 * HALF_UDEG) - HALF_UDEG)


@pytest.fixture(scope="module")
def db() -> Iterator[InlineDatabase]:
    made = InlineDatabase()
    made.write_now(metadata.create_all)
    yield made
    made.engine.dispose()


@pytest.mark.parametrize("name", CENTRES)
@settings(max_examples=20, deadline=None)
@given(offsets=OFFSETS, radius_m=st.integers(1, 12_000), ring_m=st.sampled_from((50.0, 1000.0, 50_000.0)))
def test_nearest_places_are_those_of_a_look_at_all(
    db: InlineDatabase, name: str, offsets: list[tuple[int, int]], radius_m: int, ring_m: float
) -> None:
    centre = CENTRES[name]
    points = [around(centre, *offset) for offset in (*offsets, *offsets[:2])]  # some stand at the same spot
    found = db.write_now(lambda conn: nearest(conn, points, centre, radius_m, ring_m))
    every = [(distance_m(centre, point), f"locker-{number:04d}") for number, point in enumerate(points)]
    assert found == sorted(item for item in every if item[0] <= radius_m)


def nearest(
    conn: Connection, points: list[Point], centre: Point, radius_m: float, ring_m: float
) -> list[tuple[float, str]]:
    conn.execute(delete(place_store.places))
    for number, point in enumerate(points):
        put(conn, f"locker-{number:04d}", point)
    put(conn, "locker-other", centre, tenant="rival")
    rows = place_store.nearest_places(conn, "acme", centre, radius_m, ring_m)
    return [(away_m, place.locker_id) for away_m, place in rows]


def put(conn: Connection, locker_id: str, point: Point, tenant: str = "acme") -> None:
    if store.locker(conn, locker_id) is None:
        store.put_locker(conn, Locker(locker_id, tenant, "North gate", "1 Example Street"), [])
    place_store.put_place(conn, tenant, Place(locker_id, point))


def test_place_that_moves_is_found_where_it_stands_now(db: InlineDatabase) -> None:
    old, new = CENTRES["city"], CENTRES["180th meridian"]
    db.write_now(lambda conn: conn.execute(delete(place_store.places)))
    db.write_now(lambda conn: put(conn, "locker-0001", old))
    db.write_now(lambda conn: put(conn, "locker-0001", new))
    assert db.write_now(lambda conn: list(place_store.nearest_places(conn, "acme", old, 50_000))) == []
    assert db.write_now(lambda conn: place_store.place_of(conn, "locker-0001")) == Place("locker-0001", new)
