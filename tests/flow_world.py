"""The composed bridge as people use it: a locker in Berlin, its device's signed events, links as their holders hold
them. Payments go to the shipped simulator."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from cloud_bridge.access.model import Role
from cloud_bridge.fleet.twins import load_twin
from cloud_bridge.lockers import reservation_store, store
from cloud_bridge.lockers.model import Reservation
from cloud_bridge.notify.channels import Senders
from cloud_bridge.storage.engine import Database
from edge.wire.envelope import open_envelope
from edge.wire.messages import Command
from tests.bridge_world import VISIT, BridgeWorld, bridge_world
from tests.cloud_world import DeviceLog

LOCKER, ZONE = "locker-0001", "Europe/Berlin"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ANN = {"name": "Ann Example", "email": "ann@example.org", "phone": "+4915112345678", "language": "de"}
BOB = {"name": "Bob Sample", "email": "bob@sample.org", "language": "en"}
SIZES = {"width_mm": 300, "height_mm": 80, "depth_mm": 200, "weight_g": 1500}


@dataclass(slots=True)
class FlowWorld:
    """`log` is the device's; it has a session."""

    world: BridgeWorld
    log: DeviceLog
    keys: count[int]
    tokens: dict[tuple[Role, str], Mapping[str, str]] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        return self.world.clock.at_ms

    async def call(
        self, method: str, path: str, body: Any = None, *, status: int = 200, role: Role = Role.OPERATOR,
        actor: str = "ann", key: str = "",
    ) -> Any:  # fmt: skip
        """The answer of the API; a link needs no token and is not harmed by one."""
        who = role, actor
        self.tokens[who] = self.tokens.get(who) or await self.world.token(role, actor=actor)
        headers = {**self.tokens[who], "Idempotency-Key": key or f"key-{next(self.keys):06d}"}
        answer = await self.world.client.request(method, path, json=body, headers=headers)
        assert answer.status == status, (method, path, answer.status, await answer.text())
        return await answer.json()

    async def page(self, path: str, language: str = "en", status: int = 200) -> str:
        answer = await self.world.client.get(path, headers={"Accept-Language": language})
        assert answer.status == status, (path, answer.status)
        return await answer.text()

    async def announce(self, parcel_id: str, person: dict[str, str] = ANN, **more: Any) -> Reservation | None:
        row = {
            "tracking_number": parcel_id, **SIZES, "recipient_name": person["name"], "recipient_email": person["email"],
            "recipient_language": person["language"], "locker_id": LOCKER, **more,
        }  # fmt: skip
        report = await self.call("POST", "/v1/manifests", {"parcels": [row]}, status=201)
        assert report["findings"] == []
        return await self.plan(parcel_id)

    async def plan(self, parcel_id: str) -> Reservation | None:
        """The parcel's active reservation."""

        def find(conn: Any) -> Reservation | None:
            row = store.parcel(conn, "acme", parcel_id)
            return reservation_store.active_for_parcel(conn, row.parcel_key) if row is not None else None

        return await self.world.bridge.db.read(find)

    async def happen(self, type_name: str, **data: Any) -> None:
        await self.world.happen(self.log, type_name, **data)

    async def deposit(self, parcel_id: str, **changes: Any) -> str:
        """As planned, apart from `changes`; returns the recipient's link."""
        plan = await self.plan(parcel_id)
        planned: dict[str, Any] = {}
        if plan is not None:
            planned = {
                "compartment_no": plan.compartment_no, "pickup_id": plan.pickup_id,
                "reservation_id": plan.reservation_id, "pin_generation": plan.generation, "pin_counter": 0,
            }  # fmt: skip
        await self.happen("parcel_deposited", parcel_id=parcel_id, visit_id=VISIT, **planned | changes)
        return await self.link(parcel_id)

    async def link(self, parcel_id: str) -> str:
        """The secret of the recipient's link."""
        plan = await self.plan(parcel_id)
        assert plan is not None
        return self.world.bridge.pickups.link(plan)

    async def collected(self, parcel_id: str, no: int) -> None:
        await self.happen("parcel_collected", parcel_id=parcel_id, compartment_no=no, visit_id=VISIT)

    async def pass_time(self, until_ms: int) -> None:
        self.world.clock.at_ms = until_ms
        await self.world.bridge.tick()

    async def desired(self) -> dict[str, Any]:
        """The device's document as it is now."""
        twin = await self.world.bridge.db.read(lambda conn: load_twin(conn, LOCKER))
        return dict(json.loads(twin.doc))

    async def told(self) -> list[tuple[str, str]]:
        """(kind, parcel) of every message, oldest first; those of one moment by their kind."""
        rows = (await self.call("GET", "/v1/notifications"))["messages"]
        rows = sorted(rows, key=lambda row: (row["created_at_ms"], row["kind"]))
        return [(row["kind"], row["parcel_id"]) for row in rows]

    async def tasks(self, **query: str) -> list[tuple[str, str, list[str]]]:
        """(kind, subject, reasons) of the open tasks."""
        rows = (await self.call("GET", "/v1/tasks" + "".join(f"?{name}={query[name]}" for name in query)))["tasks"]
        return sorted((row["kind"], row["subject"], row["reasons"]) for row in rows)

    def commands(self) -> list[Command]:
        """What was sent to the device, oldest first."""
        sent = [message for message in self.world.published if message.channel == "commands"]
        return [Command.parse(open_envelope(message.payload).body) for message in sent]


@asynccontextmanager
async def flow_world(
    db: Database | None = None, senders: Senders | None = None, **terms: Any
) -> AsyncIterator[FlowWorld]:
    terms = {"payments": "simulator", "extension_price_minor": 199, "remind_hours": 24, **terms}
    async with bridge_world(db, senders, with_tables=db is not None, **terms) as world:
        flow = FlowWorld(world, world.log(), count(1))
        await world.session(flow.log)
        known = await flow.call("GET", f"/v1/lockers/{LOCKER}")
        doors = [
            {
                "no": row["no"], "width_mm": 350, "height_mm": 100 * row["no"], "depth_mm": 400, "sill_mm": 800,
                "module": "a", "channel": row["no"],
            }
            for row in known["compartments"]
        ]  # fmt: skip
        zones = [{"zone": "cold", "compartments": [1, 2], "low_mc": 2000, "high_mc": 8000, "max_s": 1800}]
        site = {"name": "North gate", "address": "1 Example Street", "time_zone": ZONE, "language": "de"}
        await flow.call("PUT", f"/v1/lockers/{LOCKER}", {**site, "compartments": doors, "zones": zones})
        yield flow
