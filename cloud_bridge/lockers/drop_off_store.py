"""The only SQL on drop-offs: parcels put in without a label, the sender sealed under the parcel's key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, ForeignKey, Row, Table, bindparam, insert, select, update

from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

drop_offs = Table(
    "drop_offs",
    metadata,
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), primary_key=True),
    Column("pickup_id", Words, nullable=False, unique=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("kind", Words, nullable=False),
    Column("sender_sealed", Bytes, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("dropped_at_ms", Whole),
)


class DropOffKind(StrEnum):
    """`RETURN`: a courier fetches it. `PERSON`: the receiver collects it at this locker."""

    RETURN = "return"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class DropOff:
    """`pickup_id` names it on the sender's code; `dropped_at_ms`: when the door closed behind it."""

    parcel_key: str
    pickup_id: str
    tenant: str
    kind: DropOffKind
    sender_sealed: bytes
    made_at_ms: int
    dropped_at_ms: int | None = None


def insert_drop_off(conn: Connection, item: DropOff) -> None:
    conn.execute(insert(drop_offs).values(
        parcel_key=item.parcel_key, pickup_id=item.pickup_id, tenant=item.tenant, kind=item.kind.value,
        sender_sealed=item.sender_sealed, made_at_ms=item.made_at_ms,
    ))  # fmt: skip


def by_pickup(conn: Connection, pickup_id: str) -> DropOff | None:
    row = conn.execute(select(drop_offs).where(drop_offs.c.pickup_id == pickup_id)).one_or_none()
    return None if row is None else _drop_off(row)


def by_parcel(conn: Connection, parcel_key: str) -> DropOff | None:
    row = _BY_PARCEL.first(conn, {"key": parcel_key})
    return None if row is None else _drop_off(row)


def mark_dropped(conn: Connection, parcel_key: str, at_ms: int) -> None:
    conn.execute(update(drop_offs).where(drop_offs.c.parcel_key == parcel_key).values(dropped_at_ms=at_ms))


def _drop_off(row: Row[Any]) -> DropOff:
    return DropOff(
        row.parcel_key, row.pickup_id, row.tenant, DropOffKind(row.kind), bytes(row.sender_sealed), row.made_at_ms,
        row.dropped_at_ms,
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_BY_PARCEL = Prepared(select(drop_offs).where(drop_offs.c.parcel_key == bindparam("key")))
