"""What follows from custody events beyond custody: reservations settle or move, recipients are told.

Follows the ledger by its own cursor, so each event is reacted to exactly once; a rebuild of custody repeats nothing.
"""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.lockers import store
from cloud_bridge.lockers.model import Locker, Reservation
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.notify import store as outbox
from cloud_bridge.ports import Random

_LEFT = {"parcel_collected": "collected", "parcel_retrieved": "retrieved"}


class LockerReactions:
    """A projection by cursor."""

    name = "locker_reactions"
    types = frozenset(
        {
            "parcel_deposited",
            "compartment_restored",
            "pin_reissued",
            "parcel_collected",
            "parcel_retrieved",
            "compartment_disabled",
        }
    )

    def __init__(self, lockers: Lockers, random: Random) -> None:
        self._lockers = lockers
        self._random = random

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        locker = store.locker(conn, event.device_id)
        no = event.compartment_no
        if locker is not None and event.type == "pin_reissued":
            found = store.reservation_of_pickup(conn, event.data["pickup_id"])
            self._tell(conn, "ready", locker, found[0] if found else None, event)
        if locker is None or no is None:
            return
        if event.type == "parcel_deposited" and event.parcel_id is not None:
            settled = self._lockers.deposited(conn, locker, event.parcel_id, no, event.record_at_ms)
            self._tell(conn, "ready", locker, settled, event)
        elif event.type == "compartment_restored" and event.parcel_id is not None:
            # A new log raised every generation: link, QR code and PIN of before are void.
            self._tell(conn, "ready", locker, self._lockers.waiting(conn, locker, event.parcel_id), event)
        elif event.type in _LEFT and event.parcel_id is not None:
            ended = self._lockers.left(conn, locker, event.parcel_id, _LEFT[event.type])
            self._tell(conn, "collected" if event.type == "parcel_collected" else "expired", locker, ended, event)
        elif event.type == "compartment_disabled":
            self._lockers.blocked(conn, locker, no)

    def reset(self, conn: Connection) -> None:
        """Nothing to empty: what was told and reserved cannot be taken back."""

    def _tell(
        self, conn: Connection, kind: str, locker: Locker, reservation: Reservation | None, event: StoredEvent
    ) -> None:
        if reservation is None:
            return
        outbox.enqueue(
            conn, self._random.token(16).hex(), f"{kind}/{event.id}", tenant=locker.tenant, kind=kind,
            parcel_id=reservation.parcel_id, pickup_id=reservation.pickup_id, now_ms=event.record_at_ms,
        )  # fmt: skip
