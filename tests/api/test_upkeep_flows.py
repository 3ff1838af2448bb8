"""Work for people: what is broken, disputed, spoiled or missing, the weekly walk, a locker's end, technicians."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest

from cloud_bridge.access.model import Role
from cloud_bridge.lockers.upkeep_store import WEEK_MS
from edge.wire.keys import key_id
from edge.wire.pickup_claims import Operation
from edge.wire.pickup_courier import open_grant
from tests.bridge_world import VISIT
from tests.flow_world import BOB, HOUR_MS, LOCKER, FlowWorld, flow_world


@pytest.fixture
async def flow() -> AsyncIterator[FlowWorld]:
    async with flow_world() as made:
        yield made


async def test_compartment_that_will_not_do_moves_its_parcel_and_becomes_one_task(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    await flow.happen("compartment_swapped", visit_id=VISIT, compartment_no=1, to_compartment_no=2, reason="dirty")
    await flow.happen("compartment_disabled", compartment_no=1, reason="dirty")
    assert (await flow.plan("PW-0001")).compartment_no == 2
    await flow.happen("compartment_disabled", compartment_no=1, reason="did_not_open")
    await flow.happen("compartment_swapped", visit_id=VISIT, compartment_no=3, reason="occupied")
    assert await flow.tasks() == [("check", "1", ["dirty", "did_not_open"]), ("check", "3", ["occupied"])]
    task_id = (await flow.call("GET", "/v1/tasks?kind=check"))["tasks"][-1]["task_id"]
    claimed = await flow.call("POST", f"/v1/tasks/{task_id}/claim", role=Role.SUPPORT, actor="sue")
    assert (claimed["state"], claimed["claimed_by"]) == ("claimed", "sue")
    await flow.call("POST", f"/v1/tasks/{task_id}/claim", status=409)
    await flow.call("POST", f"/v1/tasks/{task_id}/done", {"outcome": "cleaned it"}, status=409)
    await flow.call("POST", f"/v1/tasks/{task_id}/claim", status=403, role=Role.TECHNICIAN)
    await flow.happen("compartment_enabled", compartment_no=1)
    done = await flow.call("GET", "/v1/tasks?open=false&kind=check")
    assert [(row["subject"], row["outcome"]) for row in done["tasks"] if row["state"] == "done"] == [("1", "enabled")]


async def test_courier_sees_only_retrievals_and_one_of_them_takes_each(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    await flow.happen("compartment_disabled", compartment_no=3, reason="dirty")
    await flow.pass_time((await flow.call("GET", f"/v1/pickups/{link}"))["collect_by_ms"])
    (task,) = (await flow.call("GET", "/v1/courier/tasks", role=Role.COURIER))["tasks"]
    assert (task["kind"], task["subject"], task["compartment_no"]) == ("retrieve", "PW-0001", 1)
    path = f"/v1/courier/tasks/{task['task_id']}"
    await flow.call("POST", f"{path}/claim", role=Role.COURIER, actor="carl")
    await flow.call("POST", f"{path}/claim", role=Role.COURIER, actor="cora", status=409)
    await flow.call("POST", f"{path}/done", {"outcome": "not_there"}, role=Role.COURIER, actor="cora", status=409)
    await flow.call("POST", f"{path}/done", {"outcome": "not_there"}, role=Role.COURIER, actor="carl")
    check = (await flow.call("GET", "/v1/tasks?kind=check"))["tasks"][0]["task_id"]
    await flow.call("POST", f"/v1/courier/tasks/{check}/claim", role=Role.COURIER, status=404)


@pytest.mark.parametrize("source", ["kiosk", "page"])
async def test_recipient_says_empty_or_damaged_and_support_decides(flow: FlowWorld, source: str) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    pickup_id = (await flow.plan("PW-0001")).pickup_id
    for _ in range(2):
        if source == "kiosk":
            await flow.happen("parcel_disputed", visit_id=VISIT, compartment_no=1, kind="empty", pickup_id=pickup_id)
        else:
            body = {"parcel_id": "PW-0001", "kind": "empty"}
            await flow.call("POST", f"/v1/pickups/{link}/claims", body, status=201)
    (claim,) = (await flow.call("GET", "/v1/claims", role=Role.SUPPORT))["claims"]
    assert (claim["kind"], claim["parcel_id"], claim["source"], claim["compartment_no"]) == (
        "empty",
        "PW-0001",
        source,
        1,
    )
    assert await flow.tasks() == [("dispute", claim["claim_id"], ["empty"])]
    await flow.world.bridge.tick()
    assert await flow.told() == [("disputed", "PW-0001"), ("ready", "PW-0001")]
    decision = {"decision": "accepted", "reason": "seen on the camera"}
    path = f"/v1/claims/{claim['claim_id']}/decision"
    await flow.call("POST", path, decision, status=403, role=Role.CARRIER)
    decided = await flow.call("POST", path, decision, role=Role.SUPPORT, actor="sue")
    assert (decided["state"], decided["resolved_by"]) == ("accepted", "sue") and await flow.tasks() == []
    await flow.call("POST", path, decision, status=409, role=Role.SUPPORT)
    await flow.call("POST", f"/v1/pickups/{link}/claims", {"parcel_id": "PW-0009", "kind": "damaged"}, status=409)


async def test_zone_out_of_its_limits_spoils_what_lay_in_it_and_nothing_else(flow: FlowWorld) -> None:
    zones = (await flow.desired())["zones"]
    assert zones == [{"zone": "cold", "compartments": [1, 2], "low_mc": 2000, "high_mc": 8000, "max_s": 1800}]
    await flow.announce("PW-0001")
    await flow.announce("PW-0002", BOB, width_mm=330, height_mm=250)
    link, other = await flow.deposit("PW-0001"), await flow.deposit("PW-0002")
    await flow.happen("temperature_excursion", zone="cold", temperature_mc=11_500, limit_mc=8000, lasted_s=1801)
    await flow.happen("compartment_disabled", compartment_no=1, reason="temperature")
    page = await flow.page(f"/p/{link}")
    assert "not handed out" in page and "<svg" not in page and "<svg" in await flow.page(f"/p/{other}")
    await flow.call("POST", f"/v1/pickups/{link}/openings", {"compartment_no": 1}, status=409)
    assert (await flow.call("GET", "/v1/parcels/PW-0001"))["state"] == "spoiled"
    doc = await flow.desired()
    assert doc["retrievals"] == ["PW-0001"] and len(doc["revoked"]) == 1
    assert await flow.tasks() == [
        ("check", "1", ["temperature"]), ("check", "zone:cold", ["temperature"]), ("retrieve", "PW-0001", ["spoiled"])
    ]  # fmt: skip
    assert ("spoiled", "PW-0001") in await flow.told()
    await flow.happen("temperature_recovered", zone="cold", temperature_mc=7000)
    (seen,) = (await flow.call("GET", "/v1/excursions"))["excursions"]
    assert seen["parcels"] == ["PW-0001"] and seen["recovered_at_ms"] == flow.now_ms
    assert (await flow.call("GET", "/v1/parcels/PW-0001"))["state"] == "spoiled"
    await flow.happen("parcel_retrieved", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT, reason="retrieve")
    assert "expired" not in [kind for kind, _ in await flow.told()]


async def test_locker_is_walked_through_every_week_and_what_is_not_as_expected_becomes_a_task(flow: FlowWorld) -> None:
    await flow.pass_time(flow.now_ms + WEEK_MS - HOUR_MS)
    assert await flow.tasks() == []
    await flow.pass_time(flow.now_ms + HOUR_MS)
    await flow.pass_time(flow.now_ms + HOUR_MS)
    assert await flow.tasks() == [("reconcile", LOCKER, ["weekly"])]
    for no, found in ((1, "as_expected"), (2, "occupied"), (3, "empty")):
        await flow.happen("compartment_checked", visit_id=VISIT, compartment_no=no, found=found)
    await flow.happen("reconciliation_finished", visit_id=VISIT, checked=3, exceptions=2)
    assert await flow.tasks() == [("check", "2", ["found_occupied"]), ("check", "3", ["found_empty"])]
    upkeep = await flow.call("GET", f"/v1/lockers/{LOCKER}/upkeep")
    assert upkeep["reconcile_due_at_ms"] == flow.now_ms + WEEK_MS


async def test_locker_is_taken_away_emptied_and_keeps_its_history(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    await flow.deposit("PW-0001")
    await flow.announce("PW-0002", BOB)
    path, body = f"/v1/lockers/{LOCKER}/decommission", {"reason": "the site is sold"}
    await flow.call("POST", path, body, status=403, role=Role.SUPPORT)
    asked = await flow.call("POST", path, body, status=201)
    (command,) = flow.commands()
    assert (asked["leaving"], asked["inside"]) == ("requested", 1)
    assert (command.type, command.actor, command.reason) == ("decommission", "operator:ann", "the site is sold")
    refused = await flow.call("POST", "/v1/parcels/PW-0001/reservation", {"locker_id": LOCKER}, status=409)
    assert "taken away" in refused["detail"]
    await flow.happen("decommission_started", command_id=command.command_id)
    assert await flow.plan("PW-0002") is None and await flow.plan("PW-0001") is not None
    assert await flow.tasks() == [("empty", LOCKER, ["decommission"])]
    await flow.happen("parcel_retrieved", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT, reason="decommission")
    await flow.happen("decommissioned", command_id=command.command_id)
    upkeep = await flow.call("GET", f"/v1/lockers/{LOCKER}/upkeep")
    assert (upkeep["leaving"], upkeep["inside"]) == ("decommissioned", 0)
    assert await flow.tasks() == [("revoke", LOCKER, ["decommissioned"])]
    await flow.call("POST", f"/v1/devices/{LOCKER}/retire", body)
    streams = await flow.call("GET", f"/v1/devices/{LOCKER}/streams")
    assert streams["streams"][0]["stored"] == len(flow.log.raws)
    await flow.pass_time(flow.now_ms + 2 * WEEK_MS)
    assert await flow.tasks(kind="reconcile") == []


async def test_technicians_pass_is_for_maintaining_two_hours_and_for_nobody_else(flow: FlowWorld) -> None:
    public = base64.urlsafe_b64encode(flow.world.fleet.pickup.public).rstrip(b"=").decode()
    body = {"public_key": public, "locker_ids": [LOCKER]}
    for role in (Role.COURIER, Role.SUPPORT, Role.CARRIER):
        await flow.call("POST", "/v1/technician/grants", body, status=403, role=role)
    await flow.call("POST", "/v1/courier/grants", body, status=403, role=Role.TECHNICIAN)
    foreign = {**body, "locker_ids": ["locker-0002"]}
    await flow.call("POST", "/v1/technician/grants", foreign, status=404, role=Role.TECHNICIAN, actor="tom")
    made = await flow.call("POST", "/v1/technician/grants", body, status=201, role=Role.TECHNICIAN, actor="tom")
    signer = flow.world.fleet.pickup.public
    grant = open_grant(made["grant"], {key_id(signer): signer})
    assert (grant.operations, grant.subject, grant.audiences) == ((Operation.MAINTAIN,), "tom", (f"locker:{LOCKER}",))
    assert grant.expires_at_ms == flow.now_ms + 2 * HOUR_MS
