"""The SQL on events that were set apart because they were not understood, and their release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.ledger.tables import cursors, events, quarantined_events, streams
from cloud_bridge.storage.dialect import upsert
from edge.wire.event import LATE_AFTER_MS
from edge.wire.expected_event import KnownEvent

UPDATABLE = ("unknown_type", "payload")
"""The reasons that a newer table of event types can take away; a wrong source or place stays wrong."""


def quarantine_event(conn: Connection, event: Mapping[str, Any]) -> None:
    """Keep beside the ledger why an authentic event was not understood."""
    conn.execute(insert(quarantined_events), dict(event))


def quarantined(conn: Connection, limit: int = 100) -> list[Row[Any]]:
    """Events that wait to be understood, oldest first."""
    query = select(quarantined_events).where(quarantined_events.c.released_at_ms.is_(None))
    return list(conn.execute(query.order_by(quarantined_events.c.position).limit(limit)))


def waiting(conn: Connection, after_position: int, limit: int) -> list[Row[Any]]:
    """What an update may have made understandable, with its bytes and stream, oldest first."""
    apart = quarantined_events
    query = (
        select(apart, events.c.raw, events.c.stream_no)
        .join(events, events.c.position == apart.c.position)
        .where(apart.c.position > after_position, apart.c.released_at_ms.is_(None), apart.c.reason.in_(UPDATABLE))
        .order_by(apart.c.position)
        .limit(limit)
    )
    return list(conn.execute(query))


def any_waiting(conn: Connection, device_id: str, reason: str) -> bool:
    """Whether events of this device are still set apart for this reason."""
    apart = quarantined_events
    mine = (apart.c.device_id == device_id) & (apart.c.reason == reason) & apart.c.released_at_ms.is_(None)
    return conn.execute(select(apart.c.position).where(mine).limit(1)).first() is not None


def lock_stream(conn: Connection, stream_no: int) -> int | None:
    """Keep ingest from this stream until the transaction ends; when it was superseded, or None."""
    query = select(streams.c.superseded_at_ms).where(streams.c.stream_no == stream_no)
    at_ms: int | None = conn.execute(query.with_for_update()).scalar_one()
    return at_ms


def release(conn: Connection, row: Row[Any], event: KnownEvent, now_ms: int) -> bool:
    """Fill in what the event's row lacks; False when somebody has done it already."""
    apart = quarantined_events
    mine = (apart.c.position == row.position) & apart.c.released_at_ms.is_(None)
    if conn.execute(update(apart).where(mine).values(released_at_ms=now_ms)).rowcount != 1:
        return False
    conn.execute(
        update(events)
        .where(events.c.position == row.position)
        .values(
            type=event.type, at_ms=event.at_ms, late=events.c.record_at_ms - LATE_AFTER_MS > event.at_ms,
            parcel_id=event.parcel_id, compartment_no=event.compartment_no,
        )
    )  # fmt: skip
    return True


def event_at(conn: Connection, position: int) -> StoredEvent:
    """The event at a position that is there."""
    return store.stored_event(conn.execute(store.select_events().where(events.c.position == position)).one())


def of_device(conn: Connection, device_id: str, after_position: int, types: frozenset[str]) -> list[StoredEvent]:
    """Up to 500 understood events of one device, in ledger order: to fold it anew."""
    mine = (streams.c.device_id == device_id) & (events.c.position > after_position)
    query = store.select_events().where(mine, events.c.type.in_(sorted(types)) if types else events.c.type != "")
    return [store.stored_event(row) for row in conn.execute(query.order_by(events.c.position).limit(500))]


def lock_cursor(conn: Connection, projection: str) -> int:
    """How far a follower has come; it goes no further until the transaction ends."""
    upsert(conn, cursors, {"projection": projection, "position": 0}, keys=("projection",), change=())
    query = select(cursors.c.position).where(cursors.c.projection == projection)
    return int(conn.execute(query.with_for_update()).scalar_one())


def save_only_cursor(conn: Connection, family: str, name: str, position: int) -> None:
    """Save a cursor of a family of which only the newest is of use."""
    others = cursors.c.projection.startswith(family, autoescape=True) & (cursors.c.projection != name)
    conn.execute(delete(cursors).where(others))
    store.save_cursor(conn, name, position)
