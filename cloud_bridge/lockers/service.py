"""Use cases of lockers: announce parcels, reserve compartments, react to what happened at the doors, erase people.

Every method runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict, NotFound, NotPossibleNow
from cloud_bridge.lockers import custody_store, store
from cloud_bridge.lockers.assignment import Assignment, Policy, assign
from cloud_bridge.lockers.custody import CompartmentFacts
from cloud_bridge.lockers.manifest import Finding, Row
from cloud_bridge.lockers.model import (
    Announcement,
    Compartment,
    CompartmentView,
    Custody,
    Locker,
    ParcelState,
    Recipient,
    Reservation,
    Wish,
    parcel_state,
)
from cloud_bridge.lockers.recipient_box import DATA_KEY_BYTES, NONCE_BYTES, open_recipient, seal_recipient
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.ports import Random

DAY_MS = 24 * 3600 * 1000
SetDesired = Callable[[Connection, str, str, Any], object]
TokenId = Callable[[str, int], str]
MAX_GENERATIONS = 50


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a compartment waits for its parcel, and a parcel for its recipient."""

    hold_ms: int = 2 * DAY_MS
    collect_ms: int = 3 * DAY_MS


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


class Lockers:
    """`set_desired(conn, device_id, section, value)` writes a locker's twin; `token_id(pickup_id, generation)` is the
    id of a pickup's QR code. Without `token_id` (who raises no generation has no need of it) the twin's list of void
    codes stays as it is."""

    def __init__(
        self,
        random: Random,
        set_desired: SetDesired,
        terms: Terms = Terms(),
        policy: Policy = Policy(),
        token_id: TokenId | None = None,
    ) -> None:
        self._random = random
        self._set_desired = set_desired
        self._terms = terms
        self._policy = policy
        self._token_id = token_id

    # --- installations ---------------------------------------------------------------------------------------

    def install(self, conn: Connection, locker: Locker, items: list[Compartment]) -> None:
        """Add or change a locker and write its compartment map into the twin.

        Raises:
            Conflict: a compartment that is taken away still holds or awaits a parcel, or another tenant has the id.
        """
        known = store.locker(conn, locker.locker_id)
        if known is not None and known.tenant != locker.tenant:
            raise NotFound("no such locker", where=locker.locker_id)
        busy = {item.compartment_no for item in store.active_reservations(conn, locker.locker_id)}
        facts = custody_store.compartment_facts(conn, locker.locker_id)
        busy |= {no for no, fact in facts.items() if fact.holds}
        gone = busy - {item.no for item in items}
        if gone:
            raise Conflict(f"compartments {sorted(gone)} are in use", where=locker.locker_id,
                           remedy="Empty them first.")  # fmt: skip
        store.put_locker(conn, locker, items)
        self._set_desired(conn, locker.locker_id, "compartments", [_map_row(item) for item in items])
        self._set_desired(conn, locker.locker_id, "audiences", [f"locker:{locker.locker_id}"])

    def locker_of(self, conn: Connection, tenant: str, locker_id: str) -> Locker:
        """Raises NotFound when it is none of this tenant's."""
        locker = store.locker(conn, locker_id)
        if locker is None or locker.tenant != tenant:
            raise NotFound("no such locker", where=locker_id, remedy="See GET /v1/lockers.")
        return locker

    def views(self, conn: Connection, locker_id: str) -> list[CompartmentView]:
        """Every compartment as it stands now."""
        facts = custody_store.compartment_facts(conn, locker_id)
        reserved = {item.compartment_no: item.parcel_id for item in store.active_reservations(conn, locker_id)}
        views = []
        for item in store.compartments_of(conn, locker_id):
            fact = facts.get(item.no, CompartmentFacts())
            held = fact.holds[0] if fact.holds else None
            views.append(CompartmentView(item, fact.enabled, fact.door, held, reserved.get(item.no)))
        return views

    # --- announcing and reserving ----------------------------------------------------------------------------

    def announce(self, conn: Connection, tenant: str, item: Announcement, now_ms: int) -> Announced:
        """Keep a parcel and, when it names a locker, reserve there at once if a compartment serves.

        Raises:
            Conflict: the tracking number is known already.
            NotFound: the locker is none of this tenant's.
        """
        if store.parcel(conn, tenant, item.parcel_id) is not None:
            raise Conflict("this tracking number is announced already", where="tracking_number",
                           remedy="Leave the row out, or use another number.")  # fmt: skip
        if item.locker_id is not None:
            self.locker_of(conn, tenant, item.locker_id)
        parcel_key, data_key = self._random.token(16).hex(), self._random.token(DATA_KEY_BYTES)
        sealed = seal_recipient(item.recipient, data_key, self._random.token(NONCE_BYTES), parcel_key)
        row = ParcelRow(
            parcel_key, tenant, item.parcel_id, item.carrier, item.wish, item.locker_id, now_ms, sealed
        )  # fmt: skip
        store.insert_parcel(conn, row, data_key)
        if item.locker_id is None:
            return Announced(item.parcel_id, None, None)
        reservation, assignment = self._reserve(conn, row, item.locker_id, now_ms)
        return Announced(item.parcel_id, reservation, assignment)

    def announce_rows(
        self, conn: Connection, tenant: str, rows: tuple[Row, ...], now_ms: int
    ) -> tuple[list[Announced], list[Finding]]:
        """Announce the good rows of a manifest; one that contradicts what is stored is a finding like any other."""
        done: list[Announced] = []
        findings: list[Finding] = []
        for row in rows:
            try:
                done.append(self.announce(conn, tenant, row.announcement, now_ms))
            except (Conflict, NotFound) as error:
                column = "tracking_number" if isinstance(error, Conflict) else "locker_id"
                findings.append(Finding(row.line, column, error.what, error.remedy))
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
        row = self._parcel(conn, tenant, parcel_id)
        self.locker_of(conn, tenant, locker_id)
        view = self.view(conn, row, now_ms)
        if view.state not in (ParcelState.ANNOUNCED, ParcelState.RETRIEVED):
            raise Conflict(
                f"the parcel is {view.state.value}", where=parcel_id, remedy="Release its reservation first."
            )
        reservation, assignment = self._reserve(conn, row, locker_id, now_ms)
        if reservation is None:
            reasons = "; ".join(f"{item.compartment_no}: {item.detail}" for item in assignment.rejected[:12])
            raise NotPossibleNow(f"no compartment serves ({reasons})", where=locker_id, remedy="Try another locker.")
        return reservation, assignment

    def _reserve(
        self, conn: Connection, row: ParcelRow, locker_id: str, now_ms: int
    ) -> tuple[Reservation | None, Assignment]:
        store.lock_locker(conn, locker_id)
        assignment = assign(self.views(conn, locker_id), row.wish, self._policy)
        if assignment.compartment_no is None:
            return None, assignment
        reservation = self._new_reservation(row, locker_id, assignment.compartment_no, now_ms)
        store.insert_reservation(conn, reservation, now_ms)
        self.write_twin(conn, locker_id)
        return reservation, assignment

    def _new_reservation(self, row: ParcelRow, locker_id: str, no: int, now_ms: int) -> Reservation:
        expires_at_ms = now_ms + self._terms.hold_ms
        return Reservation(
            reservation_id=self._random.token(16).hex(), tenant=row.tenant, locker_id=locker_id, compartment_no=no,
            parcel_key=row.parcel_key, parcel_id=row.parcel_id, pickup_id=self._random.token(16).hex(), generation=1,
            fulfilled=False, expires_at_ms=expires_at_ms, collect_by_ms=expires_at_ms + self._terms.collect_ms,
        )  # fmt: skip

    def release(self, conn: Connection, tenant: str, parcel_id: str) -> None:
        """Give a reservation up before its parcel comes.

        Raises:
            NotFound: no such parcel, or it has no reservation.
            Conflict: the parcel lies in the compartment.
        """
        row = self._parcel(conn, tenant, parcel_id)
        reservation = store.active_for_parcel(conn, row.parcel_key)
        if reservation is None:
            raise NotFound("the parcel has no reservation", where=parcel_id)
        if reservation.fulfilled:
            raise Conflict("the parcel lies in the compartment", where=parcel_id, remedy="Have it retrieved.")
        self.end(conn, reservation, "released")

    def expire(self, conn: Connection, now_ms: int, limit: int = 200) -> int:
        """End reservations whose parcel never came in time; how many."""
        due = store.due_reservations(conn, now_ms, limit)
        for reservation in due:
            self.end(conn, reservation, "expired")
        return len(due)

    def end(self, conn: Connection, reservation: Reservation, why: str) -> None:
        store.change_reservation(conn, reservation.reservation_id, ended=why)
        self.write_twin(conn, reservation.locker_id)

    def reissue(self, conn: Connection, tenant: str, parcel_id: str) -> Reservation:
        """Raise the generation of a pickup: link and QR code of before are void.

        Raises:
            NotFound: no such parcel, or nothing of it waits.
            Conflict: 50 times already.
        """
        row = self._parcel(conn, tenant, parcel_id)
        reservation = store.active_for_parcel(conn, row.parcel_key)
        if reservation is None:
            raise NotFound("nothing of this parcel waits", where=parcel_id)
        if reservation.generation >= MAX_GENERATIONS:  # every void code stands in the locker's list
            raise Conflict("its codes were reissued too often", where=parcel_id, remedy="Have it retrieved.")
        raised = replace(reservation, generation=reservation.generation + 1)
        store.change_reservation(conn, reservation.reservation_id, generation=raised.generation)
        self.write_twin(conn, reservation.locker_id)
        return raised

    # --- what the doors said ---------------------------------------------------------------------------------

    def deposited(self, conn: Connection, locker: Locker, parcel_id: str, no: int, at_ms: int) -> Reservation | None:
        """A parcel lies in compartment `no`: settle its reservation there, whatever was planned.

        A reservation of another parcel on the same compartment moves away. None: nobody announced this parcel.
        """
        row = store.parcel(conn, locker.tenant, parcel_id)
        own = store.active_for_parcel(conn, row.parcel_key) if row is not None else None
        if own is not None:  # its own place is free for whoever must make way
            store.change_reservation(conn, own.reservation_id, ended="moving")
        self._make_way(conn, locker.locker_id, no, keep=own, occupied=row is not None)
        if row is None:
            self.write_twin(conn, locker.locker_id)
            return None
        if own is not None and own.locker_id != locker.locker_id:
            self.end(conn, own, "deposited_elsewhere")
            own = None
        if own is None:
            own = self._new_reservation(row, locker.locker_id, no, at_ms)
            store.insert_reservation(conn, own, at_ms)
        settled = replace(own, compartment_no=no, fulfilled=True, collect_by_ms=at_ms + self._terms.collect_ms)
        store.change_reservation(
            conn, own.reservation_id, compartment_no=no, fulfilled=1, collect_by_ms=settled.collect_by_ms, ended=None
        )
        self.write_twin(conn, locker.locker_id)
        return settled

    def waiting(self, conn: Connection, locker: Locker, parcel_id: str) -> Reservation | None:
        """The reservation of a parcel that lies in this locker, if it was announced."""
        row = store.parcel(conn, locker.tenant, parcel_id)
        own = store.active_for_parcel(conn, row.parcel_key) if row is not None else None
        return own if own is not None and own.locker_id == locker.locker_id else None

    def left(self, conn: Connection, locker: Locker, parcel_id: str, why: str) -> Reservation | None:
        """The parcel is out of its compartment: its reservation ends. None: there was none here."""
        row = store.parcel(conn, locker.tenant, parcel_id)
        own = store.active_for_parcel(conn, row.parcel_key) if row is not None else None
        if own is None or own.locker_id != locker.locker_id:
            return None
        self.end(conn, own, why)
        return own

    def blocked(self, conn: Connection, locker: Locker, no: int) -> None:
        """Compartment `no` went out of service: a reservation that waits for its parcel moves away."""
        self._make_way(conn, locker.locker_id, no, keep=None, occupied=False)
        self.write_twin(conn, locker.locker_id)

    def _make_way(
        self, conn: Connection, locker_id: str, no: int, *, keep: Reservation | None, occupied: bool
    ) -> None:  # fmt: skip
        store.lock_locker(conn, locker_id)
        for other in store.active_reservations(conn, locker_id):
            if other.compartment_no != no or (keep is not None and other.reservation_id == keep.reservation_id):
                continue
            if not other.fulfilled:
                self._move(conn, other)
            elif occupied:  # two parcels in one compartment: the plan says so no more than once
                store.change_reservation(conn, other.reservation_id, ended="compartment_shared")

    def _move(self, conn: Connection, reservation: Reservation) -> None:
        """To the next compartment that serves; without one the reservation ends and the parcel is announced again."""
        row = store.parcel_by_key(conn, reservation.parcel_key)
        wish = row.wish if row is not None else None
        taken = [view for view in self.views(conn, reservation.locker_id)
                 if view.compartment.no != reservation.compartment_no]  # fmt: skip
        found = assign(taken, wish, self._policy) if isinstance(wish, Wish) else Assignment(None, ())
        if found.compartment_no is None:
            store.change_reservation(conn, reservation.reservation_id, ended="no_compartment_left")
        else:
            store.change_reservation(conn, reservation.reservation_id, compartment_no=found.compartment_no)

    def write_twin(self, conn: Connection, locker_id: str) -> None:
        """The locker's reservations as its device should know them, nothing about people; and the void QR codes."""
        active = store.active_reservations(conn, locker_id)
        rows = [
            {
                "reservation_id": item.reservation_id, "parcel_id": item.parcel_id, "pickup_id": item.pickup_id,
                "compartment_no": item.compartment_no, "generation": item.generation,
                "expires_at_ms": item.expires_at_ms, "collect_by_ms": item.collect_by_ms,
            }
            for item in active
        ]  # fmt: skip
        self._set_desired(conn, locker_id, "reservations", rows)
        if self._token_id is not None:
            self._set_desired(conn, locker_id, "revoked", _void_codes(active, self._token_id) or None)

    def restore(self, conn: Connection, locker_id: str, snapshot: dict[str, Any]) -> None:
        """Hand a locker with a new log what it must know before it opens; its reservations follow suit."""
        self._set_desired(conn, locker_id, "restore", snapshot)
        self.write_twin(conn, locker_id)

    # --- reading ---------------------------------------------------------------------------------------------

    def parcel(self, conn: Connection, tenant: str, parcel_id: str, now_ms: int) -> ParcelView:
        """Raises NotFound when it is none of this tenant's."""
        return self.view(conn, self._parcel(conn, tenant, parcel_id), now_ms)

    def view(self, conn: Connection, row: ParcelRow, now_ms: int) -> ParcelView:
        reservation = store.active_for_parcel(conn, row.parcel_key)
        custody = self._custody(conn, row, reservation)
        return ParcelView(row, parcel_state(custody, reservation, now_ms), reservation, custody)

    def _custody(self, conn: Connection, row: ParcelRow, reservation: Reservation | None) -> Custody | None:
        everywhere = custody_store.custodies_of_parcel(conn, row.parcel_id)
        seen = [item for item in everywhere if self._owns(conn, row.tenant, item.locker_id)]
        here = [item for item in seen if reservation is not None and item.locker_id == reservation.locker_id]
        return next(iter([item for item in seen if item.state == "deposited"] or here or seen), None)

    def _owns(self, conn: Connection, tenant: str, locker_id: str) -> bool:
        locker = store.locker(conn, locker_id)
        return locker is not None and locker.tenant == tenant

    def recipient(self, conn: Connection, row: ParcelRow) -> Recipient | None:
        """The person; None once erased."""
        key = store.data_key(conn, row.parcel_key)
        return None if key is None else open_recipient(bytes(row.recipient_sealed), bytes(key), row.parcel_key)

    def erase(self, conn: Connection, tenant: str, parcel_id: str) -> None:
        """Forget the person for ever, by dropping the parcel's key.

        Raises:
            NotFound: none of this tenant's.
            Conflict: the parcel still waits for its recipient.
        """
        row = self._parcel(conn, tenant, parcel_id)
        if store.active_for_parcel(conn, row.parcel_key) is not None:
            raise Conflict("the parcel is still on its way", where=parcel_id, remedy="Erase after it was collected.")
        store.delete_data_key(conn, row.parcel_key)

    def _parcel(self, conn: Connection, tenant: str, parcel_id: str) -> ParcelRow:
        row = store.parcel(conn, tenant, parcel_id)
        if row is None:
            raise NotFound("no such parcel", where=parcel_id, remedy="Announce it first.")
        return row


def _void_codes(active: list[Reservation], token_id: TokenId) -> list[str]:
    """The QR codes of older generations: signed and unexpired, so only this list keeps them from opening a door."""
    return sorted(token_id(item.pickup_id, generation) for item in active for generation in range(1, item.generation))


def _map_row(item: Compartment) -> dict[str, Any]:
    return {
        "no": item.no, "module": item.module, "channel": item.channel, "width_mm": item.size.width_mm,
        "height_mm": item.size.height_mm, "depth_mm": item.size.depth_mm, "sill_mm": item.sill_mm,
        "features": sorted(item.features),
    }  # fmt: skip
