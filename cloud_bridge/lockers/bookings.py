"""Holds on compartments: made, moved when something stands in the way, and ended. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from cloud_bridge.lockers import reservation_store, store
from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.deciding import Deciding
from cloud_bridge.lockers.model import Locker, Origin, Reservation, Wish
from cloud_bridge.lockers.site_time import deadline_ms, time_zone
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.lockers.telling import Telling
from cloud_bridge.lockers.terms import Terms
from cloud_bridge.lockers.twin_sections import TwinSections
from cloud_bridge.ports import Random

KnownPickup = tuple[str, int]
Nearby = Callable[[Connection, str, str, Wish, int], Sequence[str]]


class Bookings:
    """`nearby(conn, tenant, locker_id, wish, now_ms)`: other lockers that suit, the nearest first."""

    def __init__(
        self, random: Random, twin: TwinSections, terms: Terms, deciding: Deciding, nearby: Nearby
    ) -> None:  # fmt: skip
        self.terms = terms
        self.twin = twin
        self.telling = Telling(random)
        self._random = random
        self._deciding = deciding
        self._nearby = nearby

    def reserve_row(
        self,
        conn: Connection,
        row: ParcelRow,
        locker_id: str,
        now_ms: int,
        pickup: KnownPickup | None = None,
        *,
        write_twin: bool = True,
    ) -> tuple[Reservation | None, Assignment]:
        """Reserve the compartment that serves best here; None when none does, with each refusal.

        `pickup`: one whose link somebody has already. Without `write_twin` the caller tells the device.
        """
        store.lock_locker(conn, locker_id)
        assignment = self._deciding.compartment(conn, row.tenant, row.parcel_id, locker_id, row.wish, now_ms)
        if assignment.compartment_no is None:
            return None, assignment
        reservation = self.new_reservation(conn, row, locker_id, assignment.compartment_no, now_ms, pickup)
        reservation_store.insert_reservation(conn, reservation, now_ms)
        if write_twin:
            self.twin.write(conn, locker_id)
        return reservation, assignment

    def reserve_near(
        self, conn: Connection, row: ParcelRow, locker_id: str, now_ms: int, pickup: KnownPickup | None = None
    ) -> Reservation | None:
        """Where `locker_id` is full: a hold at the nearest locker that has room, and the recipient is told.

        A sender stands at the locker that was chosen, so a drop-off goes nowhere else.
        """
        if row.origin is Origin.DROP_OFF:
            return None
        for other in self._nearby(conn, row.tenant, locker_id, row.wish, now_ms):
            reservation, _ = self.reserve_row(conn, row, other, now_ms, pickup)
            if reservation is not None:
                self._tell_moved(conn, reservation, now_ms)
                return reservation
        return None

    def new_reservation(
        self, conn: Connection, row: ParcelRow, locker_id: str, no: int, now_ms: int, pickup: KnownPickup | None = None
    ) -> Reservation:
        """A hold that is not stored yet. Parcels for one contact at one locker share a pickup, so one code opens all;
        what is paid on delivery always stands alone."""
        pickup_id, generation = pickup or (self._random.token(16).hex(), 1)
        alone = pickup is not None or row.cod is not None or row.origin is Origin.DROP_OFF
        if not alone and row.contact_hash is not None:
            joined = reservation_store.pickup_of_contact(conn, locker_id, row.contact_hash, now_ms)
            if joined is not None:
                pickup_id, generation = joined.pickup_id, joined.generation
        expires_at_ms = now_ms + self.terms.hold_ms
        site = store.locker(conn, locker_id)
        return Reservation(
            reservation_id=self._random.token(16).hex(), tenant=row.tenant, locker_id=locker_id, compartment_no=no,
            parcel_key=row.parcel_key, parcel_id=row.parcel_id,
            pickup_id=pickup_id, generation=generation, fulfilled=False,
            expires_at_ms=expires_at_ms, collect_by_ms=self.deadline(site, expires_at_ms),
        )  # fmt: skip

    def deadline(self, site: Locker | None, from_ms: int) -> int:
        """When a parcel that lies at the site since `from_ms` must be collected, by the site's own days."""
        zone = time_zone(site.time_zone) if self.terms.day_end and site is not None else None
        return deadline_ms(from_ms, self.terms.collect_ms, zone)

    def expire(self, conn: Connection, now_ms: int, limit: int = 200) -> int:
        """End reservations whose parcel never came in time, and tell devices what could wait until now; how many."""
        due = reservation_store.due_reservations(conn, now_ms, limit)
        for reservation in due:
            self.end(conn, reservation, "expired")
        return len(due) + self.twin.write_due(conn, now_ms, limit)

    def end(self, conn: Connection, reservation: Reservation, why: str) -> None:
        reservation_store.change_reservation(conn, reservation.reservation_id, ended=why)
        self.twin.write(conn, reservation.locker_id)

    def make_way(
        self, conn: Connection, locker_id: str, no: int, *, keep: Reservation | None, occupied: bool, now_ms: int
    ) -> bool:  # fmt: skip
        """Compartment `no` cannot be had: who waits for it moves; who lies in it as well keeps no plan of it.

        Whether a plan changed.
        """
        store.lock_locker(conn, locker_id)
        changed = False
        for other in reservation_store.active_reservations(conn, locker_id):
            if other.compartment_no != no or (keep is not None and other.reservation_id == keep.reservation_id):
                continue
            if not other.fulfilled:
                self._move(conn, other, now_ms)
                changed = True
            elif occupied:  # two parcels in one compartment: the plan says so no more than once
                reservation_store.change_reservation(conn, other.reservation_id, ended="compartment_shared")
                changed = True
        return changed

    def clear_plans(self, conn: Connection, locker_id: str, now_ms: int) -> None:
        """The locker takes no parcel any more: each hold goes to a locker nearby, or ends."""
        store.lock_locker(conn, locker_id)
        for item in reservation_store.active_reservations(conn, locker_id):
            if not item.fulfilled:
                self._move_away(conn, item, store.parcel_by_key(conn, item.parcel_key), now_ms)
        self.twin.write(conn, locker_id)

    def _move(self, conn: Connection, reservation: Reservation, now_ms: int) -> None:
        """To the next compartment that serves; without one to a locker nearby; without that the parcel is announced
        again."""
        row = store.parcel_by_key(conn, reservation.parcel_key)
        found = Assignment(None, ())
        if row is not None:
            found = self._deciding.compartment(
                conn, row.tenant, row.parcel_id, reservation.locker_id, row.wish, now_ms,
                without=reservation.compartment_no,
            )  # fmt: skip
        if found.compartment_no is None:
            self._move_away(conn, reservation, row, now_ms)
        else:
            reservation_store.change_reservation(
                conn, reservation.reservation_id, compartment_no=found.compartment_no
            )  # fmt: skip

    def _move_away(self, conn: Connection, reservation: Reservation, row: ParcelRow | None, now_ms: int) -> None:
        reservation_store.change_reservation(conn, reservation.reservation_id, ended="no_compartment_left")
        if row is None:
            return
        every = reservation_store.reservations_of_pickup(conn, reservation.pickup_id)
        shared = any(ended is None for _, ended in every)  # the others keep the pickup here
        known = reservation.pickup_id, reservation.generation
        self.reserve_near(conn, row, reservation.locker_id, now_ms, None if shared else known)

    def _tell_moved(self, conn: Connection, reservation: Reservation, now_ms: int) -> None:
        self.telling.tell(conn, "moved", reservation, f"moved/{reservation.reservation_id}", now_ms)
