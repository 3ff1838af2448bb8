"""The only SQL of lockers: installations, parcels with their sealed recipients, and reservations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, delete, insert, select, update

from cloud_bridge.lockers.model import Compartment, Locker, Reservation, Size, Wish
from cloud_bridge.lockers.tables import ACTIVE, compartments, lockers, parcels, recipient_keys, reservations


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
    row = conn.execute(_LOCKER, {"locker": locker_id}).one_or_none()
    return None if row is None else Locker(row.locker_id, row.tenant, row.name, row.address, row.language)


def lock_locker(conn: Connection, locker_id: str) -> None:
    """Serialise whoever chooses a compartment here (SQLite has one writer anyway)."""
    conn.execute(_LOCK, {"locker": locker_id})


def lockers_of(conn: Connection, tenant: str) -> list[Locker]:
    rows = conn.execute(select(lockers).where(lockers.c.tenant == tenant).order_by(lockers.c.locker_id))
    return [Locker(row.locker_id, row.tenant, row.name, row.address, row.language) for row in rows]


def compartments_of(conn: Connection, locker_id: str) -> list[Compartment]:
    rows = conn.execute(_COMPARTMENTS, {"locker": locker_id})
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
    conn.execute(_NEW_PARCEL, {
        "parcel_key": row.parcel_key, "tenant": row.tenant, "parcel_id": row.parcel_id, "carrier": row.carrier,
        "wish": _dump_wish(row.wish), "wanted_locker_id": row.wanted_locker_id,
        "announced_at_ms": row.announced_at_ms, "recipient_sealed": row.recipient_sealed,
    })  # fmt: skip
    conn.execute(_NEW_KEY, {"parcel_key": row.parcel_key, "data_key": data_key})


def parcel(conn: Connection, tenant: str, parcel_id: str) -> ParcelRow | None:
    row = conn.execute(_PARCEL, {"owner": tenant, "parcel": parcel_id}).one_or_none()
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
    found: bytes | None = conn.execute(_KEY, {"key": parcel_key}).scalar_one_or_none()
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
    conn.execute(_NEW_RESERVATION, {
        "reservation_id": item.reservation_id, "tenant": item.tenant, "locker_id": item.locker_id,
        "compartment_no": item.compartment_no, "parcel_key": item.parcel_key, "parcel_id": item.parcel_id,
        "pickup_id": item.pickup_id, "generation": item.generation, "fulfilled": int(item.fulfilled),
        "expires_at_ms": item.expires_at_ms, "collect_by_ms": item.collect_by_ms, "created_at_ms": now_ms,
    })  # fmt: skip


def change_reservation(conn: Connection, reservation_id: str, **values: Any) -> None:
    conn.execute(_changing(tuple(values)), {"reservation": reservation_id, **values})


@lru_cache(maxsize=32)
def _changing(names: tuple[str, ...]) -> Update:
    change = {name: bindparam(name) for name in names}
    return update(reservations).where(reservations.c.reservation_id == bindparam("reservation")).values(change)


def active_reservations(conn: Connection, locker_id: str) -> list[Reservation]:
    rows = conn.execute(_ACTIVE_OF_LOCKER, {"locker": locker_id})
    return [_reservation(row) for row in rows]


def active_for_parcel(conn: Connection, parcel_key: str) -> Reservation | None:
    row = conn.execute(_ACTIVE_OF_PARCEL, {"key": parcel_key}).one_or_none()
    return None if row is None else _reservation(row)


def last_for_parcel(conn: Connection, parcel_key: str) -> Reservation | None:
    """The active reservation, else the newest ended one."""
    table = reservations.c
    row = conn.execute(
        select(reservations)
        .where(table.parcel_key == parcel_key)
        .order_by(ACTIVE.desc(), table.created_at_ms.desc(), table.reservation_id)
        .limit(1)
    ).one_or_none()
    return None if row is None else _reservation(row)


def reservation_of_pickup(conn: Connection, pickup_id: str) -> tuple[Reservation, str | None] | None:
    """A pickup's reservation and why it ended, if it did."""
    row = conn.execute(_OF_PICKUP, {"pickup": pickup_id}).one_or_none()
    return None if row is None else (_reservation(row), row.ended)


def due_reservations(conn: Connection, now_ms: int, limit: int) -> list[Reservation]:
    """Active ones whose parcel never came in time."""
    rows = conn.execute(_DUE, {"now_ms": now_ms, "most": limit})
    return [_reservation(row) for row in rows]


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(
        row.reservation_id, row.tenant, row.locker_id, row.compartment_no, row.parcel_key, row.parcel_id,
        row.pickup_id, row.generation, bool(row.fulfilled), row.expires_at_ms, row.collect_by_ms,
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_LOCKER = select(lockers).where(lockers.c.locker_id == bindparam("locker"))
_LOCK = select(lockers.c.locker_id).where(lockers.c.locker_id == bindparam("locker")).with_for_update()
_COMPARTMENTS = (
    select(compartments)
    .where(compartments.c.locker_id == bindparam("locker"))
    .order_by(compartments.c.compartment_no)
)  # fmt: skip
_NEW_PARCEL = insert(parcels)
_NEW_KEY = insert(recipient_keys)
_PARCEL = select(parcels).where(parcels.c.tenant == bindparam("owner"), parcels.c.parcel_id == bindparam("parcel"))
_KEY = select(recipient_keys.c.data_key).where(recipient_keys.c.parcel_key == bindparam("key"))
_NEW_RESERVATION = insert(reservations)
_ACTIVE_OF_LOCKER = (
    select(reservations)
    .where(reservations.c.locker_id == bindparam("locker"), ACTIVE)
    .order_by(reservations.c.compartment_no)
)
_ACTIVE_OF_PARCEL = select(reservations).where(reservations.c.parcel_key == bindparam("key"), ACTIVE)
_DUE = (
    select(reservations)
    .where(ACTIVE, reservations.c.fulfilled == 0, reservations.c.expires_at_ms <= bindparam("now_ms"))
    .order_by(reservations.c.expires_at_ms)
    .limit(bindparam("most"))
)
_OF_PICKUP = select(reservations).where(reservations.c.pickup_id == bindparam("pickup"))
