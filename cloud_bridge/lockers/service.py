"""Use cases of lockers: install them, announce parcels, reserve compartments, read how it stands, erase people.

Every method runs inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict, NotFound, NotPossibleNow
from cloud_bridge.lockers import custody_store, reservation_store, store, upkeep_store, zone_store
from cloud_bridge.lockers.assignment import Assignment, Policy
from cloud_bridge.lockers.bookings import Bookings
from cloud_bridge.lockers.contact import contact_hash
from cloud_bridge.lockers.deciding import Deciding
from cloud_bridge.lockers.manifest import Finding, Row
from cloud_bridge.lockers.model import (
    Announcement,
    Compartment,
    Custody,
    Locker,
    Origin,
    ParcelState,
    Recipient,
    Reservation,
    parcel_state,
)
from cloud_bridge.lockers.pickups import unpaid
from cloud_bridge.lockers.promising import Promising
from cloud_bridge.lockers.recipient_box import DATA_KEY_BYTES, NONCE_BYTES, open_recipient, seal_recipient
from cloud_bridge.lockers.settling import Settling
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.lockers.terms import Terms
from cloud_bridge.lockers.twin_sections import SetSections, TokenId, TwinSections
from cloud_bridge.lockers.zones import Zone
from cloud_bridge.ports import Random

MAX_GENERATIONS = 50


@dataclass(frozen=True, slots=True)
class ParcelView:
    """A parcel with all that is known of it now."""

    row: ParcelRow
    state: ParcelState
    reservation: Reservation | None
    custody: Custody | None


@dataclass(frozen=True, slots=True)
class Announced:
    """What became of one announcement."""

    parcel_id: str
    reservation: Reservation | None
    assignment: Assignment | None
    promised: bool = False


class Lockers:
    """`deciding` chooses, `bookings` holds compartments, `settling` follows the doors, `twin` tells the devices.

    `contact_key` tells whether parcels are for one contact; without it each has a pickup of its own.
    """

    def __init__(
        self,
        random: Random,
        set_sections: SetSections,
        terms: Terms = Terms(),
        policy: Policy = Policy(),
        token_id: TokenId | None = None,
        contact_key: bytes = b"",
    ) -> None:
        self._random = random
        self._contact_key = contact_key
        self.twin = TwinSections(set_sections, token_id)
        self.deciding = Deciding(random, policy)
        self.bookings = Bookings(random, self.twin, terms, self.deciding, self.deciding.nearby)
        self.promising = Promising(self.bookings, self.deciding)
        self.settling = Settling(self.bookings, random)

    # --- installations ---------------------------------------------------------------------------------------

    def install(
        self, conn: Connection, locker: Locker, items: list[Compartment], zones: list[Zone] | None = None
    ) -> None:  # fmt: skip
        """Add or change a locker and write its compartment map into the twin; without `zones` they stay.

        Raises:
            Conflict: a compartment that is taken away still holds or awaits a parcel, or another tenant has the id.
        """
        known = store.locker(conn, locker.locker_id)
        if known is not None and known.tenant != locker.tenant:
            raise NotFound("no such locker", where=locker.locker_id)
        busy = {item.compartment_no for item in reservation_store.active_reservations(conn, locker.locker_id)}
        facts = custody_store.compartment_facts(conn, locker.locker_id)
        busy |= {no for no, fact in facts.items() if fact.holds}
        gone = busy - {item.no for item in items}
        if gone:
            raise Conflict(f"compartments {sorted(gone)} are in use", where=locker.locker_id,
                           remedy="Empty them first.")  # fmt: skip
        store.put_locker(conn, locker, items)
        self.twin.write_map(conn, locker.locker_id, items)
        if zones is not None:
            zone_store.put_zones(conn, locker.locker_id, zones)
            self.twin.write_zones(conn, locker.locker_id, zones)

    def locker_of(self, conn: Connection, tenant: str, locker_id: str) -> Locker:
        """Raises NotFound when it is none of this tenant's."""
        locker = store.locker(conn, locker_id)
        if locker is None or locker.tenant != tenant:
            raise NotFound("no such locker", where=locker_id, remedy="See GET /v1/lockers.")
        return locker

    # --- announcing and reserving ----------------------------------------------------------------------------

    def announce(
        self, conn: Connection, tenant: str, item: Announcement, now_ms: int, *, write_twin: bool = True
    ) -> Announced:
        """Keep a parcel and, when it names a locker, hold or promise a compartment there, or nearby.

        Without `write_twin` the caller tells the locker's device.

        Raises:
            Conflict: the tracking number is known already.
            NotFound: the locker is none of this tenant's.
        """
        known = store.parcel(conn, tenant, item.parcel_id)
        if known is not None and known.origin is Origin.UNANNOUNCED and not known.recipient_sealed:
            return self._attach(conn, known, item, now_ms)
        if known is not None:
            raise Conflict("this tracking number is announced already", where="tracking_number",
                           remedy="Leave the row out, or use another number.")  # fmt: skip
        if item.locker_id is not None:
            self.locker_of(conn, tenant, item.locker_id)
        row, data_key = self._parcel_row(tenant, item, self._random.token(16).hex(), now_ms)
        store.insert_parcel(conn, row, data_key)
        if item.locker_id is None:
            return Announced(item.parcel_id, None, None)
        upkeep_store.refuse_leaving(conn, item.locker_id)
        asked = self.promising.ask(conn, row, item.locker_id, now_ms, write_twin=write_twin)
        return Announced(item.parcel_id, asked.reservation, asked.assignment, asked.promised)

    def _attach(self, conn: Connection, known: ParcelRow, item: Announcement, now_ms: int) -> Announced:
        """A courier brought it before it was announced: from now on it has a recipient, who is sent the code."""
        row, data_key = self._parcel_row(known.tenant, item, known.parcel_key, now_ms)
        store.attach_recipient(conn, row, data_key)
        reservation = reservation_store.active_for_parcel(conn, known.parcel_key)
        if reservation is not None and reservation.fulfilled:
            kind = "ready" if unpaid(conn, row) is None else "ready_to_pay"
            self.bookings.telling.tell(conn, kind, reservation, f"ready/{known.parcel_key}", now_ms)
        return Announced(item.parcel_id, reservation, None)

    def _parcel_row(
        self, tenant: str, item: Announcement, parcel_key: str, now_ms: int
    ) -> tuple[ParcelRow, bytes]:  # fmt: skip
        data_key = self._random.token(DATA_KEY_BYTES)
        sealed = seal_recipient(item.recipient, data_key, self._random.token(NONCE_BYTES), parcel_key)
        row = ParcelRow(
            parcel_key, tenant, item.parcel_id, item.carrier, item.wish, item.locker_id, now_ms, sealed,
            contact_hash(self._contact_key, tenant, item.recipient), item.cod,
        )  # fmt: skip
        return row, data_key

    def announce_rows(
        self, conn: Connection, tenant: str, rows: tuple[Row, ...], now_ms: int
    ) -> tuple[list[Announced], list[Finding]]:
        """Announce the good rows of a manifest; one that contradicts what is stored is a finding like any other.

        Each locker's device is told of all its rows together.
        """
        done: list[Announced] = []
        findings: list[Finding] = []
        for row in rows:
            try:
                done.append(self.announce(conn, tenant, row.announcement, now_ms, write_twin=False))
            except (Conflict, NotFound) as error:
                column = "tracking_number" if isinstance(error, Conflict) else "locker_id"
                findings.append(Finding(row.line, column, error.what, error.remedy))
        for locker_id in sorted({item.reservation.locker_id for item in done if item.reservation is not None}):
            self.twin.write(conn, locker_id)
        return done, findings

    def reserve(
        self, conn: Connection, tenant: str, parcel_id: str, locker_id: str, now_ms: int
    ) -> tuple[Reservation, Assignment]:
        """Reserve the smallest compartment that serves.

        Raises:
            NotFound: parcel or locker is none of this tenant's.
            Conflict: the parcel has a reservation, or lies in a locker.
            NotPossibleNow: no compartment serves; the refusals say why.
        """
        self.locker_of(conn, tenant, locker_id)
        upkeep_store.refuse_leaving(conn, locker_id)
        row = self.unplaced(conn, tenant, parcel_id, now_ms)
        reservation, assignment = self.bookings.reserve_row(conn, row, locker_id, now_ms)
        if reservation is None:
            reasons = "; ".join(f"{item.compartment_no}: {item.detail}" for item in assignment.rejected[:12])
            raise NotPossibleNow(f"no compartment serves ({reasons})", where=locker_id, remedy="Try another locker.")
        return reservation, assignment

    def unplaced(self, conn: Connection, tenant: str, parcel_id: str, now_ms: int) -> ParcelRow:
        """A parcel that may be given a compartment; raises Conflict when it has one, NotFound as `parcel`."""
        row = self._parcel(conn, tenant, parcel_id)
        state = self.view(conn, row, now_ms).state
        if state not in (ParcelState.ANNOUNCED, ParcelState.RETRIEVED, ParcelState.RETURNED):
            raise Conflict(f"the parcel is {state.value}", where=parcel_id, remedy="Release its reservation first.")
        return row

    def release(self, conn: Connection, tenant: str, parcel_id: str) -> None:
        """Give a reservation up before its parcel comes.

        Raises:
            NotFound: no such parcel, or it has no reservation.
            Conflict: the parcel lies in the compartment.
        """
        row = self._parcel(conn, tenant, parcel_id)
        reservation = reservation_store.active_for_parcel(conn, row.parcel_key)
        if reservation is None:
            raise NotFound("the parcel has no reservation", where=parcel_id)
        if reservation.fulfilled:
            raise Conflict("the parcel lies in the compartment", where=parcel_id, remedy="Have it retrieved.")
        self.bookings.end(conn, reservation, "released")

    def expire(self, conn: Connection, now_ms: int) -> int:
        """See `Bookings.expire`."""
        return self.bookings.expire(conn, now_ms)

    def reissue(self, conn: Connection, tenant: str, parcel_id: str) -> Reservation:
        """Raise the generation of a pickup: link and QR code of before are void.

        Raises:
            NotFound: no such parcel, or nothing of it waits.
            Conflict: 50 times already.
        """
        row = self._parcel(conn, tenant, parcel_id)
        reservation = reservation_store.active_for_parcel(conn, row.parcel_key)
        if reservation is None:
            raise NotFound("nothing of this parcel waits", where=parcel_id)
        if reservation.generation >= MAX_GENERATIONS:  # every void code stands in the locker's list
            raise Conflict("its codes were reissued too often", where=parcel_id, remedy="Have it retrieved.")
        raised = replace(reservation, generation=reservation.generation + 1)
        reservation_store.change_pickup(conn, reservation.pickup_id, generation=raised.generation)
        self.twin.write(conn, reservation.locker_id)
        return raised

    # --- reading ---------------------------------------------------------------------------------------------

    def parcel(self, conn: Connection, tenant: str, parcel_id: str, now_ms: int) -> ParcelView:
        """Raises NotFound when it is none of this tenant's."""
        return self.view(conn, self._parcel(conn, tenant, parcel_id), now_ms)

    def view(self, conn: Connection, row: ParcelRow, now_ms: int) -> ParcelView:
        reservation = reservation_store.active_for_parcel(conn, row.parcel_key)
        custody = self._custody(conn, row, reservation)
        return ParcelView(row, parcel_state(custody, reservation, now_ms, row.marks), reservation, custody)

    def _custody(self, conn: Connection, row: ParcelRow, reservation: Reservation | None) -> Custody | None:
        everywhere = custody_store.custodies_of_parcel(conn, row.parcel_id)
        seen = [item for item in everywhere if self._owns(conn, row.tenant, item.locker_id)]
        here = [item for item in seen if reservation is not None and item.locker_id == reservation.locker_id]
        return next(iter([item for item in seen if item.state == "deposited"] or here or seen), None)

    def _owns(self, conn: Connection, tenant: str, locker_id: str) -> bool:
        locker = store.locker(conn, locker_id)
        return locker is not None and locker.tenant == tenant

    def recipient(self, conn: Connection, row: ParcelRow) -> Recipient | None:
        """The person; None once erased, or while none is known."""
        key = store.data_key(conn, row.parcel_key)
        return None if key is None else open_recipient(bytes(row.recipient_sealed), bytes(key), row.parcel_key)

    def returned(self, conn: Connection, tenant: str, parcel_id: str, now_ms: int) -> None:
        """A parcel that was taken out is back with its sender or at the depot.

        Raises:
            NotFound: none of this tenant's.
            Conflict: it was not taken out of a locker.
        """
        row = self._parcel(conn, tenant, parcel_id)
        state = self.view(conn, row, now_ms).state
        if state is not ParcelState.RETRIEVED:
            raise Conflict(f"the parcel is {state.value}, not retrieved", where=parcel_id,
                           remedy="Have it taken out first.")  # fmt: skip
        store.change_parcel(conn, row.parcel_key, returned_at_ms=now_ms)

    def erase(self, conn: Connection, tenant: str, parcel_id: str) -> None:
        """Forget the person for ever, by dropping the parcel's key.

        Raises:
            NotFound: none of this tenant's.
            Conflict: the parcel still waits for its recipient.
        """
        row = self._parcel(conn, tenant, parcel_id)
        if reservation_store.active_for_parcel(conn, row.parcel_key) is not None:
            raise Conflict("the parcel is still on its way", where=parcel_id, remedy="Erase after it was collected.")
        store.delete_data_key(conn, row.parcel_key)

    def _parcel(self, conn: Connection, tenant: str, parcel_id: str) -> ParcelRow:
        row = store.parcel(conn, tenant, parcel_id)
        if row is None:
            raise NotFound("no such parcel", where=parcel_id, remedy="Announce it first.")
        return row
