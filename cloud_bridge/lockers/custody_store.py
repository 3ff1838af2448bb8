"""Custody tables: rows that are a function of ledger events alone, and the projection that writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, bindparam, delete, insert, select, update

from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.lockers.custody import TYPES, CompartmentFacts, fold_compartment, fold_parcel
from cloud_bridge.lockers.model import Custody
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

custody_compartments = Table(
    "custody_compartments",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("compartment_no", Whole, primary_key=True, autoincrement=False),
    Column("door", Words, nullable=False),
    Column("enabled", Whole, nullable=False),
    Column("holds", Words, nullable=False),
)
custody_parcels = Table(
    "custody_parcels",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("parcel_id", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("compartment_no", Whole, nullable=False),
    Column("pickup_id", Words),
    Column("pin_generation", Whole),
    Column("pin_counter", Whole),
    Column("deposited_at_ms", Whole, nullable=False),
    Column("left_at_ms", Whole),
)
Index("ix_custody_parcels_parcel_id", custody_parcels.c.parcel_id)


class CustodyProjection:
    """Where every parcel lies, by the events: runs in the ingest transaction."""

    name = "custody"
    types = TYPES

    def apply_all(self, conn: Connection, events: Sequence[StoredEvent]) -> None:
        """Read and write each row once, however many events of a batch concern it."""
        rows = _Rows(conn)
        for event in events:
            if event.type == "pin_reissued":
                rows.write()
                _put_code(conn, event)
            else:
                rows.fold(event)
        rows.write()

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        self.apply_all(conn, (event,))

    def reset(self, conn: Connection) -> None:
        conn.execute(delete(custody_compartments))
        conn.execute(delete(custody_parcels))

    def reset_device(self, conn: Connection, device_id: str) -> None:
        conn.execute(delete(custody_compartments).where(custody_compartments.c.locker_id == device_id))
        conn.execute(delete(custody_parcels).where(custody_parcels.c.locker_id == device_id))


class _Rows:
    """The rows that events concern: each as it is stored, and as it is by now."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._places: dict[tuple[str, int], tuple[CompartmentFacts | None, CompartmentFacts]] = {}
        self._parcels: dict[tuple[str, str], tuple[Custody | None, Custody | None]] = {}

    def fold(self, event: StoredEvent) -> None:
        if (no := event.compartment_no) is not None:
            place = event.device_id, no
            stored, facts = self._places.get(place) or self._read_place(place)
            self._places[place] = stored, fold_compartment(facts, event.type, event.data)
        if (parcel_id := event.parcel_id) is not None:
            parcel = event.device_id, parcel_id
            known, custody = self._parcels.get(parcel) or (custody_of(self._conn, *parcel),) * 2
            self._parcels[parcel] = known, fold_parcel(custody, event.device_id, event.type, event.data, event.at_ms)

    def _read_place(self, place: tuple[str, int]) -> tuple[CompartmentFacts | None, CompartmentFacts]:
        stored = _facts_of(self._conn, *place)
        return stored, stored or CompartmentFacts()

    def write(self) -> None:
        for (locker_id, no), (stored, facts) in self._places.items():
            if facts != stored:
                _put_compartment(self._conn, locker_id, no, facts, new=stored is None)
        for known, custody in self._parcels.values():
            if custody is not None and custody != known:
                _put_custody(self._conn, custody, new=known is None)
        self._places.clear()
        self._parcels.clear()


def compartment_facts(conn: Connection, locker_id: str) -> dict[int, CompartmentFacts]:
    """What events say about a locker's compartments, by number."""
    return {row.compartment_no: _facts(row) for row in _COMPARTMENTS.all(conn, {"locker": locker_id})}


def _facts_of(conn: Connection, locker_id: str, no: int) -> CompartmentFacts | None:
    row = _COMPARTMENT.first(conn, {"locker": locker_id, "no": no})
    return None if row is None else _facts(row)


def _facts(row: Row[Any]) -> CompartmentFacts:
    return CompartmentFacts(row.door, bool(row.enabled), tuple(row.holds.split()))


