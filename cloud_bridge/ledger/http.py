"""The investigator's routes: what happened, by device, parcel, compartment and time, and what proves it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.fleet.http import own_device, own_device_ids
from cloud_bridge.fleet.model import Device
from cloud_bridge.http.route import Call, Model, Raw, Route
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.ledger.service import Ledger
from cloud_bridge.ledger.store import ReplayQuery
from cloud_bridge.ledger.transparency import FleetLog
from cloud_bridge.storage.engine import Database

Whole = Annotated[int, Field(ge=0, le=2**53 - 1)]


class EventReply(Model):
    position: int = Field(description="Place in the whole ledger; `after` for the next page")
    id: str
    device_id: str
    type: str
    at_ms: int = Field(description="When it happened, by the device's clock")
    record_at_ms: int = Field(description="When the cloud stored it")
    clock: str
    late: bool
    data: dict[str, Any]


class EventPage(Model):
    events: list[EventReply]
    next: int | None


class EventQuery(Model):
    device_id: Annotated[str, Field(pattern="^[a-z0-9-]{3,40}$")] | None = None
    parcel_id: Annotated[str, Field(pattern="^[A-Z0-9-]{4,40}$")] | None = None
    compartment_no: Annotated[int, Field(ge=1, le=9999)] | None = None
    type: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{2,63}$")] | None = None
    from_at_ms: Whole | None = None
    to_at_ms: Whole | None = None
    after: Whole = 0
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class BundleQuery(Model):
    first: Whole | None = Field(None, description="First seq; default: the oldest held")
    end: Whole | None = Field(None, description="One past the last seq; stretched to the next receipt")


class StreamReply(Model):
    stream: str
    stored: int = Field(description="Events of this stream in the ledger; also the next seq")
    first: int = Field(description="The first seq that the ledger can prove from")
    superseded_at_ms: int | None = Field(description="Since when a newer stream has taken its place")


class StreamList(Model):
    streams: list[StreamReply]


def routes(ledger: Ledger, log: FleetLog, db: Database) -> tuple[Route, ...]:
    """All routes of the context."""
    return (*_event_routes(), *_audit_routes(ledger, log, db))


def _audit_routes(ledger: Ledger, log: FleetLog, db: Database) -> tuple[Route, ...]:
    async def own(call: Call) -> Device:
        return await db.read(lambda conn: own_device(conn, call.principal.tenant, call.params["device_id"]))

    async def streams(call: Call) -> StreamList:
        heads = await ledger.heads((await own(call)).device_id)
        return StreamList(
            streams=[
                StreamReply(
                    stream=head.stream, stored=head.cursor, first=head.base_size,
                    superseded_at_ms=head.superseded_at_ms,
                )
                for head in heads
            ]
        )  # fmt: skip

    async def bundle(call: Call) -> Raw:
        device = await own(call)
        found = await ledger.audit_bundle(
            device.device_id, call.params["stream"], device.log_public, call.query.first, call.query.end
        )
        return Raw(found, "application/json", headers={"Content-Disposition": 'attachment; filename="bundle.json"'})

    async def checkpoint(_call: Call) -> Raw:
        return Raw(await log.head(), "text/plain; charset=utf-8")

    stream = "/v1/devices/{device_id}/streams"
    return (
        Route("GET", stream, Permission.LEDGER_READ, streams, "A device's logs, oldest first", "ledger", "serve",
              reply=StreamList),
        Route("GET", f"{stream}/{{stream}}/bundle", Permission.LEDGER_READ, bundle,
              "An audit bundle, checked by docs/audit/verify_bundle.py", "ledger", "serve", query=BundleQuery),
        Route("GET", "/v1/log/checkpoint", Permission.PUBLIC, checkpoint,
              "The signed head of the fleet-wide log of accepted checkpoints, for witnesses", "ledger", "serve",
              reply_type="text/plain"),
    )  # fmt: skip


def _event_routes() -> tuple[Route, ...]:
    def replay(call: Call, conn: Connection) -> EventPage:
        asked: EventQuery = call.query
        if asked.device_id is not None:
            own_device(conn, call.principal.tenant, asked.device_id)
        query = ReplayQuery(
            asked.device_id, asked.parcel_id, asked.compartment_no, asked.type, asked.from_at_ms, asked.to_at_ms,
            asked.after, asked.limit,
        )  # fmt: skip
        rows = store.replay(conn, query, own_device_ids(conn, call.principal.tenant))
        return EventPage(
            events=[event_reply(row) for row in rows], next=rows[-1].position if len(rows) == asked.limit else None
        )

    return (
        Route("GET", "/v1/events", Permission.LEDGER_READ, replay, "Replay the ledger", "ledger", query=EventQuery,
              reply=EventPage),
    )  # fmt: skip


def event_reply(row: StoredEvent) -> EventReply:
    return EventReply(
        position=row.position, id=row.id, device_id=row.device_id, type=row.type, at_ms=row.at_ms,
        record_at_ms=row.record_at_ms, clock=row.clock, late=row.late, data=dict(row.data),
    )  # fmt: skip
