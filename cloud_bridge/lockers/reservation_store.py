"""The only SQL on reservations and pickups: holds on compartments, and the codes that parcels of a contact share."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from cloud_bridge.lockers.model import Origin, Reservation
from cloud_bridge.lockers.tables import ACTIVE, parcels, reservations
from cloud_bridge.storage.prepared import Prepared


def insert_reservation(conn: Connection, item: Reservation, now_ms: int) -> None:
    """Raises IntegrityError when the compartment or the parcel has an active reservation already."""
    _NEW_RESERVATION.run(conn, {
        "reservation_id": item.reservation_id, "tenant": item.tenant, "locker_id": item.locker_id,
        "compartment_no": item.compartment_no, "parcel_key": item.parcel_key, "parcel_id": item.parcel_id,
        "pickup_id": item.pickup_id, "generation": item.generation, "fulfilled": int(item.fulfilled),
        "expires_at_ms": item.expires_at_ms, "collect_by_ms": item.collect_by_ms, "created_at_ms": now_ms,
        "ended": None, "notice": "",
    })  # fmt: skip


def change_reservation(conn: Connection, reservation_id: str, **values: Any) -> None:
    _changing(tuple(values)).run(conn, {"reservation": reservation_id, **values})


@lru_cache(maxsize=32)
def _changing(names: tuple[str, ...]) -> Prepared:
    change: Any = {name: bindparam(name) for name in names}
    mine = reservations.c.reservation_id == bindparam("reservation")
    return Prepared(update(reservations).where(mine).values(change))


def active_reservations(conn: Connection, locker_id: str) -> list[Reservation]:
    return [_reservation(row) for row in _ACTIVE_OF_LOCKER.all(conn, {"locker": locker_id})]


def active_for_parcel(conn: Connection, parcel_key: str) -> Reservation | None:
    row = _ACTIVE_OF_PARCEL.first(conn, {"key": parcel_key})
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
    """A pickup's first reservation, active ones before ended ones, and why it ended, if it did."""
    found = reservations_of_pickup(conn, pickup_id)
    return found[0] if found else None


def reservations_of_pickup(conn: Connection, pickup_id: str) -> list[tuple[Reservation, str | None]]:
    """All that ever stood under this pickup: active ones first, then the newest."""
    return [(_reservation(row), row.ended) for row in _OF_PICKUP.all(conn, {"pickup": pickup_id})]


def change_pickup(conn: Connection, pickup_id: str, **values: Any) -> None:
    """Change every active reservation of a pickup."""
    _changing_pickup(tuple(values)).run(conn, {"pickup": pickup_id, **values})


@lru_cache(maxsize=32)
def _changing_pickup(names: tuple[str, ...]) -> Prepared:
    change: Any = {name: bindparam(name) for name in names}
    return Prepared(update(reservations).where(reservations.c.pickup_id == bindparam("pickup"), ACTIVE).values(change))


def pickup_of_contact(conn: Connection, locker_id: str, contact_hash: bytes, now_ms: int) -> Reservation | None:
    """A reservation at this locker for the same contact, prepaid and in time: further parcels join its pickup."""
    row = _OF_CONTACT.first(conn, {"locker": locker_id, "contact": contact_hash, "now_ms": now_ms})
    return None if row is None else _reservation(row)


def due_notices(conn: Connection, until_ms: int, told: tuple[str, ...], limit: int) -> list[Reservation]:
    """Parcels that wait with a deadline up to that moment, of which the clock has told only this much."""
    table = reservations.c
    rows = conn.execute(
        select(reservations)
        .where(ACTIVE, table.fulfilled == 1, table.collect_by_ms <= until_ms, table.notice.in_(told))
        .order_by(table.collect_by_ms)
        .limit(limit)
    )
    return [_reservation(row) for row in rows]


def marked_pickups(conn: Connection, locker_id: str) -> tuple[set[str], set[str]]:
    """Pickups of which nothing is left that may be handed out; and those that the device made itself."""
    rows = _MARKS.all(conn, {"locker": locker_id})
    good = {row.pickup_id for row in rows if row.spoiled_at_ms is None}
    made_there = {row.pickup_id for row in rows if row.origin == Origin.UNANNOUNCED.value}
    return {row.pickup_id for row in rows} - good, made_there


def first_deadline(conn: Connection, locker_id: str) -> int | None:
    """When the first of the parcels that lie in a locker must be collected; None: none lies there."""
    found: int | None = _FIRST_DEADLINE.scalar(conn, {"locker": locker_id})
    return found


def due_reservations(conn: Connection, now_ms: int, limit: int) -> list[Reservation]:
    """Active ones whose parcel never came in time."""
    return [_reservation(row) for row in _DUE.all(conn, {"now_ms": now_ms, "most": limit})]


def _reservation(row: Row[Any]) -> Reservation:
    return Reservation(
        row.reservation_id, row.tenant, row.locker_id, row.compartment_no, row.parcel_key, row.parcel_id,
        row.pickup_id, row.generation, bool(row.fulfilled), row.expires_at_ms, row.collect_by_ms,
    )  # fmt: skip


_NEW_RESERVATION = Prepared(insert(reservations))
_ACTIVE_OF_LOCKER = Prepared(
    select(reservations)
    .where(reservations.c.locker_id == bindparam("locker"), ACTIVE)
    .order_by(reservations.c.compartment_no)
)
_ACTIVE_OF_PARCEL = Prepared(select(reservations).where(reservations.c.parcel_key == bindparam("key"), ACTIVE))
_DUE = Prepared(
    select(reservations)
    .where(ACTIVE, reservations.c.fulfilled == 0, reservations.c.expires_at_ms <= bindparam("now_ms"))
    .order_by(reservations.c.expires_at_ms)
    .limit(bindparam("most"))
)
_MARKS = Prepared(
    select(reservations.c.pickup_id, parcels.c.spoiled_at_ms, parcels.c.origin)
    .join(parcels, parcels.c.parcel_key == reservations.c.parcel_key)
    .where(reservations.c.locker_id == bindparam("locker"), ACTIVE)
)
_FIRST_DEADLINE = Prepared(
    select(func.min(reservations.c.collect_by_ms)).where(
        reservations.c.locker_id == bindparam("locker"), ACTIVE, reservations.c.fulfilled == 1
    )
)
_OF_PICKUP = Prepared(
    select(reservations)
    .where(reservations.c.pickup_id == bindparam("pickup"))
    .order_by(ACTIVE.desc(), reservations.c.created_at_ms.desc(), reservations.c.compartment_no)
)
_OF_CONTACT = Prepared(
    select(reservations)
    .join(parcels, parcels.c.parcel_key == reservations.c.parcel_key)
    .where(
        ACTIVE,
        reservations.c.locker_id == bindparam("locker"),
        parcels.c.contact_hash == bindparam("contact"),
        parcels.c.cod_minor == 0,
        parcels.c.spoiled_at_ms.is_(None),
        parcels.c.origin == Origin.ANNOUNCED.value,
        reservations.c.collect_by_ms > bindparam("now_ms"),
    )
    .order_by(reservations.c.created_at_ms, reservations.c.reservation_id)
    .limit(1)
)
