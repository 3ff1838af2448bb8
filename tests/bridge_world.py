"""The composed bridge over a real store, with real device logs, behind a real HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp.test_utils import TestClient, TestServer

from cloud_bridge.access.model import Role
from cloud_bridge.app import Bridge, compose
from cloud_bridge.fleet.model import Device, Outgoing
from cloud_bridge.fleet.store import register_device
from cloud_bridge.keyring import Keyring
from cloud_bridge.ledger.store import start_clock
from cloud_bridge.lockers.model import Compartment, Locker, Size
from cloud_bridge.notify.channels import Senders
from cloud_bridge.ports import SystemRandom
from cloud_bridge.settings import Settings
from cloud_bridge.storage.engine import Database
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.migrate import prepare_database
from cloud_bridge.storage.schema import metadata
from edge.wire.envelope import open_envelope
from edge.wire.event import EventDraft
from edge.wire.messages import Welcome
from tests.cloud_world import NOW_MS, DeviceLog, FakeClock, cloud_keys
from tests.fleets import Fleet, make_fleet

VISIT = "ab" * 16
ROW = "{0},300,80,200,1500,Ann Example,ann@example.org,+4915112345678,{1}"
HEADER = "tracking_number,width_mm,height_mm,depth_mm,weight_g,recipient_name,recipient_email,recipient_phone,locker_id"


@dataclass(slots=True)
class BridgeWorld:
    """`acme` has locker-0001 with three compartments, `rival` has locker-0002."""

    fleet: Fleet
    bridge: Bridge
    clock: FakeClock
    client: TestClient
    published: list[Outgoing]

    async def token(self, role: Role = Role.OPERATOR, tenant: str = "acme", actor: str = "ann") -> Mapping[str, str]:
        made = await self.bridge.db.write(
            lambda conn: self.bridge.access.make_token(
                conn, tenant=tenant, role=role, actor=actor, now_ms=self.clock.at_ms
            )
        )
        return {"Authorization": f"Bearer {made.text}"}

    def log(self, number: int = 1) -> DeviceLog:
        return DeviceLog(self.fleet.name, self.fleet.devices[f"locker-{number:04d}"])

    async def session(self, log: DeviceLog) -> None:
        answers = await self.bridge.ingest.receive(log.device.device_id, "up", log.hello())
        nonce = Welcome.parse(open_envelope(answers[0].payload).body).nonce
        await self.bridge.ingest.receive(log.device.device_id, "up", log.hello(nonce))

    async def happen(self, log: DeviceLog, type_name: str, **data: Any) -> None:
        """One event, signed by the device, ingested, and everything that follows from it."""
        first = len(log.raws)
        log.append(EventDraft(type_name, data, self.clock.at_ms))
        await self.bridge.ingest.receive(log.device.device_id, "up", log.batch(first))
        await self.bridge.tick()

    async def announce(self, parcel_id: str = "PW-0001", locker_id: str = "locker-0001", key: str = "") -> Any:
        headers = {**await self.token(), "Content-Type": "text/csv", "Idempotency-Key": key or f"key-{parcel_id}"}
        body = f"{HEADER}\n{ROW.format(parcel_id, locker_id)}\n"
        response = await self.client.post("/v1/manifests", data=body.encode(), headers=headers)
        assert response.status == 201, await response.text()
        return await response.json()

    async def deposit(self, log: DeviceLog, parcel_id: str = "PW-0001") -> str:
        """The parcel goes where its reservation says; returns the pickup id."""
        twin = await self.bridge.db.read(lambda conn: _reservations(conn, log.device.device_id))
        plan = next(row for row in twin if row["parcel_id"] == parcel_id)
        await self.happen(
            log, "parcel_deposited", parcel_id=parcel_id, compartment_no=plan["compartment_no"], visit_id=VISIT,
            pickup_id=plan["pickup_id"], reservation_id=plan["reservation_id"], pin_generation=plan["generation"],
            pin_counter=0,
        )  # fmt: skip
        return str(plan["pickup_id"])


def _reservations(conn: Any, device_id: str) -> list[dict[str, Any]]:
    import json

    from cloud_bridge.fleet.twins import load_twin

    return list(json.loads(load_twin(conn, device_id).doc)["reservations"])


@asynccontextmanager
async def bridge_world(
    db: Database | None = None,
    senders: Senders | None = None,
    public_url: str = "http://parcels.test",
    port: int | None = None,
    with_tables: bool = False,
    **terms: Any,
) -> AsyncIterator[BridgeWorld]:
    fleet, clock, random = make_fleet(2), FakeClock(), SystemRandom()
    if db is None:
        db, with_tables = InlineDatabase(), True
        db.write_now(metadata.create_all)
    if with_tables:  # as the migrations give them, which a test of them asserts; in a fraction of the time
        await db.write(start_clock)
    else:
        await prepare_database(db)
    keyring = Keyring(cloud_keys(fleet), fleet.pickup, b"k" * 32)
    bridge = compose(db, keyring, Settings(public_url=public_url, **terms), clock, random, senders or {})
    published: list[Outgoing] = []

    async def publish(message: Outgoing) -> None:
        published.append(message)

    bridge.outlet.publish_to = publish

    def populate(conn: Any) -> None:
        for (device_id, device), tenant in zip(fleet.devices.items(), ("acme", "rival"), strict=True):
            entry = Device(device_id, "locker", tenant, "site", device.log_public, device.wrap_public)
            register_device(conn, entry, NOW_MS)
            items = [Compartment(no, Size(350, 100 * no, 400), 800, frozenset(), "a", no) for no in (1, 2, 3)]
            bridge.lockers.install(conn, Locker(device_id, tenant, "North gate", "1 Example Street"), items)

    await db.write(populate)
    async with TestClient(TestServer(bridge.application(), port=port)) as client:
        yield BridgeWorld(fleet, bridge, clock, client, published)
    await db.close()
