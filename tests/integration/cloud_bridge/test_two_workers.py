"""Two workers with a database handle each: followers skip nothing, and grouped writes fail one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from cloud_bridge.errors import StoreFailed
from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.storage.engine import Database, open_database
from tests.cloud_world import CloudWorld, CountingRandom, DeviceLog, device_log, heartbeat, kinds, make_world
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture

DEVICES, BATCHES = 6, 12


@asynccontextmanager
async def second_handle(request: pytest.FixtureRequest, engine: str, folder: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{folder}/cloud.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    db = open_database(url)
    try:
        yield db
    finally:
        await db.close()


def worker(world: CloudWorld, db: Database, *projections: Any) -> Ingest:
    return Ingest(db, world.keys, world.clock, CountingRandom(), projections)


async def send_batches(ingest: Ingest, log: DeviceLog) -> None:
    for number in range(BATCHES):
        log.append(*(heartbeat(number) for _ in range(3)))
        answers = await ingest.receive(log.device.device_id, "up", log.batch(3 * number))
        assert kinds(answers) == ["receipt"]


async def follow_until(db: Database, done: asyncio.Event) -> list[StoredEvent]:
    """What a follower sees that looks again and again while others write, and once more after they have finished."""
    seen: list[StoredEvent] = []
    while True:
        last_look = done.is_set()
        after = seen[-1].position if seen else 0
        page = await db.read(lambda conn, after=after: store.follow(conn, after, 1000))  # type: ignore[misc]
        seen += page
        if last_look and not page:
            return seen


@pytest.mark.parametrize("engine", ENGINES)
async def test_follower_of_two_busy_workers_sees_each_event_once_in_order(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path) as db, second_handle(request, engine, tmp_path) as other:
        world = await make_world(db, devices=DEVICES)
        workers = [worker(world, handle, FleetProjection()) for handle in (db, other)]
        done = asyncio.Event()
        following = asyncio.ensure_future(follow_until(db, done))
        logs = [device_log(world, number + 1) for number in range(DEVICES)]
        await asyncio.gather(*(send_batches(workers[n % 2], log) for n, log in enumerate(logs)))
        done.set()
        seen = await following
        assert [event.position for event in seen] == list(range(1, DEVICES * BATCHES * 3 + 1))
        for log in logs:
            mine = [event.raw for event in seen if event.device_id == log.device.device_id]
            assert mine == log.raws == list(await world.stored(log))


@pytest.mark.parametrize("engine", ENGINES)
async def test_batch_sent_to_two_workers_at_once_is_stored_once(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path) as db, second_handle(request, engine, tmp_path) as other:
        world = await make_world(db, devices=4)
        workers = [worker(world, handle, FleetProjection()) for handle in (db, other)]
        logs = [device_log(world, number).fill(20) for number in range(1, 5)]
        answers = await asyncio.gather(
            *(ingest.receive(log.device.device_id, "up", log.batch()) for log in logs for ingest in workers)
        )
        assert [kinds(answer) for answer in answers] == [["receipt"]] * 8
        assert sum(ingest.counters.events_stored for ingest in workers) == 80
        for log in logs:
            assert list(await world.stored(log)) == log.raws


@pytest.mark.parametrize("engine", ENGINES)
async def test_grouped_writes_of_which_some_fail_keep_the_others(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path) as db:
        await make_world(db)

        def save(number: int) -> int:
            def fn(conn: Connection) -> int:
                store.save_cursor(conn, f"p{number}", number)
                if number % 10 == 3:
                    raise ValueError(number)
                if number % 10 == 7:
                    conn.execute(text("SELECT * FROM no_such_table"))
                return number

            return fn  # type: ignore[return-value]

        results = await asyncio.gather(*(db.write_grouped(save(n)) for n in range(40)), return_exceptions=True)
        kinds_seen = [type(result) for result in results]
        assert kinds_seen == [{3: ValueError, 7: StoreFailed}.get(n % 10, int) for n in range(40)]
        cursors = [await db.read(lambda conn, n=n: store.load_cursor(conn, f"p{n}")) for n in range(40)]  # type: ignore[misc]
        assert cursors == [0 if n % 10 in (3, 7) else n for n in range(40)]


@pytest.mark.parametrize("engine", ENGINES)
async def test_grouped_writes_go_on_when_one_who_waits_is_cancelled(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path) as db:
        await make_world(db)
        tasks = [
            asyncio.ensure_future(db.write_grouped(lambda conn, n=n: store.save_cursor(conn, f"p{n}", n)))
            for n in range(1, 9)
        ]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[5].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if not isinstance(result, asyncio.CancelledError)] == [None] * 6
        for n in (2, 3, 4, 5, 7, 8):
            assert await db.read(lambda conn, n=n: store.load_cursor(conn, f"p{n}")) == n  # type: ignore[misc]
        await db.write_grouped(lambda conn: store.save_cursor(conn, "later", 1))


class FailsOnce:
    """A projection that writes a row and then fails on the second event of each batch."""

    name = "fails"
    types = frozenset({"heartbeat"})

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        store.save_cursor(conn, f"{event.device_id}/{event.seq}", 1)
        if event.seq % 3 == 1:
            raise ValueError(event.seq)

    def reset(self, conn: Connection) -> None:
        raise NotImplementedError


@pytest.mark.parametrize("engine", ENGINES)
async def test_failing_projection_loses_only_its_own_event_in_grouped_batches(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path) as db:
        world = await make_world(db, devices=3)
        ingest = worker(world, db, FailsOnce())
        logs = [device_log(world, number) for number in (1, 2, 3)]
        await asyncio.gather(*(send_batches(ingest, log) for log in logs))
        assert ingest.counters.projection_faults == 3 * BATCHES
        assert await db.read(lambda conn: store.fault_count(conn, "fails")) == 3 * BATCHES
        for log in logs:
            assert list(await world.stored(log)) == log.raws
            names = [f"{log.device.device_id}/{seq}" for seq in range(3 * BATCHES)]
            kept = [await db.read(lambda conn, name=name: store.load_cursor(conn, name)) for name in names]  # type: ignore[misc]
            assert kept == [0 if seq % 3 == 1 else 1 for seq in range(3 * BATCHES)]
