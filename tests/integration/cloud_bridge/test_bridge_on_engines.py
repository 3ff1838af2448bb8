"""A parcel's life and a race for compartments through the composed bridge, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cloud_bridge.errors import NotPossibleNow
from tests.bridge_world import HEADER, ROW, VISIT, bridge_world
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture


@pytest.mark.parametrize("engine", ENGINES)
async def test_parcel_goes_in_and_out_over_the_api(request: pytest.FixtureRequest, engine: str, tmp_path: Path) -> None:
    async with fresh_database(request, engine, tmp_path, bare=True) as db, bridge_world(db) as world:
        headers, log = await world.token(), world.log()
        await world.session(log)
        await world.announce()
        await world.announce("PW-0002")
        await world.deposit(log)
        await world.happen(log, "parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
        world.clock.at_ms += 49 * 3_600_000
        await world.bridge.tick()
        states = {
            row["parcel_id"]: row["state"]
            for row in (await (await world.client.get("/v1/parcels", headers=headers)).json())["parcels"]
        }
        assert states == {"PW-0001": "collected", "PW-0002": "announced"}
        replay = await (await world.client.get("/v1/events?parcel_id=PW-0001", headers=headers)).json()
        assert len(replay["events"]) == 2
        metrics = await world.client.get("/metrics", headers=headers)
        assert metrics.status == 200


@pytest.mark.parametrize("engine", ENGINES)
async def test_race_for_compartments_books_none_twice(
    request: pytest.FixtureRequest, engine: str, tmp_path: Path
) -> None:
    async with fresh_database(request, engine, tmp_path, bare=True) as db, bridge_world(db) as world:
        headers = {**await world.token(), "Content-Type": "text/csv", "Idempotency-Key": "race-key-1"}
        rows = "\n".join(ROW.format(f"PW-{number:04d}", "") for number in range(8))
        answer = await world.client.post("/v1/manifests", data=f"{HEADER}\n{rows}\n".encode(), headers=headers)
        assert len((await answer.json())["announced"]) == 8

        async def reserve(parcel_id: str) -> int | None:
            try:
                made, _ = await db.write(
                    lambda conn: world.bridge.lockers.reserve(conn, "acme", parcel_id, "locker-0001", world.clock.at_ms)
                )
            except NotPossibleNow:
                return None
            return made.compartment_no

        won = await asyncio.gather(*(reserve(f"PW-{number:04d}") for number in range(8)))
        assert sorted(no for no in won if no is not None) == [1, 2, 3]
