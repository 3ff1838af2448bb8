"""What a recipient and a courier are given: links, QR tokens and PINs, made when asked for and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from cloud_bridge.access.model import Principal, Role
from cloud_bridge.errors import InvalidData, NotFound
from cloud_bridge.lockers import custody_store, store
from cloud_bridge.lockers.model import Custody, Locker, Reservation
from cloud_bridge.lockers.pickup_link import link_holds, make_link, pickup_of, token_jti
from cloud_bridge.ports import Random
from edge.wire.keys import Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierGrant, issue_grant
from edge.wire.pickup_pin import derive_pin
from edge.wire.pickup_token import MAX_TOKEN_LIFE_MS, PickupClaims, issue_token

GRANT_LIFE_MS = 12 * 3600 * 1000
START_SLACK_MS = 5 * 60 * 1000
PinKey = Callable[[Connection, str], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Pickup:
    """What the recipient's page shows. `qr` and `pin` are empty unless the parcel waits; `pin` also when the device
    has derived none."""

    locker: Locker
    reservation: Reservation
    state: str
    qr: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pickups:
    """`issuer` is the fleet's name; `signer` holds a key of the role `pickup`; `link_key` derives links and jtis."""

    issuer: str
    signer: Signer
    link_key: bytes = field(repr=False)
    pin_key: PinKey = field(repr=False)
    random: Random

    def link(self, reservation: Reservation) -> str:
        return make_link(self.link_key, reservation.pickup_id, reservation.generation)

    def holder(self, conn: Connection, link: str, _now_ms: int) -> Principal | None:
        """Whom a link stands for: the recipient of one pickup, or nobody."""
        pickup_id = pickup_of(link)
        found = store.reservation_of_pickup(conn, pickup_id) if pickup_id is not None else None
        if pickup_id is None or found is None:
            return None
        reservation, _ = found
        if not link_holds(self.link_key, link, pickup_id, reservation.generation):
            return None
        return Principal(Role.RECIPIENT, reservation.tenant, f"pickup:{pickup_id}", subject=pickup_id)

    def show(self, conn: Connection, pickup_id: str, now_ms: int) -> Pickup:
        """Raises NotFound: no such pickup."""
        found = store.reservation_of_pickup(conn, pickup_id)
        locker = store.locker(conn, found[0].locker_id) if found is not None else None
        if found is None or locker is None:
            raise NotFound("no such pickup", where="link")
        reservation, _ = found
        custody = custody_store.custody_of(conn, reservation.locker_id, reservation.parcel_id)
        if custody is None or not reservation.fulfilled:
            return Pickup(locker, reservation, "on_its_way")
        if custody.state != "deposited":
            return Pickup(locker, reservation, custody.state)
        if reservation.collect_by_ms <= now_ms:
            return Pickup(locker, reservation, "overdue")
        return Pickup(locker, reservation, "waiting", self._qr(reservation, custody), self._pin(conn, custody))

    def _qr(self, reservation: Reservation, custody: Custody) -> str:
        start_ms = max(custody.deposited_at_ms - START_SLACK_MS, reservation.collect_by_ms - MAX_TOKEN_LIFE_MS)
        claims = PickupClaims(
            issuer=self.issuer, audience=locker_audience(reservation.locker_id), operation=Operation.COLLECT,
            not_before_ms=start_ms, expires_at_ms=reservation.collect_by_ms,
            jti=token_jti(self.link_key, reservation.pickup_id, reservation.generation),
            pickup_id=reservation.pickup_id,
        )  # fmt: skip
        return issue_token(claims, self.signer)

    def _pin(self, conn: Connection, custody: Custody) -> str:
        if custody.pickup_id is None or custody.pin_generation is None or custody.pin_counter is None:
            return ""
        _, key = self.pin_key(conn, custody.locker_id)
        return derive_pin(key, custody.pickup_id, custody.pin_generation, custody.pin_counter)

    def grant(
        self, conn: Connection, who: Principal, public: bytes, locker_ids: tuple[str, ...], now_ms: int
    ) -> CourierGrant:
        """Certify a courier's own key for a route of lockers, half a day.

        Raises:
            NotFound: a locker is none of this tenant's.
            InvalidData: no locker on the route.
        """
        if not locker_ids:
            raise InvalidData("no locker on the route", where="locker_ids", remedy="Name at least one.")
        for locker_id in locker_ids:
            locker = store.locker(conn, locker_id)
            if locker is None or locker.tenant != who.tenant:
                raise NotFound("no such locker", where=locker_id)
        return CourierGrant(
            issuer=self.issuer, subject=who.actor.replace("@", ".")[:64], courier_public=public,
            audiences=tuple(locker_audience(locker_id) for locker_id in locker_ids),
            operations=(Operation.DEPOSIT, Operation.RETRIEVE), not_before_ms=now_ms - START_SLACK_MS,
            expires_at_ms=now_ms + GRANT_LIFE_MS, jti=self.random.token(16).hex(),
        )  # fmt: skip

    def grant_text(self, grant: CourierGrant) -> str:
        return issue_grant(grant, self.signer)
