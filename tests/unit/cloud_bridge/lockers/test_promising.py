"""Promises over a real store: given by the forecast, kept as compartments become free, moved or broken at the drop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from cloud_bridge.lockers import decision_store, place_store
from cloud_bridge.lockers.custody_store import custody_compartments, custody_parcels
from cloud_bridge.lockers.decision_replay import replay_all
from cloud_bridge.lockers.forecasting import LEAD_MS
from cloud_bridge.lockers.model import Announcement, Compartment, Locker, Recipient, Size, Wish
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.promise_store import promises
from cloud_bridge.lockers.promising import RETRY_MS
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.sphere import Point
from cloud_bridge.lockers.survival import HOUR_MS
from cloud_bridge.lockers.tables import parcels
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata

NOW_MS = 1_790_000_000_000
HERE, NEAR = "locker-0001", "locker-0002"


class World:
    """A locker with four equal compartments, and months in which one carrier's parcels were always collected soon."""

    def __init__(self) -> None:
        self.db = InlineDatabase()
        self.lockers = Lockers(SystemRandom(), lambda _conn, _device, _sections: None)
        self.do(metadata.create_all)
        for locker_id in (HERE, NEAR):
            items = [Compartment(no, Size(300, 200, 400), 800, frozenset(), "a", no) for no in range(1, 5)]
            locker = Locker(locker_id, "acme", "North gate", "1 Example Street")
            self.do(lambda conn, locker=locker, items=items: self.lockers.install(conn, locker, items))
        self.count = 0

    def do(self, work: Any) -> Any:
        return self.db.write_now(work)

    def announce(self, carrier: str = "Quick", now_ms: int = NOW_MS, locker_id: str | None = HERE) -> Any:
        self.count += 1
        item = Announcement(
            f"PW-{self.count:04d}", carrier, Wish(Size(200, 100, 200)), Recipient("Ann Example"), locker_id
        )
        return self.do(lambda conn: self.lockers.announce(conn, "acme", item, now_ms))

    def past(self, carrier: str, stay_ms: int, count: int = 40) -> None:
        """Parcels of a carrier that came and went within the last days."""
        came_ms = NOW_MS - 40 * HOUR_MS
        for _ in range(count):
            found = self.announce(carrier, NOW_MS - 48 * HOUR_MS, None)
            self.do(lambda conn, it=found: _custody(conn, it.parcel_id, 0, came_ms, came_ms + stay_ms))

    def fill(self, carrier: str, since_ms: int, count: int = 4) -> None:
        """Parcels of a carrier lie in the first compartments."""
        for no in range(1, count + 1):
            found = self.announce(carrier, since_ms, None)
            self.do(lambda conn, it=found, no=no: _custody(conn, it.parcel_id, no, since_ms, None))

    def empty(self, no: int) -> None:
        here = (custody_compartments.c.locker_id == HERE) & (custody_compartments.c.compartment_no == no)
        self.do(lambda conn: conn.execute(update(custody_compartments).where(here).values(holds="")))

    def place(self) -> None:
        for number, locker_id in enumerate((HERE, NEAR)):
            point = Point(52_520_000 + 1000 * number, 13_400_000)
            self.do(lambda conn, it=Place(locker_id, point): place_store.put_place(conn, "acme", it))

    def tick(self, now_ms: int) -> None:
        self.do(lambda conn: self.lockers.promising.keep_due(conn, now_ms))

    def promise(self) -> Any:
        return self.do(lambda conn: conn.execute(select(promises.c.ended)).scalar_one())

    def held(self, parcel_id: str) -> str | None:
        view = self.do(lambda conn: self.lockers.parcel(conn, "acme", parcel_id, NOW_MS))
        return view.reservation.locker_id if view.reservation else None


def _custody(conn: Connection, parcel_id: str, no: int, came_ms: int, left_ms: int | None) -> None:
    conn.execute(insert(custody_parcels).values(
        locker_id=HERE, parcel_id=parcel_id, state="deposited" if left_ms is None else "collected", compartment_no=no,
        pickup_id=None, pin_generation=None, pin_counter=None, deposited_at_ms=came_ms, left_at_ms=left_ms,
    ))  # fmt: skip
    if left_ms is None:
        conn.execute(insert(custody_compartments).values(
            locker_id=HERE, compartment_no=no, door="closed", enabled=1, holds=parcel_id
        ))  # fmt: skip


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.db.engine.dispose()


def test_full_locker_is_promised_where_its_parcels_were_always_collected_soon(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS)
    world.fill("Quick", NOW_MS - HOUR_MS)
    found = world.announce()
    assert (found.reservation, found.promised) == (None, True)
    world.empty(3)
    world.tick(NOW_MS + RETRY_MS - 1)
    assert world.promise() is None
    world.tick(NOW_MS + RETRY_MS)
    assert (world.promise(), world.held(found.parcel_id)) == ("kept", HERE)


def test_full_locker_is_not_promised_where_parcels_stay(world: World) -> None:
    world.past("Slow", 39 * HOUR_MS)
    world.fill("Slow", NOW_MS - HOUR_MS)
    found = world.announce("Slow")
    assert (found.reservation, found.promised) == (None, False)


def test_promises_end_where_the_locker_would_overflow(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS)
    world.fill("Quick", NOW_MS - HOUR_MS)
    given = [world.announce().promised for _ in range(8)]
    assert given == [True] * given.count(True) + [False] * given.count(False)
    assert 2 <= given.count(True) <= 4


def test_promise_without_room_at_the_drop_goes_to_the_nearest_that_suits(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS)
    world.fill("Quick", NOW_MS - HOUR_MS)
    found = world.announce()
    world.place()
    world.tick(NOW_MS + LEAD_MS)
    assert (world.promise(), world.held(found.parcel_id)) == ("moved", NEAR)


def test_promise_that_nobody_can_keep_is_broken_and_the_parcel_stays_announced(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS)
    world.fill("Quick", NOW_MS - HOUR_MS)
    found = world.announce()
    world.tick(NOW_MS + LEAD_MS)
    assert (world.promise(), world.held(found.parcel_id)) == ("broken", None)


def test_slow_parcel_makes_way_for_expected_quick_ones_only_where_another_locker_takes_it(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS)
    world.past("Slow", 39 * HOUR_MS)
    for _ in range(56):  # two a day ask for this locker
        parcel = world.announce("Quick", NOW_MS - 24 * HOUR_MS, None).parcel_id
        world.do(lambda conn, it=parcel: _want(conn, it))
    world.fill("Slow", NOW_MS - HOUR_MS, 3)
    assert world.announce("Slow").reservation.locker_id == HERE
    world.do(lambda conn: world.lockers.release(conn, "acme", f"PW-{world.count:04d}"))
    world.place()
    assert world.announce("Slow").reservation.locker_id == NEAR
    assert world.announce("Quick").reservation.locker_id == HERE


def _want(conn: Connection, parcel_id: str) -> None:
    conn.execute(update(parcels).where(parcels.c.parcel_id == parcel_id).values(wanted_locker_id=HERE))


def test_every_decision_on_a_promise_is_kept_and_replays(world: World) -> None:
    world.past("Quick", 6 * HOUR_MS, 5)
    world.fill("Quick", NOW_MS - HOUR_MS)
    found = world.announce()
    kept = world.do(lambda conn: decision_store.decisions_of_parcel(conn, "acme", found.parcel_id, 9))
    assert sorted(item.kind for item in kept) == ["compartment", "promise"]
    report = world.do(lambda conn: replay_all(conn, 0))
    assert report.count >= 2 and not report.differing
