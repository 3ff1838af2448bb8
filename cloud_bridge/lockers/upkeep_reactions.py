"""What device events mean for the people who keep lockers: disputes, climate, checks, walks, the end of a locker."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.lockers import reservation_store, upkeep_store, zone_store
from cloud_bridge.lockers.claims import ClaimKind
from cloud_bridge.lockers.climate import Climate
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.model import Locker
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.tasks import TaskKind
from cloud_bridge.lockers.upkeep_store import Leaving

Rule = Callable[[Connection, Locker, StoredEvent], None]


class UpkeepReactions:
    """`rules`: by event type."""

    def __init__(self, lockers: Lockers, duties: Duties, climate: Climate) -> None:
        self._lockers = lockers
        self._duties = duties
        self._climate = climate
        self.rules: Mapping[str, Rule] = {
            "compartment_enabled": self._enabled,
            "compartment_swapped": self._swapped,
            "parcel_disputed": self._disputed,
            "temperature_excursion": self._excursion,
            "temperature_recovered": self._recovered,
            "compartment_checked": self._checked,
            "reconciliation_finished": self._walked,
            "decommission_started": self._leaving,
            "decommissioned": self._left,
        }

    def _enabled(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        no = str(event.data["compartment_no"])
        self._duties.close(conn, locker.locker_id, TaskKind.CHECK, no, "enabled", event.record_at_ms)

    def _swapped(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """Something lies where nothing should; the other reasons take the compartment out of service themselves."""
        no = event.data["compartment_no"]
        if event.data["reason"] == "occupied":
            self._duties.add(
                conn, locker.tenant, TaskKind.CHECK, locker.locker_id, str(no), "occupied", event.record_at_ms, no
            )  # fmt: skip

    def _disputed(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """The recipient stood at the door and said so. Without a parcel's id the pickup tells which it was."""
        data, parcel_id = event.data, event.parcel_id
        pickup_id = data.get("pickup_id", "")
        if parcel_id is None and pickup_id:
            found = reservation_store.reservations_of_pickup(conn, pickup_id)
            parcel_id = next((item.parcel_id for item, _ in found), None)
        self._duties.dispute(
            conn, locker.tenant, ClaimKind(data["kind"]), locker.locker_id, parcel_id or "", pickup_id,
            event.record_at_ms, compartment_no=data["compartment_no"], source="kiosk", event_id=event.id,
        )  # fmt: skip

    def _excursion(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        found = self._climate.excursion(conn, locker, event.data, event.id, event.at_ms, event.record_at_ms)
        self._duties.add(
            conn, locker.tenant, TaskKind.CHECK, locker.locker_id, f"zone:{found.zone}", "temperature",
            event.record_at_ms,
        )  # fmt: skip

    def _recovered(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        zone = event.data["zone"]
        zone_store.recovered(conn, locker.locker_id, zone, event.at_ms)
        self._duties.close(conn, locker.locker_id, TaskKind.CHECK, f"zone:{zone}", "recovered", event.record_at_ms)

    def _checked(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """What was found is not what should be there: somebody must find out why."""
        no, found = event.data["compartment_no"], event.data["found"]
        if found != "as_expected":
            self._duties.add(
                conn, locker.tenant, TaskKind.CHECK, locker.locker_id, str(no), f"found_{found}", event.record_at_ms, no
            )  # fmt: skip

    def _walked(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        upkeep_store.next_reconciliation(conn, locker.locker_id, event.record_at_ms)
        outcome = f"{event.data['checked']} checked, {event.data['exceptions']} exceptions"
        self._duties.close(
            conn, locker.locker_id, TaskKind.RECONCILE, locker.locker_id, outcome, event.record_at_ms
        )  # fmt: skip

    def _leaving(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """Closed for the public for good: plans go elsewhere, and somebody empties it."""
        now_ms = event.record_at_ms
        upkeep_store.set_leaving(conn, locker.locker_id, Leaving.STARTED, None, now_ms)
        self._lockers.bookings.clear_plans(conn, locker.locker_id, now_ms)
        self._duties.add(
            conn, locker.tenant, TaskKind.EMPTY, locker.locker_id, locker.locker_id, "decommission", now_ms
        )  # fmt: skip

    def _left(self, conn: Connection, locker: Locker, event: StoredEvent) -> None:
        """Empty. Its certificate is withdrawn by hand, once the device had the receipt for this event and wiped."""
        now_ms, locker_id = event.record_at_ms, locker.locker_id
        upkeep_store.set_leaving(conn, locker_id, Leaving.DECOMMISSIONED, None, now_ms)
        self._duties.close(conn, locker_id, TaskKind.EMPTY, locker_id, "decommissioned", now_ms)
        self._duties.add(conn, locker.tenant, TaskKind.REVOKE, locker_id, locker_id, "decommissioned", now_ms)
