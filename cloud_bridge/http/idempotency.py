"""Idempotency keys: the first answer to a creating call, kept in the transaction that made the thing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, insert, select, update

from cloud_bridge.errors import Conflict
from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

KEEP_MS = 24 * 3600 * 1000

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant", Words, primary_key=True),
    Column("actor", Words, primary_key=True),
    Column("idempotency_key", Words, primary_key=True),
    Column("request_sha256", Bytes, nullable=False),
    Column("status", Whole, nullable=False),
    Column("reply", Bytes, nullable=False),
    Column("created_at_ms", Whole, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class IdempotentCall:
    """One creating call: whose key, and a digest of what was asked for."""

    tenant: str
    actor: str
    key: str
    request_sha256: bytes


def digest(method: str, path: str, body: bytes) -> bytes:
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).digest()


def find(conn: Connection, call: IdempotentCall, now_ms: int) -> tuple[int, bytes] | None:
    """The first answer to this key.

    Raises:
        Conflict: the key was used for another request.
    """
    table = idempotency_keys.c
    row = conn.execute(
        select(table.request_sha256, table.status, table.reply).where(
            _same(call), table.created_at_ms > now_ms - KEEP_MS
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_sha256 != call.request_sha256:
        raise Conflict("this Idempotency-Key belongs to another request", where="Idempotency-Key",
                       remedy="Use a new key for each new request.")  # fmt: skip
    return row.status, row.reply


def keep(conn: Connection, call: IdempotentCall, status: int, reply: bytes, now_ms: int) -> None:
    """Keep the first answer; answers older than a day are forgotten on the way."""
    conn.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at_ms <= now_ms - KEEP_MS))
    conn.execute(
        insert(idempotency_keys).values(
            tenant=call.tenant, actor=call.actor, idempotency_key=call.key, request_sha256=call.request_sha256,
            status=status, reply=reply, created_at_ms=now_ms,
        )
    )  # fmt: skip


def begin(conn: Connection, call: IdempotentCall, now_ms: int) -> tuple[int, bytes] | None:
    """For work with effects outside the database: mark the key as taken before anything is done.

    The first answer when there is one; None: the work may begin.

    Raises:
        Conflict: the key belongs to another request, or its work was begun and its end never recorded.
    """
    kept = find(conn, call, now_ms)
    if kept is None:
        keep(conn, call, 0, b"", now_ms)
        return None
    if kept[0] == 0:
        raise Conflict("this request was begun and its outcome is not known", where="Idempotency-Key",
                       remedy="Look at what it may have done before you send a new one.")  # fmt: skip
    return kept


def finish(conn: Connection, call: IdempotentCall, status: int, reply: bytes) -> None:
    """Record the answer of begun work."""
    conn.execute(update(idempotency_keys).where(_same(call)).values(status=status, reply=reply))


def withdraw(conn: Connection, call: IdempotentCall) -> None:
    """The work was refused before it did anything: the key is free again."""
    conn.execute(delete(idempotency_keys).where(_same(call)))


def _same(call: IdempotentCall) -> ColumnElement[bool]:
    table = idempotency_keys.c
    return and_(table.tenant == call.tenant, table.actor == call.actor, table.idempotency_key == call.key)
