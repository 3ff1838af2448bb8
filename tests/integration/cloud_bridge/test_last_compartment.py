"""Many racing for the last compartment, over connections of their own: one gets it, whatever the code above says."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from cloud_bridge.errors import CloudError, NotPossibleNow, StoreFailed
from cloud_bridge.lockers import place_store, reservation_store, store
from cloud_bridge.lockers.decision_replay import replay_all
from cloud_bridge.lockers.model import Announcement, Compartment, Locker, Recipient, Reservation, Size, Wish
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.settling import Deposit
from cloud_bridge.lockers.sphere import Point
from cloud_bridge.lockers.tables import reservations
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.engine import Database, open_database
from cloud_bridge.storage.schema import metadata
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture

NOW_MS = 1_790_000_000_000
RACERS, HANDLES, COMPARTMENTS = 12, 3, 3
SITE = Locker("locker-0001", "acme", "North gate", "1 Example Street")


class Race:
    """Parcels that all want the same locker, and several workers' database handles."""

    def __init__(self, handles: list[Database]) -> None:
        self.handles = handles
        self.lockers = Lockers(SystemRandom(), lambda _conn, _device, _sections: None)

    async def prepare(self, taken: int = COMPARTMENTS - 1) -> None:
        await self.handles[0].write(self._install)
        for number in range(RACERS):
            await self.handles[0].write(lambda conn, number=number: self._announce(conn, number))
        for number in range(RACERS, RACERS + taken):
            await self.handles[0].write(lambda conn, number=number: self._announce(conn, number))
            await self.reserve(number)

    def _install(self, conn: Connection) -> None:
        metadata.create_all(conn)
        items = [Compartment(no, Size(300, 200, 400), 800, frozenset(), "a", no) for no in range(1, COMPARTMENTS + 1)]
        self.lockers.install(conn, SITE, items)

    def _announce(self, conn: Connection, number: int) -> None:
        item = Announcement(parcel_id(number), "Carrier", Wish(Size(200, 100, 200)), Recipient("Ann Example"))
        self.lockers.announce(conn, "acme", item, NOW_MS)

    def handle(self, number: int) -> Database:
        return self.handles[number % len(self.handles)]

    async def reserve(self, number: int) -> Reservation:
        found, _ = await self.handle(number).write(
            lambda conn: self.lockers.reserve(conn, "acme", parcel_id(number), SITE.locker_id, NOW_MS)
        )
        return found

    async def force(self, number: int, no: int) -> None:
        """As if no code looked before: the hold goes straight into the table."""

        def insert(conn: Connection) -> None:
            row = store.parcel(conn, "acme", parcel_id(number))
            assert row is not None
            hold = self.lockers.bookings.new_reservation(conn, row, SITE.locker_id, no, NOW_MS)
            reservation_store.insert_reservation(conn, hold, NOW_MS)

        await self.handle(number).write(insert)

    async def deposit(self, number: int, no: int) -> None:
        """A courier came unannounced while the locker was offline; its device chose the compartment."""
        fact = Deposit(f"UN-{number:04d}", no, NOW_MS, f"{number:032x}")
        await self.handle(number).write(lambda conn: self.lockers.settling.deposited(conn, SITE, fact, NOW_MS))

    async def active(self) -> dict[int, list[str]]:
        here = select(reservations).where(reservations.c.ended.is_(None)).order_by(reservations.c.parcel_id)

        def read(conn: Connection) -> dict[int, list[str]]:
            found: dict[int, list[str]] = {}
            for row in conn.execute(here):
                found.setdefault(row.compartment_no, []).append(row.parcel_id)
            return found

        return await self.handles[0].read(read)


def parcel_id(number: int) -> str:
    return f"PW-{number:04d}"


@pytest.fixture(params=ENGINES)
async def race(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    engine = request.param
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(fresh_database(request, engine, tmp_path))
        url = f"sqlite:///{tmp_path}/cloud.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
        handles = [first]
        for _ in range(HANDLES - 1):
            handles.append(open_database(url))
            stack.push_async_callback(handles[-1].close)
        yield Race(handles)


async def outcomes(work: Callable[[int], Any], count: int = RACERS) -> Counter[type[BaseException] | None]:
    """How each racer ended: None won."""
    found = await asyncio.gather(*(work(number) for number in range(count)), return_exceptions=True)
    return Counter(type(item) if isinstance(item, BaseException) else None for item in found)


async def test_last_compartment_is_reserved_once_and_the_others_are_told_why(race: Race) -> None:
    await race.prepare()
    ended = await outcomes(race.reserve)
    assert ended == {None: 1, NotPossibleNow: RACERS - 1}
    assert sorted(len(parcels) for parcels in (await race.active()).values()) == [1] * COMPARTMENTS


async def test_database_refuses_a_second_hold_on_a_compartment_by_itself(race: Race) -> None:
    await race.prepare()
    ended = await outcomes(lambda number: race.force(number, COMPARTMENTS))
    assert ended == {None: 1, StoreFailed: RACERS - 1}
    assert len((await race.active())[COMPARTMENTS]) == 1


async def test_device_that_chose_offline_wins_over_plans_that_race_with_its_word(race: Race) -> None:
    await race.prepare(taken=0)

    async def mixed(number: int) -> None:
        if number < COMPARTMENTS:
            await race.deposit(number, number + 1)
        else:
            await race.reserve(number)

    for _ in range(2):  # whoever lost to a deadlock of the database tries again, as followers do
        ended = await outcomes(mixed)
        assert all(kind is None or issubclass(kind, CloudError) for kind in ended)
    active = await race.active()
    assert active == {no: [f"UN-{no - 1:04d}"] for no in range(1, COMPARTMENTS + 1)}


async def test_full_locker_hands_over_to_its_neighbour_and_replays_on_either_database(race: Race) -> None:
    await race.prepare(taken=COMPARTMENTS)

    def neighbour(conn: Connection) -> str | None:
        items = [Compartment(1, Size(300, 200, 400), 800, frozenset(), "a", 1)]
        race.lockers.install(conn, Locker("locker-0002", "acme", "South gate", "2 Example Street"), items)
        for number, locker_id in enumerate((SITE.locker_id, "locker-0002")):
            place_store.put_place(conn, "acme", Place(locker_id, Point(52_520_000 + 1000 * number, 13_400_000)))
        item = Announcement("PW-9999", "", Wish(Size(200, 100, 200)), Recipient("Ann Example"), SITE.locker_id)
        made = race.lockers.announce(conn, "acme", item, NOW_MS)
        return made.reservation.locker_id if made.reservation else None

    assert await race.handle(1).write(neighbour) == "locker-0002"
    report = await race.handle(2).read(lambda conn: replay_all(conn, 0))
    assert report.count > COMPARTMENTS and not report.differing
