"""The only SQL of lockers: installations, parcels with their sealed recipients, and reservations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Index,
    Row,
    Table,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from cloud_bridge.lockers.model import Compartment, Locker, Reservation, Size, Wish
from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

lockers = Table(
    "lockers",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("name", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("language", Words, nullable=False),
)
compartments = Table(
    "locker_compartments",
    metadata,
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), primary_key=True),
    Column("compartment_no", Whole, primary_key=True, autoincrement=False),
    Column("module", Words, nullable=False),
    Column("channel", Whole, nullable=False),
    Column("width_mm", Whole, nullable=False),
    Column("height_mm", Whole, nullable=False),
    Column("depth_mm", Whole, nullable=False),
    Column("sill_mm", Whole, nullable=False),
    Column("features", Words, nullable=False),
)
parcels = Table(
    "parcels",
    metadata,
    Column("parcel_key", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("parcel_id", Words, nullable=False, index=True),
    Column("carrier", Words, nullable=False),
    Column("wish", Words, nullable=False),
    Column("wanted_locker_id", Words),
    Column("announced_at_ms", Whole, nullable=False),
    Column("recipient_sealed", Bytes, nullable=False),
    UniqueConstraint("tenant", "parcel_id"),
)
recipient_keys = Table(
    "recipient_keys",
    metadata,
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), primary_key=True),
    Column("data_key", Bytes, nullable=False),
)
reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), nullable=False),
    Column("compartment_no", Whole, nullable=False),
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), nullable=False, index=True),
    Column("parcel_id", Words, nullable=False),
    Column("pickup_id", Words, nullable=False, unique=True),
    Column("generation", Whole, nullable=False),
    Column("fulfilled", Whole, nullable=False),
    Column("expires_at_ms", Whole, nullable=False, index=True),
    Column("collect_by_ms", Whole, nullable=False),
    Column("created_at_ms", Whole, nullable=False),
    Column("ended", Words, comment="why it ended; null while active"),
)
_active = reservations.c.ended.is_(None)
Index(
    "uq_reservations_compartment", reservations.c.locker_id, reservations.c.compartment_no, unique=True,
    sqlite_where=_active, postgresql_where=_active,
)  # fmt: skip
Index("uq_reservations_parcel", reservations.c.parcel_key, unique=True, sqlite_where=_active, postgresql_where=_active)


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """An announced parcel; its recipient stays sealed."""

    parcel_key: str
    tenant: str
    parcel_id: str
    carrier: str
    wish: Wish
    wanted_locker_id: str | None
    announced_at_ms: int
    recipient_sealed: bytes


# --- lockers -------------------------------------------------------------------------------------------------


def put_locker(conn: Connection, locker: Locker, items: Sequence[Compartment]) -> None:
    """Insert or replace an installation with its compartments."""
    values = {
        "tenant": locker.tenant, "name": locker.name, "address": locker.address, "language": locker.language
    }  # fmt: skip
    changed = conn.execute(update(lockers).where(lockers.c.locker_id == locker.locker_id).values(**values))
    if changed.rowcount == 0:
        conn.execute(insert(lockers).values(locker_id=locker.locker_id, **values))
    conn.execute(delete(compartments).where(compartments.c.locker_id == locker.locker_id))
    if items:
        conn.execute(insert(compartments), [_compartment_values(locker.locker_id, item) for item in items])


def locker(conn: Connection, locker_id: str) -> Locker | None:
    row = conn.execute(select(lockers).where(lockers.c.locker_id == locker_id)).one_or_none()
    return None if row is None else Locker(row.locker_id, row.tenant, row.name, row.address, row.language)


def lock_locker(conn: Connection, locker_id: str) -> None:
    """Serialise whoever chooses a compartment here (SQLite has one writer anyway)."""
    conn.execute(select(lockers.c.locker_id).where(lockers.c.locker_id == locker_id).with_for_update())


def lockers_of(conn: Connection, tenant: str) -> list[Locker]:
    rows = conn.execute(select(lockers).where(lockers.c.tenant == tenant).order_by(lockers.c.locker_id))
    return [Locker(row.locker_id, row.tenant, row.name, row.address, row.language) for row in rows]


def compartments_of(conn: Connection, locker_id: str) -> list[Compartment]:
    table = compartments.c
    rows = conn.execute(select(compartments).where(table.locker_id == locker_id).order_by(table.compartment_no))
    return [
        Compartment(
            row.compartment_no, Size(row.width_mm, row.height_mm, row.depth_mm), row.sill_mm,
            frozenset(row.features.split()), row.module, row.channel,
        )
        for row in rows
    ]  # fmt: skip


def _compartment_values(locker_id: str, item: Compartment) -> dict[str, Any]:
    return {
        "locker_id": locker_id, "compartment_no": item.no, "module": item.module, "channel": item.channel,
        "width_mm": item.size.width_mm, "height_mm": item.size.height_mm, "depth_mm": item.size.depth_mm,
        "sill_mm": item.sill_mm, "features": " ".join(sorted(item.features)),
    }  # fmt: skip


# --- parcels -------------------------------------------------------------------------------------------------


def insert_parcel(conn: Connection, row: ParcelRow, data_key: bytes) -> None:
    conn.execute(
        insert(parcels).values(
            parcel_key=row.parcel_key, tenant=row.tenant, parcel_id=row.parcel_id, carrier=row.carrier,
            wish=_dump_wish(row.wish), wanted_locker_id=row.wanted_locker_id, announced_at_ms=row.announced_at_ms,
            recipient_sealed=row.recipient_sealed,
        )
    )  # fmt: skip
    conn.execute(insert(recipient_keys).values(parcel_key=row.parcel_key, data_key=data_key))


def parcel(conn: Connection, tenant: str, parcel_id: str) -> ParcelRow | None:
    row = conn.execute(
        select(parcels).where(parcels.c.tenant == tenant, parcels.c.parcel_id == parcel_id)
    ).one_or_none()
    return None if row is None else _parcel(row)


def parcel_by_key(conn: Connection, parcel_key: str) -> ParcelRow | None:
    row = conn.execute(select(parcels).where(parcels.c.parcel_key == parcel_key)).one_or_none()
    return None if row is None else _parcel(row)


def parcels_after(conn: Connection, tenant: str, after: str, limit: int) -> list[ParcelRow]:
    """A page of a tenant's parcels in the order of their ids."""
    table = parcels.c
    rows = conn.execute(
        select(parcels).where(table.tenant == tenant, table.parcel_id > after).order_by(table.parcel_id).limit(limit)
    )
    return [_parcel(row) for row in rows]


