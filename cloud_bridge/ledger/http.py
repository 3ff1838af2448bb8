"""The investigator's route: what happened, by device, parcel, compartment and time."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.fleet.http import own_device, own_device_ids
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.ledger.store import ReplayQuery

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


def routes() -> tuple[Route, ...]:
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
