"""The outbox: the only SQL of notify. Rows hold no personal data and no link; both are looked up at sending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, func, select, update

from cloud_bridge.notify.model import Progress, State
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.schema import Whole, Words, metadata

outbox = Table(
    "notify_outbox",
    metadata,
    Column("message_id", Words, primary_key=True),
    Column("dedupe", Words, nullable=False, unique=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("kind", Words, nullable=False),
    Column("parcel_id", Words, nullable=False),
    Column("pickup_id", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("place", Whole, nullable=False),
    Column("tries", Whole, nullable=False),
    Column("next_at_ms", Whole, nullable=False),
    Column("created_at_ms", Whole, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
    Column("channel", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("via", Words, nullable=False, server_default="", comment="empty: the person; else webhook:<id>"),
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person about one pickup."""

    message_id: str
    tenant: str
    kind: str
    parcel_id: str
    pickup_id: str
    progress: Progress
    created_at_ms: int
    changed_at_ms: int
    channel: str
    detail: str
    via: str = ""


def enqueue(
    conn: Connection,
    message_id: str,
    dedupe: str,
    *,
    tenant: str,
    kind: str,
    parcel_id: str,
    pickup_id: str,
    now_ms: int,
    via: str = "",
) -> bool:
    """Put a message in, in the transaction of what it tells; False when that `dedupe` was told before."""
    values = {
        "message_id": message_id, "dedupe": dedupe, "tenant": tenant, "kind": kind, "parcel_id": parcel_id,
        "pickup_id": pickup_id, "state": State.WAITING.value, "place": 0, "tries": 0, "next_at_ms": now_ms,
        "created_at_ms": now_ms, "changed_at_ms": now_ms, "channel": "", "detail": "",
        "via": via,
    }  # fmt: skip
    return upsert(conn, outbox, values, keys=("dedupe",), change=())


def due(conn: Connection, now_ms: int, limit: int) -> list[Message]:
    """Messages whose time has come, oldest first."""
    table = outbox.c
    rows = conn.execute(
        select(outbox)
        .where(table.state == State.WAITING.value, table.next_at_ms <= now_ms)
        .order_by(table.next_at_ms, table.message_id)
        .limit(limit)
    )
    return [_message(row) for row in rows]


def lease(conn: Connection, message: Message, until_ms: int) -> bool:
    """Keep other workers off a message while it is tried; False when one was faster."""
    table = outbox.c
    changed = conn.execute(
        update(outbox)
        .where(
            table.message_id == message.message_id,
            table.state == State.WAITING.value,
            table.next_at_ms == message.progress.next_at_ms,
        )
        .values(next_at_ms=until_ms)
    )
    return changed.rowcount == 1


def record(conn: Connection, message_id: str, progress: Progress, channel: str, detail: str, now_ms: int) -> None:
    """What came of a try. `detail` never holds the address."""
    conn.execute(
        update(outbox)
        .where(outbox.c.message_id == message_id)
        .values(
            state=progress.state.value, place=progress.place, tries=progress.tries, next_at_ms=progress.next_at_ms,
            changed_at_ms=now_ms, channel=channel, detail=detail[:200],
        )
    )  # fmt: skip


def message(conn: Connection, tenant: str, message_id: str) -> Message | None:
    row = conn.execute(select(outbox).where(outbox.c.tenant == tenant, outbox.c.message_id == message_id)).one_or_none()
    return None if row is None else _message(row)


def messages(conn: Connection, tenant: str, *, parcel_id: str | None, state: str | None, limit: int) -> list[Message]:
    """A tenant's messages, newest first."""
    table = outbox.c
    query = select(outbox).where(table.tenant == tenant)
    if parcel_id is not None:
        query = query.where(table.parcel_id == parcel_id)
    if state is not None:
        query = query.where(table.state == state)
    rows = conn.execute(query.order_by(table.created_at_ms.desc(), table.message_id).limit(limit))
    return [_message(row) for row in rows]


def counts(conn: Connection) -> dict[str, int]:
    """How many messages are in each state, for metrics."""
    rows = conn.execute(select(outbox.c.state, func.count()).group_by(outbox.c.state))
    return {state: count for state, count in rows}


def _message(row: Row[Any]) -> Message:
    progress = Progress(State(row.state), row.place, row.tries, row.next_at_ms)
    return Message(
        row.message_id, row.tenant, row.kind, row.parcel_id, row.pickup_id, progress, row.created_at_ms,
        row.changed_at_ms, row.channel, row.detail, row.via,
    )  # fmt: skip