def data_key(conn: Connection, parcel_key: str) -> bytes | None:
    """The key of a parcel's personal data; None once it was erased."""
    found: bytes | None = conn.execute(
        select(recipient_keys.c.data_key).where(recipient_keys.c.parcel_key == parcel_key)
    ).scalar_one_or_none()
    return found


def delete_data_key(conn: Connection, parcel_key: str) -> bool:
    gone = conn.execute(delete(recipient_keys).where(recipient_keys.c.parcel_key == parcel_key))
    return gone.rowcount == 1


def _parcel(row: Row[Any]) -> ParcelRow:
    return ParcelRow(
        row.parcel_key, row.tenant, row.parcel_id, row.carrier, _load_wish(row.wish), row.wanted_locker_id,
        row.announced_at_ms, row.recipient_sealed,
    )  # fmt: skip


def _dump_wish(wish: Wish) -> str:
    size = [wish.size.width_mm, wish.size.height_mm, wish.size.depth_mm]
    return json.dumps([size, wish.weight_g, wish.upright, wish.accessible, sorted(wish.features)])


def _load_wish(text: str) -> Wish:
    size, weight_g, upright, accessible, features = json.loads(text)
    return Wish(Size(*size), weight_g, upright, accessible, frozenset(features))


# --- reservations --------------------------------------------------------------------------------------------


def insert_reservation(conn: Connection, item: Reservation, now_ms: int) -> None:
    """Raises IntegrityError when the compartment or the parcel has an active reservation already."""
    conn.execute(
        insert(reservations).values(
            reservation_id=item.reservation_id, tenant=item.tenant, locker_id=item.locker_id,
            compartment_no=item.compartment_no, parcel_key=item.parcel_key, parcel_id=item.parcel_id,
            pickup_id=item.pickup_id, generation=item.generation, fulfilled=int(item.fulfilled),
            expires_at_ms=item.expires_at_ms, collect_by_ms=item.collect_by_ms, created_at_ms=now_ms,
        )
    )  # fmt: skip


def change_reservation(conn: Connection, reservation_id: str, **values: Any) -> None:
    conn.execute(update(reservations).where(reservations.c.reservation_id == reservation_id).values(**values))


def active_reservations(conn: Connection, locker_id: str) -> list[Reservation]:
    table = reservations.c
    rows = conn.execute(
        select(reservations).where(table.locker_id == locker_id, _active).order_by(table.compartment_no)
    )
    return [_reservation(row) for row in rows]


def active_for_parcel(conn: Connection, parcel_key: str) -> Reservation | None:
    row = conn.execute(select(reservations).where(reservations.c.parcel_key == parcel_key, _active)).one_or_none()
    return None if row is None else _reservation(row)


def last_for_parcel(conn: Connection, parcel_key: str) -> Reservation | None:
    """The active reservation, else the newest ended one."""
    table = reservations.c
    row = conn.execute(
        select(reservations)
        .where(table.parcel_key == parcel_key)
        .order_by(_active.desc(), table.created_at_ms.desc(), table.reservation_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else _reservation(row)


def reservation_of_pickup(conn: Connection, pickup_id: str) -> tuple[Reservation, str | None] | None:
    """A pickup's reservation and why it ended, if it did."""
    row = conn.execute(select(reservations).where(reservations.c.pickup_id == pickup_id)).one_or_none()
    return None if row is None else (_reservation(row), row.ended)


def due_reservations(conn: Connection, now_ms: int, limit: int) -> list[Reservation]:
    """Active ones whose parcel never came in time."""
    table = reservations.c
    rows = conn.execute(
        select(reservations)
        .where(_active, table.fulfilled == 0, table.expires_at_ms <= now_ms)
        .order_by(table.expires_at_ms)
        .limit(limit)
    )
    return [_reservation(row) for row in rows]


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(
        row.reservation_id, row.tenant, row.locker_id, row.compartment_no, row.parcel_key, row.parcel_id,
        row.pickup_id, row.generation, bool(row.fulfilled), row.expires_at_ms, row.collect_by_ms,
    )  # fmt: skip
