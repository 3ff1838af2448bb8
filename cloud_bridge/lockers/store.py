"""The only SQL on installations and on parcels with their sealed recipients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from cloud_bridge.lockers.model import Compartment, Locker, Marks, Money, Origin, Size, Wish
from cloud_bridge.lockers.tables import ACTIVE, compartments, lockers, parcels, recipient_keys, reservations
from cloud_bridge.storage.prepared import Prepared


@dataclass(frozen=True, slots=True)
class ParcelRow:
    """A parcel we know; its recipient stays sealed. `contact_hash`: equal for parcels to the same contact."""

    parcel_key: str
    tenant: str
    parcel_id: str
    carrier: str
    wish: Wish
    wanted_locker_id: str | None
    announced_at_ms: int
    recipient_sealed: bytes
    contact_hash: bytes | None = None
    cod: Money | None = None
    origin: Origin = Origin.ANNOUNCED
    marks: Marks = Marks()


# --- lockers -------------------------------------------------------------------------------------------------


def put_locker(conn: Connection, locker: Locker, items: Sequence[Compartment]) -> None:
    """Insert or replace an installation with its compartments."""
    values = {
        "tenant": locker.tenant, "name": locker.name, "address": locker.address, "language": locker.language,
        "time_zone": locker.time_zone,
    }  # fmt: skip
    changed = conn.execute(update(lockers).where(lockers.c.locker_id == locker.locker_id).values(**values))
    if changed.rowcount == 0:
        conn.execute(insert(lockers).values(locker_id=locker.locker_id, **values))
    conn.execute(delete(compartments).where(compartments.c.locker_id == locker.locker_id))
    if items:
        conn.execute(insert(compartments), [_compartment_values(locker.locker_id, item) for item in items])


def locker(conn: Connection, locker_id: str) -> Locker | None:
    row = _LOCKER.first(conn, {"locker": locker_id})
    return None if row is None else _locker(row)


def lock_locker(conn: Connection, locker_id: str) -> None:
    """Serialise whoever chooses a compartment here (SQLite has one writer anyway)."""
    if conn.dialect.name != "sqlite":
        _LOCK.all(conn, {"locker": locker_id})


def lockers_of(conn: Connection, tenant: str) -> list[Locker]:
    rows = conn.execute(select(lockers).where(lockers.c.tenant == tenant).order_by(lockers.c.locker_id))
    return [_locker(row) for row in rows]


def _locker(row: Row[Any]) -> Locker:
    return Locker(row.locker_id, row.tenant, row.name, row.address, row.language, row.time_zone)


def compartments_of(conn: Connection, locker_id: str) -> list[Compartment]:
    rows = _COMPARTMENTS.all(conn, {"locker": locker_id})
    return [
        Compartment(
            row.compartment_no, Size(row.width_mm, row.height_mm, row.depth_mm), row.sill_mm,
            frozenset(row.features.split()), row.module, row.channel,
        )
        for row in rows
    ]  # fmt: skip


def end_twin_wait(conn: Connection, locker_id: str) -> None:
    """The twin is written now; whoever else would write it waits for this transaction."""
    _TWIN_NOW.run(conn, {"locker": locker_id})


def begin_twin_wait(conn: Connection, locker_id: str, due_ms: int) -> None:
    """The twin may wait until then; an earlier end of the wait stays."""
    _TWIN_LATER.run(conn, {"locker": locker_id, "due_ms": due_ms})


def twins_due(conn: Connection, now_ms: int, limit: int) -> list[str]:
    """Lockers whose twin may wait no longer, by id."""
    return [row.locker_id for row in _TWINS_DUE.all(conn, {"now_ms": now_ms, "most": limit})]


def _compartment_values(locker_id: str, item: Compartment) -> dict[str, Any]:
    return {
        "locker_id": locker_id, "compartment_no": item.no, "module": item.module, "channel": item.channel,
        "width_mm": item.size.width_mm, "height_mm": item.size.height_mm, "depth_mm": item.size.depth_mm,
        "sill_mm": item.sill_mm, "features": " ".join(sorted(item.features)),
    }  # fmt: skip


# --- parcels -------------------------------------------------------------------------------------------------


def insert_parcel(conn: Connection, row: ParcelRow, data_key: bytes | None) -> None:
    """`data_key` None: nobody is known to whom it belongs."""
    _NEW_PARCEL.run(conn, {
        "parcel_key": row.parcel_key, "tenant": row.tenant, "parcel_id": row.parcel_id, "carrier": row.carrier,
        "wish": _dump_wish(row.wish), "wanted_locker_id": row.wanted_locker_id,
        "announced_at_ms": row.announced_at_ms, "recipient_sealed": row.recipient_sealed,
        "contact_hash": row.contact_hash, "cod_minor": row.cod.amount_minor if row.cod else 0,
        "currency": row.cod.currency if row.cod else "", "origin": row.origin.value,
        "spoiled_at_ms": row.marks.spoiled_at_ms, "returned_at_ms": row.marks.returned_at_ms,
    })  # fmt: skip
    if data_key is not None:
        _NEW_KEY.run(conn, {"parcel_key": row.parcel_key, "data_key": data_key})


def attach_recipient(conn: Connection, row: ParcelRow, data_key: bytes) -> None:
    """A manifest names a parcel that a courier had brought unannounced: its words and its person, from now on."""
    change_parcel(
        conn, row.parcel_key, carrier=row.carrier, wish=_dump_wish(row.wish), recipient_sealed=row.recipient_sealed,
        contact_hash=row.contact_hash, cod_minor=row.cod.amount_minor if row.cod else 0,
        currency=row.cod.currency if row.cod else "",
    )  # fmt: skip
    _NEW_KEY.run(conn, {"parcel_key": row.parcel_key, "data_key": data_key})


def change_parcel(conn: Connection, parcel_key: str, **values: Any) -> None:
    conn.execute(update(parcels).where(parcels.c.parcel_key == parcel_key).values(**values))


def wishes_on_the_way(conn: Connection, locker_id: str) -> dict[str, Wish]:
    """What the parcels need for which a place is kept here and that have not come yet, by parcel key."""
    return {row.parcel_key: load_wish(row.wish) for row in _ON_THE_WAY.all(conn, {"locker": locker_id})}


def parcel(conn: Connection, tenant: str, parcel_id: str) -> ParcelRow | None:
    row = _PARCEL.first(conn, {"owner": tenant, "parcel": parcel_id})
    return None if row is None else _parcel(row)


def parcel_by_key(conn: Connection, parcel_key: str) -> ParcelRow | None:
    row = _PARCEL_BY_KEY.first(conn, {"key": parcel_key})
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
    found: bytes | None = _KEY.scalar(conn, {"key": parcel_key})
    return found


def delete_data_key(conn: Connection, parcel_key: str) -> bool:
    """Forget a parcel's person; the hash of the contact goes too."""
    change_parcel(conn, parcel_key, contact_hash=None)
    gone = conn.execute(delete(recipient_keys).where(recipient_keys.c.parcel_key == parcel_key))
    return gone.rowcount == 1


