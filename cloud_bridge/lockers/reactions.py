"""What follows from device events beyond custody: plans settle or move, people are told, tasks come and go.

Follows the ledger by its own cursor, so each event is reacted to exactly once; a rebuild of custody repeats nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.lockers import drop_off_store, proxy_store, reservation_store, store
from cloud_bridge.lockers.climate import Climate
from cloud_bridge.lockers.drop_off_store import DropOffKind
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.model import Locker, Reservation
from cloud_bridge.lockers.pickups import unpaid
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.settling import Deposit
from cloud_bridge.lockers.tasks import TaskKind
from cloud_bridge.lockers.upkeep_reactions import UpkeepReactions
from cloud_bridge.ports import Random

REOPENED = "reopened"


class LockerReactions:
    """A projection by cursor."""

    name = "locker_reactions"

    def __init__(self, lockers: Lockers, random: Random) -> None:
        self._lockers = lockers
        self._settling = lockers.settling
        self._telling = lockers.bookings.telling
        self._duties = Duties(random)
        upkeep = UpkeepReactions(lockers, self._duties, Climate(lockers.bookings, self._duties))
        own: Mapping[str, Callable[[Connection, Locker, StoredEvent], None]] = {
            "visit_started": self._visited,
            "parcel_deposited": self._deposited,
            "compartment_restored": self._restored,
            "pin_reissued": self._reissued,
            "parcel_collected": self._collected,
            "parcel_retrieved": self._retrieved,
            "compartment_disabled": self._disabled,
        }
        self._rules = {**upkeep.rules, **own}
        self.types = frozenset(self._rules)

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        locker = store.locker(conn, event.device_id)
        if locker is not None:
            self._rules[event.type](conn, locker, event)

    def reset(self, conn: Connection) -> None:
        """Nothing to empty: what was told and reserved cannot be taken back."""

    def _visited(self, conn: Connection, _locker: Locker, event: StoredEvent) -> None:
        if "jti" in event.data:
            proxy_store.begin_use_by_code(conn, event.data["jti"], event.at_ms)

    # --- a parcel comes ----------------------------------------------------------------------------------------

    def _deposited(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        data = event.data
        fact = Deposit(
            data["parcel_id"], data["compartment_no"], event.record_at_ms, data.get("pickup_id"),
            data.get("pin_generation", 0),
        )  # fmt: skip
        settled = self._settling.deposited(conn, locker, fact, event.record_at_ms)
        if settled is None:
            return
        dropped = drop_off_store.by_parcel(conn, settled.parcel_key)
        if dropped is not None and dropped.dropped_at_ms is None:
            self._dropped(conn, settled, dropped.kind, event)
        if dropped is None or dropped.kind is DropOffKind.PERSON:
            self._ready(conn, settled, event)

    def _dropped(self, conn: Connection, settled: Reservation, kind: DropOffKind, event: StoredEvent) -> None:
        """A sender's parcel: its sender has a receipt; a return waits for the courier and for no recipient."""
        drop_off_store.mark_dropped(conn, settled.parcel_key, event.at_ms)
        self._telling.tell(conn, "dropped", settled, f"dropped/{event.id}", event.record_at_ms)
        if kind is DropOffKind.RETURN:
            reservation_store.change_reservation(conn, settled.reservation_id, notice="silent")
            self._duties.add(
                conn, settled.tenant, TaskKind.RETRIEVE, settled.locker_id, settled.parcel_id, "return",
                event.record_at_ms, settled.compartment_no,
            )  # fmt: skip
            self._lockers.twin.write(conn, settled.locker_id)

    def _ready(self, conn: Connection, waiting: Reservation | None, event: StoredEvent) -> None:
        """The recipient may come: told with the code's link, or first with what is to be paid."""
        row = store.parcel_by_key(conn, waiting.parcel_key) if waiting is not None else None
        if waiting is None or row is None:
            return
        kind = "ready" if unpaid(conn, row) is None else "ready_to_pay"
        self._telling.tell(conn, kind, waiting, f"ready/{event.id}", event.record_at_ms)

    def _restored(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """A new log raised every generation: link, QR code and PIN of before are void."""
        if event.parcel_id is not None:
            self._ready(conn, self._settling.waiting(conn, locker, event.parcel_id), event)

    def _reissued(self, conn: Connection, _locker: Locker, event: StoredEvent) -> None:
        found = reservation_store.reservation_of_pickup(conn, event.data["pickup_id"])
        self._ready(conn, found[0] if found else None, event)

    # --- a parcel goes -----------------------------------------------------------------------------------------

    def _collected(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        parcel_id, now_ms = event.data["parcel_id"], event.record_at_ms
        ended = self._settling.left(conn, locker, parcel_id, "collected", now_ms)
        self._duties.close(conn, locker.locker_id, TaskKind.RETRIEVE, parcel_id, "collected", now_ms)
        if ended is not None:
            self._telling.tell(conn, "collected", ended, f"collected/{event.id}", now_ms)
            plans = reservation_store.reservations_of_pickup(conn, ended.pickup_id)
            if not any(why is None and plan.fulfilled for plan, why in plans):
                proxy_store.end_all(conn, ended.pickup_id, now_ms)

    def _retrieved(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        parcel_id, now_ms = event.data["parcel_id"], event.record_at_ms
        if event.data["reason"] == REOPENED:  # the courier put it in and took it out again: its plan stands
            self._settling.reopened(conn, locker, parcel_id, now_ms)
            return
        row = store.parcel(conn, locker.tenant, parcel_id)
        dropped = drop_off_store.by_parcel(conn, row.parcel_key) if row is not None else None
        closed = self._duties.close(conn, locker.locker_id, TaskKind.RETRIEVE, parcel_id, "retrieved", now_ms)
        ended = self._settling.left(conn, locker, parcel_id, "retrieved", now_ms)
        if closed:
            self._lockers.twin.write(conn, locker.locker_id)
        spoiled = row is not None and row.marks.spoiled_at_ms is not None
        if ended is not None and not spoiled and (dropped is None or dropped.kind is DropOffKind.PERSON):
            self._telling.tell(conn, "expired", ended, f"expired/{event.id}", now_ms)

    def _disabled(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        no, now_ms = event.data["compartment_no"], event.record_at_ms
        self._settling.blocked(conn, locker, no, now_ms)
        self._duties.add(
            conn, locker.tenant, TaskKind.CHECK, locker.locker_id, str(no), event.data["reason"], now_ms, no
        )  # fmt: skip
