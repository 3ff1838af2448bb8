"""A parcel that asks for a locker: held there at once, promised by the forecast, or sent to the nearest that suits.

Inside the caller's transaction. A promise is no hold: the database alone keeps two parcels out of one compartment.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.lockers import promise_store, reservation_store, store
from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.bookings import Bookings
from cloud_bridge.lockers.deciding import Deciding
from cloud_bridge.lockers.model import Reservation
from cloud_bridge.lockers.promise_store import Waiting
from cloud_bridge.lockers.store import ParcelRow

RETRY_MS = 60_000
KEPT, MOVED, BROKEN = "kept", "moved", "broken"


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a request. `promised`: no compartment is held yet, one is expected by the drop."""

    reservation: Reservation | None
    assignment: Assignment
    promised: bool = False


class Promising:
    """Promises, and how they are kept."""

    def __init__(self, bookings: Bookings, deciding: Deciding) -> None:
        self._bookings = bookings
        self._deciding = deciding

    def ask(self, conn: Connection, row: ParcelRow, locker_id: str, now_ms: int, *, write_twin: bool = True) -> Asked:
        """Hold a compartment, or promise one, or hold one nearby; and where all that fails, nothing.

        Without `write_twin` the caller tells this locker's device.

        Where quicker parcels will need the last places, a slow one goes to a locker nearby, if one suits.
        """
        store.lock_locker(conn, locker_id)
        forecast = self._deciding.promise(conn, row, locker_id, now_ms)
        if forecast is not None and forecast.reason == "kept_for_quicker":
            elsewhere = self._bookings.reserve_near(conn, row, locker_id, now_ms)
            if elsewhere is not None:
                return Asked(elsewhere, Assignment(None, ()))
        reservation, assignment = self._bookings.reserve_row(conn, row, locker_id, now_ms, write_twin=write_twin)
        if reservation is not None:
            return Asked(reservation, assignment)
        if forecast is not None and forecast.locker_id is not None:
            drop_at_ms = self._deciding.drop_at_ms(now_ms)
            promise_store.insert_promise(conn, row.tenant, Waiting(row.parcel_key, locker_id, drop_at_ms), now_ms)
            return Asked(None, assignment, promised=True)
        return Asked(self._bookings.reserve_near(conn, row, locker_id, now_ms), assignment)

    def keep_due(self, conn: Connection, now_ms: int, limit: int = 100) -> int:
        """Give compartments to promised parcels as they become free; how many promises ended."""
        due = promise_store.due_promises(conn, now_ms - RETRY_MS, limit)
        return sum(self._try(conn, item, now_ms) for item in due)

    def _try(self, conn: Connection, item: Waiting, now_ms: int) -> bool:
        row = store.parcel_by_key(conn, item.parcel_key)
        how = BROKEN if row is None else self._outcome(conn, row, item, now_ms)
        if how is None:
            promise_store.mark_tried(conn, item.parcel_key, now_ms)
            return False
        promise_store.end_promise(conn, item.parcel_key, how)
        return True

    def _outcome(self, conn: Connection, row: ParcelRow, item: Waiting, now_ms: int) -> str | None:
        """None: it waits on."""
        if reservation_store.active_for_parcel(conn, row.parcel_key) is not None:
            return KEPT  # its courier came, or somebody reserved by hand
        if self._deciding.has_room(conn, item.locker_id, row.wish):
            reservation, _ = self._bookings.reserve_row(conn, row, item.locker_id, now_ms)
            if reservation is not None:
                return KEPT
        if now_ms < item.drop_at_ms:
            return None
        return BROKEN if self._bookings.reserve_near(conn, row, item.locker_id, now_ms) is None else MOVED
