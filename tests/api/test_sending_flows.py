"""Parcels that come without a label or without a word before: senders at the locker, couriers nobody expected."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cloud_bridge.access.model import Role
from edge.wire.keys import key_id
from edge.wire.pickup_claims import Operation
from edge.wire.pickup_token import open_token
from tests.bridge_world import VISIT
from tests.flow_world import ANN, BOB, LOCKER, SIZES, FlowWorld, flow_world

MADE_THERE = "5e" * 16


@pytest.fixture
async def flow() -> AsyncIterator[FlowWorld]:
    async with flow_world() as made:
        yield made


async def drop_off(flow: FlowWorld, **more: object) -> tuple[dict[str, object], str]:
    """A drop-off and the secret of its sender's link."""
    body = {"locker_id": LOCKER, **SIZES, "sender": ANN, **more}
    made = await flow.call("POST", "/v1/drop-offs", body, status=201, role=Role.CARRIER)
    link = await flow.call("GET", f"/v1/parcels/{made['parcel_id']}/drop-off", role=Role.CARRIER)
    return made, link["url"].rpartition("/")[2]


async def test_return_without_a_label_waits_for_the_courier_and_for_no_recipient(flow: FlowWorld) -> None:
    made, link = await drop_off(flow)
    parcel_id = str(made["parcel_id"])
    plan = await flow.plan(parcel_id)
    assert (made["kind"], parcel_id) == ("return", f"D-{plan.pickup_id.upper()}")
    (row,) = (await flow.desired())["reservations"]
    assert (row["parcel_id"], row["pickup_id"]) == (parcel_id, plan.pickup_id)
    shown = await flow.world.bridge.db.read(
        lambda conn: flow.world.bridge.pickups.show_sender(conn, plan.pickup_id, flow.now_ms)
    )
    public = flow.world.fleet.pickup.public
    claims = open_token(shown.qr, {key_id(public): public})
    assert (claims.operation, claims.pickup_id) == (Operation.DROP_OFF, plan.pickup_id)
    assert "Bringen Sie" in await flow.page(f"/d/{link}", "de") and "<svg" in await flow.page(f"/d/{link}")
    await flow.page(f"/p/{link}", status=404)
    await flow.call("GET", f"/v1/pickups/{link}", status=404)

    await flow.deposit(parcel_id, origin="drop_off")
    page = await flow.page(f"/d/{link}")
    assert "We have your parcel" in page and "<svg" not in page
    assert await flow.told() == [("drop_off", parcel_id), ("dropped", parcel_id)]
    assert await flow.tasks(kind="retrieve") == [("retrieve", parcel_id, ["return"])]
    assert (await flow.desired())["retrievals"] == [parcel_id]
    await flow.pass_time(flow.now_ms + 30 * 86_400_000)
    assert await flow.tasks(kind="retrieve") == [("retrieve", parcel_id, ["return"])]
    await flow.happen(
        "parcel_retrieved",
        parcel_id=parcel_id,
        compartment_no=made["compartment_no"],
        visit_id=VISIT,
        reason="retrieve",
    )
    assert [kind for kind, _ in await flow.told()] == ["drop_off", "dropped"]
    await flow.call("POST", f"/v1/parcels/{parcel_id}/returned", role=Role.CARRIER)
    assert (await flow.call("GET", f"/v1/parcels/{parcel_id}"))["state"] == "returned"


async def test_parcel_from_person_to_person_is_collected_at_the_same_locker(flow: FlowWorld) -> None:
    made, link = await drop_off(flow, receiver=BOB)
    parcel_id = str(made["parcel_id"])
    assert made["kind"] == "person"
    bobs = await flow.deposit(parcel_id, origin="drop_off")
    assert sorted(await flow.told()) == [("drop_off", parcel_id), ("dropped", parcel_id), ("ready", parcel_id)]
    assert bobs != link and "<svg" in await flow.page(f"/p/{bobs}")
    assert await flow.tasks(kind="retrieve") == []
    await flow.collected(parcel_id, int(str(made["compartment_no"])))
    assert "on its way" in await flow.page(f"/d/{link}") and "was collected" in await flow.page(f"/p/{bobs}")


