"""A zone that left its limits for too long: what lies there is spoiled, and everybody concerned learns of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from cloud_bridge.lockers import custody_store, reservation_store, store, zone_store
from cloud_bridge.lockers.bookings import Bookings
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.model import Custody, Locker
from cloud_bridge.lockers.tasks import TaskKind
from cloud_bridge.lockers.zone_store import Excursion


class Climate:
    """Runs in the transaction that moves the ledger's cursor."""

    def __init__(self, bookings: Bookings, duties: Duties) -> None:
        self._bookings = bookings
        self._duties = duties

    def excursion(
        self, conn: Connection, locker: Locker, data: dict[str, Any], event_id: str, at_ms: int, now_ms: int
    ) -> Excursion:
        """Mark what lay in the zone by then; a courier takes it out, its codes open nothing, its recipients know."""
        doors = {
            no for zone in zone_store.zones_of(conn, locker.locker_id) if zone.zone == data["zone"]
            for no in zone.compartments
        }  # fmt: skip
        inside = [
            item
            for item in custody_store.deposited_at(conn, locker.locker_id)
            if item.compartment_no in doors and item.deposited_at_ms <= at_ms
        ]
        found = Excursion(
            event_id, locker.tenant, locker.locker_id, data["zone"], data["temperature_mc"], data["limit_mc"],
            data["lasted_s"], tuple(item.parcel_id for item in inside), at_ms,
        )  # fmt: skip
        zone_store.insert_excursion(conn, found)
        for item in inside:
            self._spoil(conn, locker, item, event_id, at_ms, now_ms)
        if inside:
            self._bookings.twin.write(conn, locker.locker_id)
        return found

    def _spoil(
        self, conn: Connection, locker: Locker, item: Custody, event_id: str, at_ms: int, now_ms: int
    ) -> None:  # fmt: skip
        self._duties.add(
            conn, locker.tenant, TaskKind.RETRIEVE, locker.locker_id, item.parcel_id, "spoiled", now_ms,
            item.compartment_no,
        )  # fmt: skip
        row = store.parcel(conn, locker.tenant, item.parcel_id)
        if row is None or row.marks.spoiled_at_ms is not None:
            return
        store.change_parcel(conn, row.parcel_key, spoiled_at_ms=at_ms)
        plan = reservation_store.active_for_parcel(conn, row.parcel_key)
        if plan is not None and plan.locker_id == locker.locker_id:
            self._bookings.telling.tell(conn, "spoiled", plan, f"spoiled/{event_id}/{item.parcel_id}", now_ms)
