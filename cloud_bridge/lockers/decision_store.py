"""The only SQL on decisions: what was asked, what was answered, when, and for which parcel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, bindparam, insert, select

from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

decisions = Table(
    "assignment_decisions",
    metadata,
    Column("decision_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("parcel_id", Words, nullable=False, comment="empty: for no parcel in particular"),
    Column("locker_id", Words, nullable=False, comment="where it was asked, or what was chosen; empty: none"),
    Column("made_at_ms", Whole, nullable=False),
    Column("question", Bytes, nullable=False),
    Column("answer", Bytes, nullable=False),
)
Index("ix_assignment_decisions_parcel", decisions.c.tenant, decisions.c.parcel_id, decisions.c.made_at_ms)
Index("ix_assignment_decisions_made", decisions.c.made_at_ms, decisions.c.decision_id)


@dataclass(frozen=True, slots=True)
class Decision:
    """A stored decision; `question` and `answer` are packed."""

    decision_id: str
    tenant: str
    kind: str
    parcel_id: str
    locker_id: str
    made_at_ms: int
    question: bytes
    answer: bytes


def insert_decision(conn: Connection, item: Decision) -> None:
    _NEW.run(conn, {
        "decision_id": item.decision_id, "tenant": item.tenant, "kind": item.kind, "parcel_id": item.parcel_id,
        "locker_id": item.locker_id, "made_at_ms": item.made_at_ms, "question": item.question, "answer": item.answer,
    })  # fmt: skip


def decision(conn: Connection, tenant: str, decision_id: str) -> Decision | None:
    row = _ONE.first(conn, {"owner": tenant, "decision": decision_id})
    return None if row is None else _decision(row)


def decisions_of_parcel(conn: Connection, tenant: str, parcel_id: str, limit: int) -> list[Decision]:
    """The newest first."""
    rows = _OF_PARCEL.all(conn, {"owner": tenant, "parcel": parcel_id, "most": limit})
    return [_decision(row) for row in rows]


def decisions_after(conn: Connection, made_at_ms: int, decision_id: str, limit: int) -> list[Decision]:
    """A page of all tenants' decisions in the order in which they were made."""
    table = decisions.c
    later = (table.made_at_ms > made_at_ms) | ((table.made_at_ms == made_at_ms) & (table.decision_id > decision_id))
    rows = conn.execute(select(decisions).where(later).order_by(table.made_at_ms, table.decision_id).limit(limit))
    return [_decision(row) for row in rows]


def _decision(row: Row[Any]) -> Decision:
    return Decision(
        row.decision_id, row.tenant, row.kind, row.parcel_id, row.locker_id, row.made_at_ms, bytes(row.question),
        bytes(row.answer),
    )  # fmt: skip


_NEW = Prepared(insert(decisions))
_ONE = Prepared(
    select(decisions).where(decisions.c.tenant == bindparam("owner"), decisions.c.decision_id == bindparam("decision"))
)
_OF_PARCEL = Prepared(
    select(decisions)
    .where(decisions.c.tenant == bindparam("owner"), decisions.c.parcel_id == bindparam("parcel"))
    .order_by(decisions.c.made_at_ms.desc(), decisions.c.decision_id)
    .limit(bindparam("most"))
)
