"""After every flow nobody's name or address and no code that opens a door stands in the database or the logs, and an
erased person is gone from every table."""

from __future__ import annotations

import pytest

from cloud_bridge.access.model import Role
from cloud_bridge.lockers import drop_off_store, store
from cloud_bridge.lockers.drop_offs import sender_of
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from edge.wire.pickup_pin import derive_pin
from tests.bridge_world import VISIT
from tests.flow_world import ANN, BOB, LOCKER, SIZES, FlowWorld, flow_world
from tests.integration.edge.test_no_code_at_rest import spellings


async def _codes(flow: FlowWorld, link: str, pickup_id: str) -> dict[str, str]:
    """What opens a door for who holds this link."""
    pickups = flow.world.bridge.pickups

    def show(conn):
        holder = pickups.holder(conn, link, flow.now_ms)
        return pickups.show_to(conn, holder, flow.now_ms)

    shown = await flow.world.bridge.db.read(show)
    _, key = await flow.world.bridge.db.read(lambda conn: pickups.pin_key(conn, LOCKER))
    pin = derive_pin(key, pickup_id, shown.reservation.generation, 0)
    return {"link": link, "qr": shown.qr, "pin": pin if shown.proxy is None else ""}


async def _everything(flow: FlowWorld) -> dict[str, str]:
    """Announce, drop off, extend, send somebody, open, complain, collect; returns what must not be found."""
    await flow.announce("PW-0001", cod_minor=500, cod_currency="EUR")
    link = await flow.deposit("PW-0001")
    await flow.call("POST", f"/v1/pickups/{link}/pay", {"amount_minor": 500, "currency": "EUR"}, status=201)
    made = await flow.call("POST", f"/v1/pickups/{link}/proxies", status=201)
    proxy = made["proxies"][0]["url"].rpartition("/")[2]
    pickup_id = (await flow.plan("PW-0001")).pickup_id
    own, proxys = await _codes(flow, link, pickup_id), await _codes(flow, proxy, pickup_id)
    await flow.page(f"/p/{link}")
    await flow.call("POST", f"/v1/pickups/{link}/extend", {"price_minor": 199, "currency": "EUR"}, status=201)
    await flow.call("POST", f"/v1/pickups/{proxy}/openings", {"compartment_no": 1}, status=201)
    await flow.call("POST", f"/v1/pickups/{link}/claims", {"parcel_id": "PW-0001", "kind": "damaged"}, status=201)
    await flow.collected("PW-0001", 1)
    body = {"locker_id": LOCKER, **SIZES, "sender": ANN, "receiver": BOB}
    dropped = await flow.call("POST", "/v1/drop-offs", body, status=201)
    way = await flow.call("GET", f"/v1/parcels/{dropped['parcel_id']}/drop-off")
    sender = way["url"].rpartition("/")[2]
    await flow.page(f"/d/{sender}")
    bobs = await flow.deposit(dropped["parcel_id"], origin="drop_off")
    await flow.page(f"/p/{bobs}")
    hook = await flow.call("POST", "/v1/webhooks", {"url": "https://shop.test/hook"}, status=201)
    found = {f"Ann's {name}": ANN[name] for name in ("name", "email", "phone")}
    found |= {f"Bob's {name}": BOB[name] for name in ("name", "email")}
    found |= {f"her {name}": code for name, code in own.items()}
    found |= {f"her proxy's {name}": code for name, code in proxys.items() if code}
    return {**found, "the sender's link": sender, "Bob's link": bobs, "the webhook's secret": hook["secret"]}


async def test_no_name_number_code_or_link_stands_in_the_database_or_the_logs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    db = InlineDatabase()
    db.write_now(metadata.create_all)
    async with flow_world(db) as flow:
        secrets = await _everything(flow)
        kept = db.driver_connection.serialize()
    out, err = capsys.readouterr()
    assert b"PW-0001" in kept and "message tried" in out
    for what, secret in secrets.items():
        assert len(secret) >= 9, what
        for form in spellings(secret):
            assert form not in kept, f"{what} in the database"
        assert secret not in out + err, f"{what} in the logs"


async def test_erased_person_is_gone_from_every_table_and_is_told_nothing_more() -> None:
    async with flow_world() as flow:
        body = {"locker_id": LOCKER, **SIZES, "sender": ANN, "receiver": BOB}
        parcel_id = (await flow.call("POST", "/v1/drop-offs", body, status=201))["parcel_id"]
        await flow.deposit(parcel_id, origin="drop_off")
        await flow.call("DELETE", f"/v1/parcels/{parcel_id}/recipient", status=409)
        await flow.collected(parcel_id, 1)
        for role, status in ((Role.SUPPORT, 403), (Role.CARRIER, 403), (Role.OPERATOR, 200)):
            await flow.call("DELETE", f"/v1/parcels/{parcel_id}/recipient", status=status, role=role)

        def left(conn):
            row = store.parcel(conn, "acme", parcel_id)
            dropped = drop_off_store.by_parcel(conn, row.parcel_key)
            return row.contact_hash, flow.world.bridge.lockers.recipient(conn, row), sender_of(conn, dropped)

        assert await flow.world.bridge.db.read(left) == (None, None, None)
        parcel = await flow.call("GET", f"/v1/parcels/{parcel_id}")
        assert (parcel["erased"], parcel["recipient"]) == (True, None)
        await flow.happen("parcel_disputed", visit_id=VISIT, compartment_no=1, kind="damaged", parcel_id=parcel_id)
        rows = (await flow.call("GET", f"/v1/notifications?parcel_id={parcel_id}"))["messages"]
        assert {row["state"] for row in rows if row["kind"] == "disputed"} <= {"erased"}
