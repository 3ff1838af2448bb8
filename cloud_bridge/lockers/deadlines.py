"""What the clock alone brings about: promises, reminders, overdue parcels, the weekly walk; in a transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.lockers import reservation_store, upkeep_store
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.model import Reservation
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.tasks import TaskKind
from cloud_bridge.ports import Random

BATCH = 200
REMINDED, OVERDUE = "reminded", "overdue"


class Deadlines:
    """Each notice is told once for each deadline; a deadline that moves is told anew."""

    def __init__(self, lockers: Lockers, random: Random) -> None:
        self._lockers = lockers
        self._duties = Duties(random)

    def run(self, conn: Connection, now_ms: int) -> int:
        """Do what is due; how many things were."""
        done = self._lockers.expire(conn, now_ms)
        done += self._lockers.promising.keep_due(conn, now_ms)
        done += self._overdue(conn, now_ms)
        done += self._remind(conn, now_ms)
        return done + self._walks(conn, now_ms)

    def _overdue(self, conn: Connection, now_ms: int) -> int:
        """Past its deadline a parcel waits for a courier and no more for its recipient."""
        due = reservation_store.due_notices(conn, now_ms, ("", REMINDED), BATCH)
        for item in due:
            reservation_store.change_reservation(conn, item.reservation_id, notice=OVERDUE)
            self._duties.add(
                conn, item.tenant, TaskKind.RETRIEVE, item.locker_id, item.parcel_id, OVERDUE, now_ms,
                item.compartment_no,
            )  # fmt: skip
        for locker_id in sorted({item.locker_id for item in due}):
            self._lockers.twin.write(conn, locker_id)
        return len(due)

    def _remind(self, conn: Connection, now_ms: int) -> int:
        """Before the deadline, and only who had some time since the first message."""
        until_ms = now_ms + self._lockers.bookings.terms.remind_ms
        due = reservation_store.due_notices(conn, until_ms, ("",), BATCH)
        for item in due:
            reservation_store.change_reservation(conn, item.reservation_id, notice=REMINDED)
            self._tell(conn, item, now_ms)
        return len(due)

    def _tell(self, conn: Connection, item: Reservation, now_ms: int) -> None:
        dedupe = f"reminder/{item.reservation_id}/{item.collect_by_ms}"
        self._lockers.bookings.telling.tell(conn, "reminder", item, dedupe, now_ms)

    def _walks(self, conn: Connection, now_ms: int) -> int:
        """Once a week somebody compares what should be where with what is."""
        due = upkeep_store.due_reconciliations(conn, now_ms, BATCH)
        for locker_id, tenant in due:
            upkeep_store.next_reconciliation(conn, locker_id, now_ms)
            self._duties.add(conn, tenant, TaskKind.RECONCILE, locker_id, locker_id, "weekly", now_ms)
        return len(due)
