"""More time for a pickup: what is offered at what price, and what taking it changes; in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict
from cloud_bridge.lockers import payment_store, reservation_store
from cloud_bridge.lockers.bookings import Bookings
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.pickups import Pickup
from cloud_bridge.lockers.site_time import extended_ms, time_zone
from edge.wire.pickup_token import MAX_TOKEN_LIFE_MS


@dataclass(frozen=True, slots=True)
class Offer:
    """`price` None: it is free. `place`: the how-manieth extension of this pickup it would be, from 1."""

    pickup_id: str
    place: int
    days: int
    price: Money | None
    collect_by_ms: int


class Extensions:
    """The house's terms decide what is offered; a price only where somebody can be charged."""

    def __init__(self, bookings: Bookings, *, can_charge: bool) -> None:
        self._bookings = bookings
        self._can_charge = can_charge

    def offer(self, conn: Connection, pickup: Pickup, now_ms: int) -> Offer | None:
        """What can be had now; None: no parcel waits in time, or enough was taken."""
        terms, reservation = self._bookings.terms, pickup.reservation
        taken = payment_store.extensions_taken(conn, reservation.pickup_id)
        if pickup.state not in ("waiting", "to_pay") or pickup.proxy is not None or taken >= terms.extensions_most:
            return None
        if terms.extension_price is not None and not self._can_charge:
            return None
        zone = time_zone(pickup.locker.time_zone)
        later_ms = extended_ms(reservation.collect_by_ms, terms.extension_days, zone)
        if later_ms - now_ms > MAX_TOKEN_LIFE_MS:  # no code may live longer
            return None
        return Offer(reservation.pickup_id, taken + 1, terms.extension_days, terms.extension_price, later_ms)

    def take(self, conn: Connection, offer: Offer, pickup: Pickup, payment_id: str | None, now_ms: int) -> None:
        """The parcels of the pickup wait longer; its device and its recipient learn of it.

        Raises:
            Conflict: taken by another call meanwhile.
        """
        if payment_store.extensions_taken(conn, offer.pickup_id) >= offer.place:
            raise Conflict("this extension is taken already", where="extension", remedy="Open the page again.")
        before = pickup.reservation
        payment_store.insert_extension(
            conn, offer.pickup_id, offer.place, payment_id, before.collect_by_ms, offer.collect_by_ms, now_ms
        )
        reservation_store.change_pickup(conn, offer.pickup_id, collect_by_ms=offer.collect_by_ms, notice="")
        self._bookings.twin.write(conn, before.locker_id)
        dedupe = f"extension/{offer.pickup_id}/{offer.place}"
        self._bookings.telling.tell(conn, "extension", before, dedupe, now_ms)
