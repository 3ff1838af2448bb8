"""The only SQL on webhooks: where a tenant's own systems are told what recipients are told. No secret stands here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Row, Table, bindparam, insert, select, update

from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

webhooks = Table(
    "webhooks",
    metadata,
    Column("webhook_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("url", Words, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("ended_at_ms", Whole),
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One address of a tenant's system."""

    webhook_id: str
    tenant: str
    url: str
    made_at_ms: int


def insert_webhook(conn: Connection, item: Webhook) -> None:
    conn.execute(
        insert(webhooks).values(
            webhook_id=item.webhook_id, tenant=item.tenant, url=item.url, made_at_ms=item.made_at_ms
        )
    )  # fmt: skip


def live_webhooks(conn: Connection, tenant: str) -> list[Webhook]:
    """Oldest first."""
    return [_webhook(row) for row in _LIVE.all(conn, {"owner": tenant})]


def live_webhook(conn: Connection, webhook_id: str) -> Webhook | None:
    live = (webhooks.c.webhook_id == webhook_id) & webhooks.c.ended_at_ms.is_(None)
    row = conn.execute(select(webhooks).where(live)).one_or_none()
    return None if row is None else _webhook(row)


def end_webhook(conn: Connection, tenant: str, webhook_id: str, now_ms: int) -> bool:
    """Whether the tenant had such a live one."""
    mine = (webhooks.c.webhook_id == webhook_id) & (webhooks.c.tenant == tenant) & webhooks.c.ended_at_ms.is_(None)
    return conn.execute(update(webhooks).where(mine).values(ended_at_ms=now_ms)).rowcount == 1


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(row.webhook_id, row.tenant, row.url, row.made_at_ms)


# Built once: making such a statement costs more than running it.
_LIVE = Prepared(
    select(webhooks)
    .where(webhooks.c.tenant == bindparam("owner"), webhooks.c.ended_at_ms.is_(None))
    .order_by(webhooks.c.made_at_ms, webhooks.c.webhook_id)
)