def _parcel(row: Row[Any]) -> ParcelRow:
    return ParcelRow(
        row.parcel_key, row.tenant, row.parcel_id, row.carrier, load_wish(row.wish), row.wanted_locker_id,
        row.announced_at_ms, row.recipient_sealed, row.contact_hash,
        Money(row.cod_minor, row.currency) if row.cod_minor else None, Origin(row.origin),
        Marks(row.spoiled_at_ms, row.returned_at_ms),
    )  # fmt: skip


def _dump_wish(wish: Wish) -> str:
    size = [wish.size.width_mm, wish.size.height_mm, wish.size.depth_mm]
    return json.dumps([size, wish.weight_g, wish.upright, wish.accessible, sorted(wish.features)])


def load_wish(text: str) -> Wish:
    """A wish as it is stored."""
    size, weight_g, upright, accessible, features = json.loads(text)
    return Wish(Size(*size), weight_g, upright, accessible, frozenset(features))


# Built once: making such a statement costs more than running it.
_OWN_LOCKER = lockers.c.locker_id == bindparam("locker")
_LOCKER = Prepared(select(lockers).where(_OWN_LOCKER))
_LOCK = Prepared(select(lockers.c.locker_id).where(_OWN_LOCKER).with_for_update())
_TWIN_NOW = Prepared(update(lockers).where(_OWN_LOCKER).values(twin_due_at_ms=None))
_TWIN_LATER = Prepared(
    update(lockers)
    .where(_OWN_LOCKER, or_(lockers.c.twin_due_at_ms.is_(None), lockers.c.twin_due_at_ms > bindparam("due_ms")))
    .values(twin_due_at_ms=bindparam("due_ms"))
)
_TWINS_DUE = Prepared(
    select(lockers.c.locker_id)
    .where(lockers.c.twin_due_at_ms <= bindparam("now_ms"))
    .order_by(lockers.c.locker_id)
    .limit(bindparam("most"))
)
_COMPARTMENTS = Prepared(
    select(compartments)
    .where(compartments.c.locker_id == bindparam("locker"))
    .order_by(compartments.c.compartment_no)
)  # fmt: skip
_NEW_PARCEL = Prepared(insert(parcels))
_NEW_KEY = Prepared(insert(recipient_keys))
_PARCEL = Prepared(
    select(parcels).where(parcels.c.tenant == bindparam("owner"), parcels.c.parcel_id == bindparam("parcel"))
)
_ON_THE_WAY = Prepared(
    select(parcels.c.parcel_key, parcels.c.wish)
    .join(reservations, reservations.c.parcel_key == parcels.c.parcel_key)
    .where(reservations.c.locker_id == bindparam("locker"), ACTIVE, reservations.c.fulfilled == 0)
)
_PARCEL_BY_KEY = Prepared(select(parcels).where(parcels.c.parcel_key == bindparam("key")))
_KEY = Prepared(select(recipient_keys.c.data_key).where(recipient_keys.c.parcel_key == bindparam("key")))
