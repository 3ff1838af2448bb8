"""Followers of the ledger: each event once, and nothing walked past twice."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, text

from cloud_bridge.followers import BATCH, SKIP, Followers
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import StoredEvent
from edge.wire.event import EventDraft
from tests.cloud_world import NOW_MS, CloudWorld, DeviceLog, device_log, heartbeat, make_world


class Noted:
    """A projection that keeps what it was given."""

    name = "noted"
    types = frozenset({"door_opened"})

    def __init__(self) -> None:
        self.seqs: list[int] = []

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        self.seqs.append(event.seq)

    def reset(self, conn: Connection) -> None:
        self.seqs.clear()


def door() -> EventDraft:
    return EventDraft("door_opened", {"compartment_no": 1}, NOW_MS)


async def _send(world: CloudWorld, log: DeviceLog, *drafts: EventDraft) -> None:
    for start in range(0, len(drafts), 100):
        first = len(log.raws)
        log.append(*drafts[start : start + 100])
        await world.send(log.device.device_id, log.batch(first))


async def _cursor(world: CloudWorld, projection: Any) -> int:
    return await world.db.read(lambda conn: store.load_cursor(conn, projection.name))


async def test_follower_passes_over_events_of_other_types_once() -> None:
    world, noted = await make_world(), Noted()
    followers, log = Followers(world.db, world.clock, (noted,)), device_log(world)
    await _send(world, log, *[heartbeat(n) for n in range(SKIP)])

    assert await followers.run_once() == 0

    assert await _cursor(world, noted) == await world.db.read(store.last_position)
    await _send(world, log, heartbeat(), door())
    assert await followers.run_once() == 1
    assert noted.seqs == [SKIP + 1]


async def test_follower_writes_nothing_for_a_few_events_of_other_types() -> None:
    world, noted = await make_world(), Noted()
    followers, log = Followers(world.db, world.clock, (noted,)), device_log(world)
    await _send(world, log, *[heartbeat(n) for n in range(20)])

    assert await followers.run_once() == 0

    assert await _cursor(world, noted) == 0


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 2 * BATCH + 7])
async def test_follower_gives_each_wanted_event_once_whatever_lies_between(count: int) -> None:
    world, noted = await make_world(), Noted()
    followers, log = Followers(world.db, world.clock, (noted,)), device_log(world)
    await _send(world, log, *[draft for n in range(count) for draft in (door(), heartbeat(n), heartbeat(n))])

    assert await followers.run_once() == count
    assert await followers.run_once() == 0

    assert noted.seqs == [3 * n for n in range(count)]


async def test_follower_whose_cursor_another_worker_moved_folds_nothing_again() -> None:
    world, noted = await make_world(), Noted()
    log = device_log(world)
    await _send(world, log, door(), door())
    moved = _MovedMeanwhile(world.db, noted.name, 2)

    assert await Followers(moved, world.clock, (noted,)).run_once() == 0  # type: ignore[arg-type]

    assert noted.seqs == []
    assert await _cursor(world, noted) == 2


class _MovedMeanwhile:
    """The real database, in which another worker folds between this one's look and its fold."""

    def __init__(self, db: Any, name: str, position: int) -> None:
        self._db, self._name, self._position = db, name, position

    async def read(self, fn: Any) -> Any:
        found = await self._db.read(fn)
        await self._db.write(lambda conn: store.save_cursor(conn, self._name, self._position))
        return found

    async def write(self, fn: Any) -> Any:
        return await self._db.write(fn)


class Choking(Noted):
    """Notes in the database, and cannot bear one event."""

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        conn.execute(text("INSERT INTO noted_events VALUES (:seq)"), {"seq": event.seq})
        if event.seq == 1:
            raise ValueError("not this one")


async def test_follower_that_fails_on_an_event_folds_the_others_once_and_goes_on() -> None:
    world, choking = await make_world(), Choking()
    followers, log = Followers(world.db, world.clock, (choking,)), device_log(world)
    await world.db.write(lambda conn: conn.execute(text("CREATE TABLE noted_events (seq INTEGER)")))
    await _send(world, log, door(), door(), door())

    assert (await followers.run_once(), await followers.run_once()) == (3, 0)

    noted = await world.db.read(lambda conn: conn.execute(text("SELECT seq FROM noted_events ORDER BY seq")).all())
    assert [seq for (seq,) in noted] == [0, 2]
    assert await world.db.read(lambda conn: store.fault_count(conn, choking.name)) == 1
    assert await _cursor(world, choking) == await world.db.read(store.last_position)
