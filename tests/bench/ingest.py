"""`ingest`: signed batches verified, stored, projected and durable on SQLite (FULL), against `executemany`."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.engine import make_url

from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger.appending import EVENT_COLUMNS
from cloud_bridge.ledger.tables import streams
from cloud_bridge.storage.engine import open_database, sqlite_engine
from cloud_bridge.storage.schema import metadata
from tests.bench.ingest_load import BATCH_EVENTS, Load, make_load
from tests.cloud_world import CountingRandom, FakeClock, cloud_keys, make_world

DEVICES, BATCHES_EACH, ROUNDS = 8, 8, 5


def run() -> dict[str, Any]:
    """Median of five rounds of both, alternating, each on a fresh database."""
    load = make_load(DEVICES, BATCHES_EACH)
    began = time.perf_counter()
    ours, cpu, peer = [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            wall_s, cpu_s = asyncio.run(_ingest(load, Path(folder)))
            ours.append(load.events / wall_s)
            cpu.append(load.events / cpu_s)
        with tempfile.TemporaryDirectory() as folder:
            peer.append(load.events / _executemany(load, Path(folder)))
    value, limit = statistics.median(ours), statistics.median(peer)
    per_core = statistics.median(cpu)
    return {
        "name": "ingest",
        "value": round(value),
        "unit": "events/s",
        "limit": round(limit),
        "ratio": round(value / limit, 3),
        "goal": "ratio >= 0.5 and >= 20,000 events/s per core",
        "met": value / limit >= 0.5 and per_core >= 20_000,
        "seconds": round(time.perf_counter() - began, 1),
        "note": (
            f"{load.events} events in batches of {BATCH_EVENTS} from {DEVICES} devices; {round(per_core)} events per "
            f"CPU second; rounds {min(ours):.0f} to {max(ours):.0f}, peer {min(peer):.0f} to {max(peer):.0f}"
        ),
    }


async def _ingest(load: Load, folder: Path) -> tuple[float, float]:
    db = open_database(f"sqlite:///{folder}/cloud.db")
    await make_world(db, devices=DEVICES)
    ingest = Ingest(db, cloud_keys(load.fleet), FakeClock(), CountingRandom(), (FleetProjection(),))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    lanes = [[payload for device, payload in load.batches if device == device_id] for device_id in load.fleet.devices]
    await asyncio.gather(*(_lane(ingest, d, lane) for d, lane in zip(load.fleet.devices, lanes, strict=True)))
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    assert ingest.counters.events_stored == load.events, ingest.counters
    assert not ingest.counters.events_set_apart and not ingest.counters.projection_faults
    await db.close()
    return wall_s, cpu_s


async def _lane(ingest: Ingest, device_id: str, payloads: list[bytes]) -> None:
    """One device's batches, each in its turn; devices run side by side, as under the MQTT worker."""
    for payload in payloads:
        await ingest.receive(device_id, "up", payload)


def _executemany(load: Load, folder: Path) -> float:
    """The peer: the same rows in the same batches, each committed durably, into the same tables."""
    engine = sqlite_engine(make_url(f"sqlite:///{folder}/peer.db"), begin="BEGIN IMMEDIATE")
    assert len(EVENT_COLUMNS) == len(load.rows[0][0])
    with engine.begin() as conn:
        metadata.create_all(conn)
        for number in range(1, DEVICES + 1):
            conn.execute(insert(streams), {
                "stream_no": number, "device_id": f"d{number}", "stream": "ab" * 16, "size": 0, "peaks": b"",
                "base_size": 0, "receipt": b"", "announced_size": 0, "announced_at_ms": 0, "mismatches": 0,
                "opened_at_ms": 0, "updated_at_ms": 0,
            })  # fmt: skip
    sql = f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({', '.join('?' for _ in EVENT_COLUMNS)})"
    wall_s = time.perf_counter()
    for rows in load.rows:
        with engine.begin() as conn:
            conn.exec_driver_sql(sql, list(rows))
    wall_s = time.perf_counter() - wall_s
    engine.dispose()
    return wall_s
