"""The SQL on `gaps`: events that the ledger will never hold, and what proves that it once did."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, update

from cloud_bridge.ledger.model import Gap
from cloud_bridge.ledger.tables import gaps
from cloud_bridge.storage.dialect import upsert


def record_gap(conn: Connection, gap: Gap) -> None:
    """Record events that the ledger will never have, once."""
    values = {name: getattr(gap, name) for name in Gap.__slots__}
    upsert(conn, gaps, values, keys=("stream", "first", "end"), change=())


def open_gaps(conn: Connection, stream: str) -> list[Gap]:
    """The stream's gaps whose proof (a receipt's root beyond the gap) has not been reached yet."""
    query = select(gaps).where(gaps.c.stream == stream, gaps.c.proved_at_ms.is_(None), gaps.c.proof_size > 0)
    return [_gap(row) for row in conn.execute(query)]


def prove_gap(conn: Connection, gap: Gap, now_ms: int) -> None:
    """The events after the gap led to the receipt's root: the adopted frontier was the true one."""
    conn.execute(
        update(gaps)
        .where(gaps.c.stream == gap.stream, gaps.c.first == gap.first, gaps.c.end == gap.end)
        .values(proved_at_ms=now_ms)
    )


def all_gaps(conn: Connection, device_id: str) -> list[Gap]:
    """Every recorded gap of a device."""
    return [_gap(row) for row in conn.execute(select(gaps).where(gaps.c.device_id == device_id))]


def _gap(row: Row[Any]) -> Gap:
    return Gap(
        row.device_id, row.stream, row.first, row.end, row.cause, row.recorded_at_ms,
        row.proof_size, bytes(row.proof_root), row.proved_at_ms,
    )  # fmt: skip
