"""A sender's way: a parcel without a label, announced by who sells the return or the sending, dropped at a locker."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.errors import NotFound, NotPossibleNow
from cloud_bridge.lockers import drop_off_store, store, upkeep_store
from cloud_bridge.lockers.contact import contact_hash
from cloud_bridge.lockers.drop_off_store import DropOff, DropOffKind
from cloud_bridge.lockers.model import Origin, Recipient, Reservation, Wish
from cloud_bridge.lockers.recipient_box import DATA_KEY_BYTES, NONCE_BYTES, open_recipient, seal_recipient
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.ports import Random
from edge.wire.pickup_claims import drop_off_parcel_id


@dataclass(frozen=True, slots=True)
class DropOffWish:
    """`receiver`: who collects it at the same locker; None: it goes back with a courier."""

    locker_id: str
    carrier: str
    wish: Wish
    sender: Recipient
    receiver: Recipient | None


class DropOffs:
    """Every method runs inside the caller's transaction."""

    def __init__(self, lockers: Lockers, random: Random, contact_key: bytes = b"") -> None:
        self._lockers = lockers
        self._random = random
        self._contact_key = contact_key

    def create(self, conn: Connection, tenant: str, wanted: DropOffWish, now_ms: int) -> Reservation:
        """Hold a compartment for a sender and send the link to the code.

        Raises:
            NotFound: the locker is none of this tenant's.
            NotPossibleNow: no compartment serves, or the locker is being taken away.
        """
        self._lockers.locker_of(conn, tenant, wanted.locker_id)
        upkeep_store.refuse_leaving(conn, wanted.locker_id)
        pickup_id = self._random.token(16).hex()
        row, data_key = self._row(tenant, wanted, pickup_id, now_ms)
        store.insert_parcel(conn, row, data_key)
        reservation, assignment = self._lockers.bookings.reserve_row(
            conn, row, wanted.locker_id, now_ms, (pickup_id, 1)
        )
        if reservation is None:
            reasons = "; ".join(f"{item.compartment_no}: {item.detail}" for item in assignment.rejected[:12])
            raise NotPossibleNow(f"no compartment serves ({reasons})", where=wanted.locker_id,
                                 remedy="Try another locker.")  # fmt: skip
        kind = DropOffKind.RETURN if wanted.receiver is None else DropOffKind.PERSON
        sealed = seal_recipient(
            wanted.sender, data_key, self._random.token(NONCE_BYTES), _sender_box(row.parcel_key)
        )  # fmt: skip
        drop_off_store.insert_drop_off(conn, DropOff(row.parcel_key, pickup_id, tenant, kind, sealed, now_ms))
        self._lockers.bookings.telling.tell(conn, "drop_off", reservation, f"drop_off/{pickup_id}", now_ms)
        return reservation

    def _row(self, tenant: str, wanted: DropOffWish, pickup_id: str, now_ms: int) -> tuple[ParcelRow, bytes]:
        person, parcel_key = wanted.receiver or wanted.sender, self._random.token(16).hex()
        data_key = self._random.token(DATA_KEY_BYTES)
        sealed = seal_recipient(person, data_key, self._random.token(NONCE_BYTES), parcel_key)
        row = ParcelRow(
            parcel_key, tenant, drop_off_parcel_id(pickup_id), wanted.carrier, wanted.wish, wanted.locker_id, now_ms,
            sealed, contact_hash(self._contact_key, tenant, person), None, Origin.DROP_OFF,
        )  # fmt: skip
        return row, data_key

    def of_parcel(self, conn: Connection, tenant: str, parcel_id: str) -> DropOff:
        """Raises NotFound: no such parcel of this tenant, or it is no drop-off."""
        row = store.parcel(conn, tenant, parcel_id)
        found = drop_off_store.by_parcel(conn, row.parcel_key) if row is not None else None
        if found is None:
            raise NotFound("no such drop-off", where=parcel_id)
        return found


def sender_of(conn: Connection, drop_off: DropOff) -> Recipient | None:
    """The person who sends; None once erased."""
    key = store.data_key(conn, drop_off.parcel_key)
    if key is None:
        return None
    return open_recipient(drop_off.sender_sealed, bytes(key), _sender_box(drop_off.parcel_key))


def _sender_box(parcel_key: str) -> str:
    """Binds the sealed sender to its place: it cannot be moved to the receiver's."""
    return f"{parcel_key}/sender"
