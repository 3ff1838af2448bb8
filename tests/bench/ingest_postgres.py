"""`ingest_postgres`: two worker processes on their shards, against plain `unnest` inserts over two connections."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from sqlalchemy import Connection, insert, text

from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger.tables import events, streams
from cloud_bridge.storage.dialect import bulk_insert
from cloud_bridge.storage.engine import open_database
from cloud_bridge.storage.schema import metadata
from tests.bench.ingest_load import BATCH_EVENTS, Load, make_load
from tests.cloud_world import CountingRandom, FakeClock, cloud_keys, make_world
from tests.integration.postgres import find_postgres, private_cluster

DEVICES, BATCHES_EACH, ROUNDS, WORKERS = 8, 8, 5, 2  # and one batch of each device before the clock starts


def run() -> dict[str, Any]:
    """Median of five rounds of both, alternating, on one private server with fsync on."""
    began = time.perf_counter()
    ours, peer, total = [], [], DEVICES * BATCHES_EACH * BATCH_EVENTS
    with private_cluster() as url, ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for _ in range(ROUNDS):
            asyncio.run(_fresh(url))
            ours.append(total / _slowest(pool, _work, url))
            asyncio.run(_fresh(url, peer=True))
            peer.append(total / _slowest(pool, _insert, url))
    value, limit = statistics.median(ours), statistics.median(peer)
    return {
        "name": "ingest_postgres",
        "value": round(value),
        "unit": "events/s",
        "limit": round(limit),
        "ratio": round(value / limit, 3),
        "goal": "ratio >= 0.5",
        "met": value / limit >= 0.5,
        "seconds": round(time.perf_counter() - began, 1),
        "note": (
            f"{total} events in batches of {BATCH_EVENTS} from {DEVICES} devices, {WORKERS} processes, both after "
            f"one batch of each device; rounds "
            f"{min(ours):.0f} to {max(ours):.0f}, peer {min(peer):.0f} to {max(peer):.0f}; {_version()}"
        ),
    }


def _slowest(pool: ProcessPoolExecutor, job: Any, url: str) -> float:
    return max(future.result() for future in [pool.submit(job, url, number) for number in range(WORKERS)])


async def _fresh(url: str, *, peer: bool = False) -> None:
    db = open_database(url)

    def empty(conn: Connection) -> None:
        metadata.create_all(conn)
        conn.execute(text(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY CASCADE"))
        if peer:
            conn.execute(insert(streams), [_stream(number) for number in range(1, DEVICES + 1)])

    await db.write(empty)
    if not peer:
        await make_world(db, devices=DEVICES)
    await db.close()


def _stream(number: int) -> dict[str, Any]:
    return {
        "stream_no": number, "device_id": f"d{number}", "stream": "ab" * 16, "size": 0, "peaks": b"", "base_size": 0,
        "receipt": b"", "announced_size": 0, "announced_at_ms": 0, "mismatches": 0, "opened_at_ms": 0,
        "updated_at_ms": 0,
    }  # fmt: skip


_LOADS: list[Load] = []


def _load() -> Load:
    """Made once in each process, outside the measured time."""
    if not _LOADS:
        _LOADS.append(make_load(DEVICES, BATCHES_EACH + 1))
    return _LOADS[0]


def _work(url: str, worker: int) -> float:
    return asyncio.run(_ingest(url, _load(), worker))


async def _ingest(url: str, load: Load, worker: int) -> float:
    db = open_database(url)
    ingest = Ingest(db, cloud_keys(load.fleet), FakeClock(), CountingRandom(), (FleetProjection(),))
    mine = list(load.fleet.devices)[worker::WORKERS]
    lanes = [[payload for device, payload in load.batches if device == device_id] for device_id in mine]
    await asyncio.gather(*(_lane(ingest, d, lane[:1]) for d, lane in zip(mine, lanes, strict=True)))
    wall_s = time.perf_counter()
    await asyncio.gather(*(_lane(ingest, d, lane[1:]) for d, lane in zip(mine, lanes, strict=True)))
    wall_s = time.perf_counter() - wall_s
    assert ingest.counters.events_stored == load.events // WORKERS, ingest.counters
    await db.close()
    return wall_s


async def _lane(ingest: Ingest, device_id: str, payloads: list[bytes]) -> None:
    for payload in payloads:
        await ingest.receive(device_id, "up", payload)


def _insert(url: str, worker: int) -> float:
    return asyncio.run(_plain(url, _load(), worker))


async def _plain(url: str, load: Load, worker: int) -> float:
    db = open_database(url)
    batches, warm = load.rows[worker::WORKERS], DEVICES // WORKERS
    for rows in batches[:warm]:
        await db.write(lambda conn, rows=rows: bulk_insert(conn, events, rows))  # type: ignore[misc]
    wall_s = time.perf_counter()
    for rows in batches[warm:]:
        await db.write(lambda conn, rows=rows: bulk_insert(conn, events, rows))  # type: ignore[misc]
    wall_s = time.perf_counter() - wall_s
    await db.close()
    return wall_s


def _version() -> str:
    found = subprocess.run([f"{find_postgres()}/postgres", "--version"], capture_output=True, text=True, check=True)
    return found.stdout.strip() + f", Python {sys.version.split()[0]}"
