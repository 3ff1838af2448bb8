"""Use cases of places: say where a locker stands, and find the best locker around a point for a parcel.

Every method runs inside the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.errors import NotFound
from cloud_bridge.lockers import place_store
from cloud_bridge.lockers.locker_choice import Choice
from cloud_bridge.lockers.model import Locker, Reservation
from cloud_bridge.lockers.opening_hours import check_hours
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.sphere import Point


@dataclass(frozen=True, slots=True)
class Placement:
    """What was weighed, and what is held now; no reservation: no locker within the radius serves."""

    decision_id: str
    choice: Choice
    reservation: Reservation | None


class Placing:
    """Places of lockers, and parcels placed by them."""

    def __init__(self, lockers: Lockers) -> None:
        self._lockers = lockers

    def put(self, conn: Connection, tenant: str, place: Place) -> None:
        """Say where a locker stands.

        Raises:
            NotFound: the locker is none of this tenant's.
            InvalidData: hours that no clock can follow.
        """
        self._lockers.locker_of(conn, tenant, place.locker_id)
        check_hours(place.hours)
        place_store.put_place(conn, tenant, place)

    def place(self, conn: Connection, tenant: str, locker_id: str) -> tuple[Locker, Place]:
        """Raises NotFound when the locker is none of this tenant's, or nobody has said where it stands."""
        site = self._lockers.locker_of(conn, tenant, locker_id)
        found = place_store.place_of(conn, locker_id)
        if found is None:
            raise NotFound("nobody has said where it stands", where=locker_id,
                           remedy="PUT /v1/lockers/{locker_id}/place.")  # fmt: skip
        return site, found

    def put_parcel(
        self, conn: Connection, tenant: str, parcel_id: str, centre: Point, radius_m: int, now_ms: int
    ) -> Placement:
        """Choose the locker that serves a parcel best around a point, and hold a compartment there.

        Raises:
            NotFound: the parcel is none of this tenant's.
            Conflict: it has a reservation, or lies in a locker.
        """
        row = self._lockers.unplaced(conn, tenant, parcel_id, now_ms)
        decision_id, choice = self._lockers.deciding.locker(conn, tenant, parcel_id, centre, row.wish, now_ms, radius_m)
        for item in choice.ranked:
            reservation, _ = self._lockers.bookings.reserve_row(conn, row, item.locker_id, now_ms)
            if reservation is not None:
                return Placement(decision_id, choice, reservation)
        return Placement(decision_id, choice, None)
