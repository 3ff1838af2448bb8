"""Candidates from the database: whoever the quick look leaves out could not have served, whatever stands in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from cloud_bridge.lockers import place_store, reservation_store, store
from cloud_bridge.lockers.custody_store import custody_compartments
from cloud_bridge.lockers.deciding import Deciding
from cloud_bridge.lockers.locker_choice import NEAREST, Candidate, suits
from cloud_bridge.lockers.model import Compartment, Locker, Reservation, Size, Wish
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.sphere import Point
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.lockers.tables import reservations
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata

NOW_MS = 1_790_000_000_000
CENTRE = Point(52_520_000, 13_400_000)
FEATURES = st.sampled_from((frozenset(), frozenset({"chilled"}), frozenset({"frozen", "power"}), frozenset({"power"})))
EDGES_MM = st.sampled_from((100, 250, 400))
LOCKERS = st.lists(
    st.lists(
        st.tuples(EDGES_MM, st.sampled_from((300, 800, 1500)), FEATURES, st.sampled_from(("", "held", "off", "full"))),
        min_size=1, max_size=3,
    ), max_size=5,
)  # fmt: skip
WISHES = st.builds(
    Wish, st.builds(Size, EDGES_MM, EDGES_MM, EDGES_MM), st.just(500), st.booleans(), st.booleans(), FEATURES
)


@pytest.fixture(scope="module")
def db() -> Iterator[InlineDatabase]:
    made = InlineDatabase()
    made.write_now(metadata.create_all)
    yield made
    made.engine.dispose()


@settings(max_examples=40, deadline=None)
@given(lockers=LOCKERS, wish=WISHES)
def test_quick_look_leaves_out_only_lockers_that_do_not_suit(
    db: InlineDatabase, lockers: list[list[tuple[int, int, frozenset[str], str]]], wish: Wish
) -> None:
    def look(conn: Connection) -> tuple[list[str], list[str]]:
        _install(conn, lockers)
        deciding = Deciding(SystemRandom())
        every = list(deciding.candidates(conn, "acme", CENTRE, wish, NOW_MS, NEAREST.radius_m))
        quick = list(deciding.candidates(conn, "acme", CENTRE, wish, NOW_MS, NEAREST.radius_m, serving=True))
        assert len(every) == len(lockers) and {item.locker_id for item in quick} <= {item.locker_id for item in every}
        return _suiting(every), _suiting(quick)

    every, quick = db.write_now(look)
    assert every == quick


def _suiting(found: list[Candidate]) -> list[str]:
    return [item.locker_id for item in found if suits(item, NEAREST)]


def _install(conn: Connection, lockers: list[list[tuple[int, int, frozenset[str], str]]]) -> None:
    for table in (reservations, custody_compartments, place_store.places):
        conn.execute(delete(table))
    for number, rows in enumerate(lockers):
        locker_id = f"locker-{number:04d}"
        items = [
            Compartment(no, Size(edge_mm + 5, edge_mm + 5, edge_mm + 5), sill_mm, features, "a", no)
            for no, (edge_mm, sill_mm, features, _) in enumerate(rows, 1)
        ]
        store.put_locker(conn, Locker(locker_id, "acme", "North gate", "1 Example Street"), items)
        place_store.put_place(conn, "acme", Place(locker_id, Point(CENTRE.latitude_udeg + 100 * number, 13_400_000)))
        for no, (_, _, _, state) in enumerate(rows, 1):
            _occupy(conn, locker_id, no, state)


def _occupy(conn: Connection, locker_id: str, no: int, state: str) -> None:
    if state == "held":
        parcel_key = f"{locker_id}-{no}"
        if store.parcel_by_key(conn, parcel_key) is None:
            row = ParcelRow(parcel_key, "acme", parcel_key.upper(), "", Wish(Size(1, 1, 1)), None, NOW_MS, b"")
            store.insert_parcel(conn, row, None)
        hold = Reservation(
            parcel_key, "acme", locker_id, no, parcel_key, parcel_key.upper(), parcel_key, 1, False, NOW_MS, NOW_MS
        )
        reservation_store.insert_reservation(conn, hold, NOW_MS)
    elif state:
        conn.execute(insert(custody_compartments).values(
            locker_id=locker_id, compartment_no=no, door="closed", enabled=int(state != "off"),
            holds="PW-1" if state == "full" else "",
        ))  # fmt: skip
