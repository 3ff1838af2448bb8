"""What the doors said, against what was planned: physical facts win, and the plans follow them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from cloud_bridge.lockers import reservation_store, store
from cloud_bridge.lockers.bookings import Bookings
from cloud_bridge.lockers.model import Locker, Origin, Reservation, Size, Wish
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.ports import Random


@dataclass(frozen=True, slots=True)
class Deposit:
    """A parcel lies in a compartment, as the device tells it; `pickup_id` is None where nobody can collect it."""

    parcel_id: str
    compartment_no: int
    at_ms: int
    pickup_id: str | None = None
    generation: int = 0


class Settling:
    """Runs in the transaction that moves the ledger's cursor, so each fact is settled exactly once."""

    def __init__(self, bookings: Bookings, random: Random) -> None:
        self._bookings = bookings
        self._random = random

    def deposited(self, conn: Connection, locker: Locker, fact: Deposit, now_ms: int) -> Reservation | None:
        """Settle the parcel's reservation where it lies, whatever was planned.

        A reservation of another parcel on the same compartment moves away. What nobody announced becomes a parcel of
        ours with the pickup that the device gave it. None: such a parcel without a pickup.
        """
        row = store.parcel(conn, locker.tenant, fact.parcel_id)
        own = reservation_store.active_for_parcel(conn, row.parcel_key) if row is not None else None
        if own is not None:  # its own place is free for whoever must make way
            reservation_store.change_reservation(conn, own.reservation_id, ended="moving")
        known = row is not None or fact.pickup_id is not None
        moved = self._bookings.make_way(
            conn, locker.locker_id, fact.compartment_no, keep=own, occupied=known, now_ms=now_ms
        )
        if row is None and fact.pickup_id is not None:
            row = self._unannounced(conn, locker, fact)
        if row is None:
            self._bookings.twin.write(conn, locker.locker_id)
            return None
        if own is not None and own.locker_id != locker.locker_id:
            self._bookings.end(conn, own, "deposited_elsewhere")
            own = None
        settled = self._settle(conn, locker, row, own, fact)
        if moved or not self._as_planned(conn, own, settled):
            self._bookings.twin.write(conn, locker.locker_id)
        else:
            self._bookings.twin.write_later(conn, locker.locker_id, now_ms)
        return settled

    @staticmethod
    def _as_planned(conn: Connection, own: Reservation | None, settled: Reservation) -> bool:
        """Whether the device knows it all, because it did what it was told."""
        if own is None or settled != replace(own, fulfilled=True, collect_by_ms=settled.collect_by_ms):
            return False
        every = reservation_store.reservations_of_pickup(conn, settled.pickup_id)
        return all(why is not None or item.reservation_id == settled.reservation_id for item, why in every)

    def _settle(
        self, conn: Connection, locker: Locker, row: ParcelRow, own: Reservation | None, fact: Deposit
    ) -> Reservation:
        if own is None:
            own = self._bookings.new_reservation(conn, row, locker.locker_id, fact.compartment_no, fact.at_ms)
            reservation_store.insert_reservation(conn, own, fact.at_ms)
        pickup_id, generation = self._pickup_of(conn, locker, own, fact)
        settled = replace(
            own, compartment_no=fact.compartment_no, fulfilled=True, pickup_id=pickup_id, generation=generation,
            collect_by_ms=self._deadline(conn, locker, pickup_id, fact.at_ms),
        )  # fmt: skip
        reservation_store.change_reservation(
            conn, own.reservation_id, compartment_no=settled.compartment_no, fulfilled=1, pickup_id=pickup_id,
            generation=generation, collect_by_ms=settled.collect_by_ms, ended=None, notice="",
        )  # fmt: skip
        # one code, one deadline: the parcels that came before wait as long as the newest
        reservation_store.change_pickup(
            conn, pickup_id, collect_by_ms=settled.collect_by_ms, generation=generation, notice=""
        )  # fmt: skip
        return settled

    def _pickup_of(self, conn: Connection, locker: Locker, own: Reservation, fact: Deposit) -> tuple[str, int]:
        """The device's word on the pickup holds, unless it belongs to another locker; a used code gets a successor."""
        pickup_id, generation = own.pickup_id, own.generation
        others = reservation_store.reservations_of_pickup(conn, fact.pickup_id) if fact.pickup_id else []
        if fact.pickup_id and fact.pickup_id != own.pickup_id:
            if all(item.locker_id == locker.locker_id for item, _ in others):
                pickup_id, generation = fact.pickup_id, fact.generation
        elif any(why == "collected" for _, why in others):
            generation += 1
        return pickup_id, generation

    def _deadline(self, conn: Connection, locker: Locker, pickup_id: str, at_ms: int) -> int:
        waiting = [
            item.collect_by_ms
            for item, why in reservation_store.reservations_of_pickup(conn, pickup_id)
            if why is None and item.fulfilled
        ]
        return max([self._bookings.deadline(locker, at_ms), *waiting])

    def _unannounced(self, conn: Connection, locker: Locker, fact: Deposit) -> ParcelRow:
        """A courier came without a word before: the parcel is ours now; its person is named by a later manifest."""
        sizes = {item.no: item.size for item in store.compartments_of(conn, locker.locker_id)}
        wish = Wish(sizes.get(fact.compartment_no, Size(1, 1, 1)))
        row = ParcelRow(
            self._random.token(16).hex(), locker.tenant, fact.parcel_id, "", wish, locker.locker_id, fact.at_ms, b"",
            origin=Origin.UNANNOUNCED,
        )  # fmt: skip
        store.insert_parcel(conn, row, None)
        return row

    def waiting(self, conn: Connection, locker: Locker, parcel_id: str) -> Reservation | None:
        """The reservation of a parcel that lies in this locker, if we know it."""
        row = store.parcel(conn, locker.tenant, parcel_id)
        own = reservation_store.active_for_parcel(conn, row.parcel_key) if row is not None else None
        return own if own is not None and own.locker_id == locker.locker_id else None

    def left(self, conn: Connection, locker: Locker, parcel_id: str, why: str, now_ms: int) -> Reservation | None:
        """The parcel is out of its compartment: its reservation ends. None: there was none here.

        A parcel of the same pickup that is still on its way gets a pickup of its own: the code of this one is used.
        """
        own = self.waiting(conn, locker, parcel_id)
        if own is None:
            return None
        reservation_store.change_reservation(conn, own.reservation_id, ended=why)
        if why == "collected" and not self._part(conn, own):
            self._bookings.twin.write_later(conn, locker.locker_id, now_ms)
        else:
            self._bookings.twin.write(conn, locker.locker_id)
        return own

    def reopened(self, conn: Connection, locker: Locker, parcel_id: str, now_ms: int) -> None:
        """The courier took it out again at once: its reservation waits for it as before, a new hold long."""
        own = self.waiting(conn, locker, parcel_id)
        if own is not None:
            reservation_store.change_reservation(
                conn, own.reservation_id, fulfilled=0, notice="", expires_at_ms=now_ms + self._bookings.terms.hold_ms,
                collect_by_ms=now_ms + self._bookings.terms.hold_ms + self._bookings.terms.collect_ms,
            )  # fmt: skip
        self._bookings.twin.write(conn, locker.locker_id)

    def _part(self, conn: Connection, spent: Reservation) -> bool:
        """Whether a parcel on its way got a pickup of its own."""
        coming = [
            item
            for item, ended in reservation_store.reservations_of_pickup(conn, spent.pickup_id)
            if ended is None and not item.fulfilled and item.reservation_id != spent.reservation_id
        ]
        fresh = self._random.token(16).hex() if coming else ""
        for item in coming:
            reservation_store.change_reservation(conn, item.reservation_id, pickup_id=fresh, generation=1)
        return bool(coming)

    def blocked(self, conn: Connection, locker: Locker, no: int, now_ms: int) -> None:
        """Compartment `no` went out of service: a reservation that waits for its parcel moves away."""
        self._bookings.make_way(conn, locker.locker_id, no, keep=None, occupied=False, now_ms=now_ms)
        self._bookings.twin.write(conn, locker.locker_id)
