"""Places, placements and decisions over the API: chosen with reasons, kept, replayed, and each tenant's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from cloud_bridge.access.model import Role
from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.decision_replay import replay_all
from cloud_bridge.lockers.decision_store import decisions
from cloud_bridge.lockers.model import Compartment, Locker, Size
from cloud_bridge.lockers.questions import pack
from tests.bridge_world import HEADER, ROW, BridgeWorld, bridge_world

HERE = {"latitude_udeg": 52_520_000, "longitude_udeg": 13_400_000}
CLOSED = {"week": [[]] * 7}
IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "north of the pole": {"latitude_udeg": 90_000_001},
    "the other name of the 180th meridian": {"longitude_udeg": 180_000_000},
    "six days": {"week": [[]] * 6},
    "no such day": {"exceptions": [{"date": "2026-02-30", "intervals": []}]},
    "a date twice": {"exceptions": [{"date": "2026-02-20", "intervals": []}] * 2},
    "closes as it opens": {"week": [[{"opens_minute": 9, "closes_minute": 9}]] * 7},
}


@pytest.fixture
async def world() -> AsyncIterator[BridgeWorld]:
    async with bridge_world() as made:
        for number in (3, 4):
            items = [Compartment(no, Size(350, 100 * no, 400), 800, frozenset(), "a", no) for no in (1, 2)]
            locker = Locker(f"locker-000{number}", "acme", "South gate", "2 Example Street", time_zone="Europe/Berlin")
            await made.bridge.db.write(
                lambda conn, locker=locker, items=items: made.bridge.lockers.install(conn, locker, items)
            )
        yield made


async def put(world: BridgeWorld, locker_id: str, north_m: int, **more: Any) -> None:
    body = {**HERE, "latitude_udeg": HERE["latitude_udeg"] + north_m * 9, **more}
    answer = await world.client.put(f"/v1/lockers/{locker_id}/place", json=body, headers=await world.token())
    assert answer.status == 200, await answer.text()


async def place(world: BridgeWorld, parcel_id: str = "PW-0001", **more: Any) -> Any:
    await world.announce(parcel_id, locker_id="")
    headers = {**await world.token(), "Idempotency-Key": f"place-{parcel_id}"}
    answer = await world.client.post(f"/v1/parcels/{parcel_id}/placement", json={**HERE, **more}, headers=headers)
    assert answer.status == 201, await answer.text()
    return await answer.json()


async def get(world: BridgeWorld, path: str) -> Any:
    answer = await world.client.get(path, headers=await world.token())
    assert answer.status == 200, await answer.text()
    return await answer.json()


async def test_parcel_is_placed_at_the_cheapest_locker_with_reasons_that_replay(world: BridgeWorld) -> None:
    await put(world, "locker-0001", 900)
    await put(world, "locker-0003", 400, directions="behind the station")
    await put(world, "locker-0004", 100, **CLOSED)
    found = await place(world)
    assert (found["locker_id"], found["compartment_no"]) == ("locker-0003", 1)
    assert [item["locker_id"] for item in found["ranked"]] == ["locker-0003", "locker-0001"]
    assert [term["name"] for term in found["ranked"][0]["terms"]] == ["distance", "load", "opening_hours"]
    assert [(item["locker_id"], item["reason"]) for item in found["refused"]] == [("locker-0004", "closed")]
    stored = await get(world, f"/v1/decisions/{found['decision_id']}")
    assert stored["agrees"] and stored["kind"] == "locker" and stored["locker_id"] == "locker-0003"
    assert stored["answer"]["ranked"][0]["cost_m"] == found["ranked"][0]["cost_m"]
    kinds = [row["kind"] for row in (await get(world, "/v1/parcels/PW-0001/decisions"))["decisions"]]
    assert sorted(kinds) == ["compartment", "locker"]


async def test_parcel_that_no_locker_around_serves_stays_announced_and_is_told_why(world: BridgeWorld) -> None:
    await put(world, "locker-0001", 4000)
    found = await place(world, radius_m=3000)
    assert (found["locker_id"], found["ranked"], found["refused"]) == (None, [], [])
    assert (await get(world, "/v1/parcels/PW-0001"))["state"] == "announced"


async def test_full_locker_hands_the_parcel_to_the_nearest_that_is_open_and_has_room(world: BridgeWorld) -> None:
    await put(world, "locker-0003", 0)
    await put(world, "locker-0004", 200, **CLOSED)
    await put(world, "locker-0001", 900)
    for number in range(1, 4):
        report = await world.announce(f"PW-000{number}", locker_id="locker-0003")
    assert report["announced"][0]["locker_id"] == "locker-0001"


async def test_place_comes_back_as_it_was_put(world: BridgeWorld) -> None:
    week = [[{"opens_minute": 480, "closes_minute": 1200}]] * 6 + [[]]
    exceptions = [{"date": "2026-12-24", "intervals": [{"opens_minute": 480, "closes_minute": 720}]}]
    await put(world, "locker-0003", 0, week=week, exceptions=exceptions, directions="left of the stairs")
    found = await get(world, "/v1/lockers/locker-0003/place")
    assert (found["week"], found["exceptions"], found["directions"]) == (week, exceptions, "left of the stairs")
    assert (found["address"], found["time_zone"]) == ("2 Example Street", "Europe/Berlin")


async def test_place_that_cannot_be_is_refused(world: BridgeWorld) -> None:
    headers, path = await world.token(), "/v1/lockers/locker-0003/place"
    for name, change in IMPOSSIBLE.items():
        answer = await world.client.put(path, json={**HERE, **change}, headers=headers)
        assert answer.status == 400, name
    assert (await world.client.get(path, headers=headers)).status == 404


async def test_places_and_decisions_are_their_tenants_own(world: BridgeWorld) -> None:
    await put(world, "locker-0003", 0)
    decision_id = (await place(world))["decision_id"]
    rival = await world.token(Role.OPERATOR, "rival", "rob")
    for path in ("/v1/lockers/locker-0003/place", f"/v1/decisions/{decision_id}", "/v1/parcels/PW-0001/decisions"):
        assert (await world.client.get(path, headers=rival)).status == 404


async def test_replay_tells_a_decision_that_is_not_what_the_code_answers(world: BridgeWorld) -> None:
    await put(world, "locker-0003", 0)
    await place(world)
    report = await world.bridge.db.read(lambda conn: replay_all(conn, 0))
    assert (report.count, report.differing) == (2, ())
    forged = {"answer": pack(Assignment(2, ()))}
    await world.bridge.db.write(
        lambda conn: conn.execute(update(decisions).where(decisions.c.kind == "compartment").values(**forged))
    )
    report = await world.bridge.db.read(lambda conn: replay_all(conn, 0))
    assert report.count == 2 and ["stored Assignment(compartment_no=2" in it.what for it in report.differing] == [True]


async def test_nothing_of_a_person_is_kept_with_a_decision(world: BridgeWorld) -> None:
    await put(world, "locker-0003", 0)
    decision_id = (await place(world))["decision_id"]
    name = ROW.split(",")[HEADER.split(",").index("recipient_name")]
    assert name == "Ann Example"
    text = json.dumps(await get(world, f"/v1/decisions/{decision_id}"))
    assert name not in text and "ann@" not in text