def custody_of(conn: Connection, locker_id: str, parcel_id: str) -> Custody | None:
    row = _PARCEL.first(conn, {"locker": locker_id, "parcel": parcel_id})
    return None if row is None else _custody(row)


def deposited_at(conn: Connection, locker_id: str) -> list[Custody]:
    """What lies in a locker now, by compartment."""
    table = custody_parcels
    here = (table.c.locker_id == locker_id) & (table.c.state == "deposited")
    rows = conn.execute(select(table).where(here).order_by(table.c.compartment_no, table.c.parcel_id))
    return [_custody(row) for row in rows]


def custodies_of_parcel(conn: Connection, parcel_id: str) -> list[Custody]:
    """One per locker that saw the parcel, newest deposit first."""
    return [_custody(row) for row in _EVERYWHERE.all(conn, {"parcel": parcel_id})]


def _put_compartment(conn: Connection, locker_id: str, no: int, facts: CompartmentFacts, *, new: bool) -> None:
    values = {"door": facts.door, "enabled": int(facts.enabled), "holds": " ".join(facts.holds)}
    if new:
        _NEW_COMPARTMENT.run(conn, {"locker_id": locker_id, "compartment_no": no, **values})
    else:
        _CHANGE_COMPARTMENT.run(conn, {"locker": locker_id, "no": no, **values})


def _put_code(conn: Connection, event: StoredEvent) -> None:
    """A pickup's new generation and counter: the codes of before open nothing."""
    table = custody_parcels
    here = (table.c.locker_id == event.device_id) & (table.c.pickup_id == event.data["pickup_id"])
    code = {"pin_generation": event.data["pin_generation"], "pin_counter": event.data["pin_counter"]}
    conn.execute(update(table).where(here, table.c.state == "deposited").values(**code))


def _put_custody(conn: Connection, item: Custody, *, new: bool) -> None:
    values = {
        "state": item.state, "compartment_no": item.compartment_no, "pickup_id": item.pickup_id,
        "pin_generation": item.pin_generation, "pin_counter": item.pin_counter,
        "deposited_at_ms": item.deposited_at_ms, "left_at_ms": item.left_at_ms,
    }  # fmt: skip
    if new:
        _NEW_PARCEL.run(conn, {"locker_id": item.locker_id, "parcel_id": item.parcel_id, **values})
    else:
        _CHANGE_PARCEL.run(conn, {"locker": item.locker_id, "parcel": item.parcel_id, **values})


def _custody(row: Row[Any]) -> Custody:
    return Custody(
        row.locker_id, row.parcel_id, row.state, row.compartment_no, row.pickup_id, row.pin_generation,
        row.pin_counter, row.deposited_at_ms, row.left_at_ms,
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_IN_LOCKER = custody_compartments.c.locker_id == bindparam("locker")
_THE_COMPARTMENT = (_IN_LOCKER, custody_compartments.c.compartment_no == bindparam("no"))
_COMPARTMENTS = Prepared(select(custody_compartments).where(_IN_LOCKER))
_COMPARTMENT = Prepared(select(custody_compartments).where(*_THE_COMPARTMENT))
_NEW_COMPARTMENT = Prepared(insert(custody_compartments))
_CHANGE_COMPARTMENT = Prepared(
    update(custody_compartments)
    .where(*_THE_COMPARTMENT)
    .values({name: bindparam(name) for name in ("door", "enabled", "holds")})
)
_OF_PARCEL = (custody_parcels.c.locker_id == bindparam("locker"), custody_parcels.c.parcel_id == bindparam("parcel"))
_PARCEL = Prepared(select(custody_parcels).where(*_OF_PARCEL))
_EVERYWHERE = Prepared(
    select(custody_parcels)
    .where(custody_parcels.c.parcel_id == bindparam("parcel"))
    .order_by(custody_parcels.c.deposited_at_ms.desc(), custody_parcels.c.locker_id)
)
_NEW_PARCEL = Prepared(insert(custody_parcels))
_CHANGE_PARCEL = Prepared(
    update(custody_parcels)
    .where(*_OF_PARCEL)
    .values({
        column.name: bindparam(column.name)
        for column in custody_parcels.columns
        if column.name not in ("locker_id", "parcel_id")
    })
)  # fmt: skip