async def test_drop_off_that_nobody_brings_frees_its_compartment_and_its_page_says_so(flow: FlowWorld) -> None:
    made, link = await drop_off(flow)
    await flow.pass_time(int(str(made["expires_at_ms"])))
    page = await flow.page(f"/d/{link}")
    assert "The time is over" in page and "<svg" not in page and await flow.plan(str(made["parcel_id"])) is None


async def test_drop_off_at_a_full_locker_is_refused_with_the_reasons(flow: FlowWorld) -> None:
    for number in range(3):
        await flow.announce(f"PW-000{number}")
    body = {"locker_id": LOCKER, **SIZES, "sender": ANN}
    refused = await flow.call("POST", "/v1/drop-offs", body, status=409)
    assert "reserved for parcel PW-0000" in refused["detail"]
    unreachable = {**body, "sender": {"name": "Ann Example"}}
    await flow.call("POST", "/v1/drop-offs", unreachable, status=400)


@pytest.mark.parametrize("money", [{}, {"cod_minor": 900, "cod_currency": "EUR"}], ids=["prepaid", "on delivery"])
async def test_parcel_nobody_announced_is_agreed_to_afterwards_and_gets_its_person_by_a_later_manifest(
    flow: FlowWorld, money: dict[str, object]
) -> None:
    held = await flow.announce("PW-0001")
    await flow.happen(
        "parcel_deposited", parcel_id="NEW-7777", compartment_no=held.compartment_no, visit_id=VISIT,
        pickup_id=MADE_THERE, pin_generation=0, pin_counter=3, origin="unannounced",
        collect_by_ms=flow.now_ms + 72 * 3_600_000,
    )  # fmt: skip
    moved, plan = await flow.plan("PW-0001"), await flow.plan("NEW-7777")
    assert moved.compartment_no != held.compartment_no == plan.compartment_no
    assert (plan.pickup_id, plan.generation, plan.fulfilled) == (MADE_THERE, 0, True)
    doc = await flow.desired()
    assert {row["parcel_id"]: row["compartment_no"] for row in doc["reservations"]} == {
        "NEW-7777": plan.compartment_no, "PW-0001": moved.compartment_no
    }  # fmt: skip
    assert doc["collect_by"] == {MADE_THERE: plan.collect_by_ms} and "revoked" not in doc
    parcel = await flow.call("GET", "/v1/parcels/NEW-7777")
    assert (parcel["state"], parcel["origin"], parcel["recipient"]) == ("deposited", "unannounced", None)

    await flow.announce("NEW-7777", BOB, **money)
    kind = "ready_to_pay" if money else "ready"
    rows = (await flow.call("GET", "/v1/notifications?parcel_id=NEW-7777"))["messages"]
    assert sorted((row["kind"], row["state"]) for row in rows) == sorted([("ready", "erased"), (kind, "waiting")])
    assert (await flow.call("GET", "/v1/parcels/NEW-7777"))["recipient"]["name"] == BOB["name"]
    page = await flow.page(f"/p/{await flow.link('NEW-7777')}")
    assert ("<svg" in page) == (not money)
    report = await flow.call(
        "POST", "/v1/manifests",
        {"parcels": [{"tracking_number": "NEW-7777", **SIZES, "recipient_name": "Eve", "recipient_email": "e@e.org"}]},
        status=201,
    )  # fmt: skip
    assert report["findings"][0]["column"] == "tracking_number"

    await flow.call("POST", "/v1/parcels/NEW-7777/reissue")
    assert len((await flow.desired())["revoked"]) == 1, "the code of the device's own generation 0 is void"


async def test_courier_who_takes_a_parcel_out_again_leaves_the_plan_as_it_was(flow: FlowWorld) -> None:
    await flow.announce("PW-0001")
    link = await flow.deposit("PW-0001")
    await flow.happen("parcel_retrieved", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT, reason="reopened")
    plan = await flow.plan("PW-0001")
    assert plan is not None and not plan.fulfilled and plan.expires_at_ms > flow.now_ms
    assert "on its way" in await flow.page(f"/p/{link}")
    assert [kind for kind, _ in await flow.told()] == ["ready"]
    await flow.deposit("PW-0001")
    assert "<svg" in await flow.page(f"/p/{link}")
