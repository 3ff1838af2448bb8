"""The only SQL on promises: parcels that wait for a compartment, and what the past says about stays and demand."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, ForeignKey, Index, Table, and_, bindparam, func, insert, select, update

from cloud_bridge.lockers.custody_store import custody_parcels
from cloud_bridge.lockers.model import Wish
from cloud_bridge.lockers.store import load_wish
from cloud_bridge.lockers.survival import Stay
from cloud_bridge.lockers.tables import ACTIVE, lockers, parcels, reservations
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

STAYS_MOST = 5000
promises = Table(
    "locker_promises",
    metadata,
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), nullable=False),
    Column("promised_at_ms", Whole, nullable=False),
    Column("drop_at_ms", Whole, nullable=False),
    Column("tried_at_ms", Whole, nullable=False, comment="when room was looked for last"),
    Column("ended", Words, comment="kept, moved or broken; null while it waits"),
)
WAITS = promises.c.ended.is_(None)
Index("ix_locker_promises_tried", promises.c.tried_at_ms, sqlite_where=WAITS, postgresql_where=WAITS)
Index("ix_locker_promises_locker", promises.c.locker_id, sqlite_where=WAITS, postgresql_where=WAITS)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A parcel that was promised a locker and has no compartment yet."""

    parcel_key: str
    locker_id: str
    drop_at_ms: int


@dataclass(frozen=True, slots=True)
class Coming:
    """A parcel on its way to a locker, with a compartment held for it or promised."""

    compartment_no: int | None
    wish: Wish
    carrier: str
    drop_at_ms: int


def insert_promise(conn: Connection, tenant: str, item: Waiting, now_ms: int) -> None:
    _NEW.run(conn, {
        "parcel_key": item.parcel_key, "tenant": tenant, "locker_id": item.locker_id, "promised_at_ms": now_ms,
        "drop_at_ms": item.drop_at_ms, "tried_at_ms": now_ms, "ended": None,
    })  # fmt: skip


def end_promise(conn: Connection, parcel_key: str, how: str) -> None:
    _END.run(conn, {"key": parcel_key, "how": how})


def mark_tried(conn: Connection, parcel_key: str, now_ms: int) -> None:
    _TRIED.run(conn, {"key": parcel_key, "now_ms": now_ms})


def due_promises(conn: Connection, tried_until_ms: int, limit: int) -> list[Waiting]:
    """Those for which nobody has looked since then, the longest first."""
    rows = _DUE.all(conn, {"until_ms": tried_until_ms, "most": limit})
    return [Waiting(row.parcel_key, row.locker_id, row.drop_at_ms) for row in rows]


def held_at(conn: Connection, locker_id: str) -> list[tuple[int, str, int]]:
    """What lies in a locker: compartment, carrier, since when."""
    return [(row.compartment_no, row.carrier or "", row.deposited_at_ms) for row in _HELD.all(conn, {"at": locker_id})]


def coming_to(conn: Connection, locker_id: str, lead_ms: int) -> list[Coming]:
    """What is on its way to a locker; one with a compartment comes `lead_ms` after it was reserved."""
    held = [
        Coming(row.compartment_no, load_wish(row.wish), row.carrier, row.created_at_ms + lead_ms)
        for row in _RESERVED.all(conn, {"at": locker_id})
    ]
    waiting = [
        Coming(None, load_wish(row.wish), row.carrier, row.drop_at_ms) for row in _WAITING.all(conn, {"at": locker_id})
    ]
    return held + waiting


def stays_of(conn: Connection, tenant: str, since_ms: int, now_ms: int) -> dict[str, list[Stay]]:
    """A tenant's newest stays by carrier; a parcel that still lies there was watched until now."""
    found: dict[str, list[Stay]] = {}
    for row in _STAYS.all(conn, {"owner": tenant, "since_ms": since_ms, "most": STAYS_MOST}):
        until_ms = now_ms if row.left_at_ms is None else row.left_at_ms
        stay = Stay(until_ms - row.deposited_at_ms, row.left_at_ms is not None)
        found.setdefault(row.carrier or "", []).append(stay)
    return found


def asked_for(conn: Connection, locker_id: str, since_ms: int) -> list[tuple[str, Wish, int]]:
    """What was announced for a locker since then: carrier, wish, how often."""
    rows = _ASKED.all(conn, {"at": locker_id, "since_ms": since_ms})
    return [(row.carrier, load_wish(row.wish), row.count) for row in rows]


_SAME_PARCEL = and_(parcels.c.parcel_id == custody_parcels.c.parcel_id, parcels.c.tenant == lockers.c.tenant)
_CUSTODY = custody_parcels.join(lockers, lockers.c.locker_id == custody_parcels.c.locker_id)
_KNOWN = _CUSTODY.outerjoin(parcels, _SAME_PARCEL)
_NEW = Prepared(insert(promises))
_ONE = promises.c.parcel_key == bindparam("key")
_END = Prepared(update(promises).where(_ONE).values(ended=bindparam("how")))
_TRIED = Prepared(update(promises).where(_ONE).values(tried_at_ms=bindparam("now_ms")))
_DUE = Prepared(
    select(promises)
    .where(WAITS, promises.c.tried_at_ms <= bindparam("until_ms"))
    .order_by(promises.c.tried_at_ms, promises.c.promised_at_ms)
    .limit(bindparam("most"))
)
_HELD = Prepared(
    select(custody_parcels.c.compartment_no, custody_parcels.c.deposited_at_ms, parcels.c.carrier)
    .select_from(_KNOWN)
    .where(custody_parcels.c.locker_id == bindparam("at"), custody_parcels.c.state == "deposited")
)
_RESERVED = Prepared(
    select(reservations.c.compartment_no, reservations.c.created_at_ms, parcels.c.carrier, parcels.c.wish)
    .join(parcels, parcels.c.parcel_key == reservations.c.parcel_key)
    .where(reservations.c.locker_id == bindparam("at"), ACTIVE, reservations.c.fulfilled == 0)
)
_WAITING = Prepared(
    select(promises.c.drop_at_ms, parcels.c.carrier, parcels.c.wish)
    .join(parcels, parcels.c.parcel_key == promises.c.parcel_key)
    .where(promises.c.locker_id == bindparam("at"), WAITS)
)
_STAYS = Prepared(
    select(custody_parcels.c.deposited_at_ms, custody_parcels.c.left_at_ms, parcels.c.carrier)
    .select_from(_KNOWN)
    .where(lockers.c.tenant == bindparam("owner"), custody_parcels.c.deposited_at_ms >= bindparam("since_ms"))
    .order_by(custody_parcels.c.deposited_at_ms.desc())
    .limit(bindparam("most"))
)
_ASKED = Prepared(
    select(parcels.c.carrier, parcels.c.wish, func.count().label("count"))
    .where(parcels.c.wanted_locker_id == bindparam("at"), parcels.c.announced_at_ms >= bindparam("since_ms"))
    .group_by(parcels.c.carrier, parcels.c.wish)
)
