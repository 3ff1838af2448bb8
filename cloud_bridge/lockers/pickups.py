"""What holders of links are shown: links, QR tokens and PINs, made when asked for and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from cloud_bridge.access.model import Principal, Role
from cloud_bridge.errors import NotFound
from cloud_bridge.lockers import custody_store, drop_off_store, payment_store, proxy_store, reservation_store, store
from cloud_bridge.lockers.drop_off_store import DropOff
from cloud_bridge.lockers.model import Custody, Locker, Money, ParcelState, Reservation, parcel_state
from cloud_bridge.lockers.pickup_link import LinkUse, drop_off_jti, link_holds, make_link, pickup_of, token_jti
from cloud_bridge.lockers.proxies import Proxy
from edge.wire.keys import Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_pin import derive_pin
from edge.wire.pickup_token import MAX_TOKEN_LIFE_MS, PickupClaims, issue_token

START_SLACK_MS = 5 * 60 * 1000
PinKey = Callable[[Connection, str], tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class PickupParcel:
    """One parcel of a pickup, and the door it lies behind while it waits."""

    parcel_id: str
    compartment_no: int | None
    state: ParcelState


@dataclass(frozen=True, slots=True)
class Pickup:
    """What a pickup's page shows.

    `qr` and `pin` are empty unless its parcels wait and are paid; `pin` also when the device has derived none, and for
    a proxy, whose `qr` ends with its first opening. `state`: on_its_way, to_pay, waiting, overdue, spoiled, collected,
    retrieved or returned.
    """

    locker: Locker
    reservation: Reservation
    state: str
    parcels: tuple[PickupParcel, ...] = ()
    to_pay: Money | None = None
    proxy: Proxy | None = None
    qr: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)

    @property
    def doors(self) -> tuple[int, ...]:
        """Doors that may be opened now."""
        if self.state != "waiting":
            return ()
        waiting = [item for item in self.parcels if item.state is ParcelState.DEPOSITED]
        return tuple(sorted({item.compartment_no for item in waiting if item.compartment_no is not None}))


@dataclass(frozen=True, slots=True)
class SenderView:
    """What a sender's page shows. `state`: expected, dropped, gone or expired; `qr` only while expected."""

    locker: Locker
    drop_off: DropOff
    reservation: Reservation
    state: str
    qr: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Pickups:
    """`issuer` is the fleet's name; `signer` holds a key of the role `pickup`; `link_key` derives links and jtis."""

    issuer: str
    signer: Signer
    link_key: bytes = field(repr=False)
    pin_key: PinKey = field(repr=False)

    def link(self, reservation: Reservation) -> str:
        return make_link(self.link_key, reservation.pickup_id, reservation.generation)

    def proxy_link(self, proxy_id: str) -> str:
        return make_link(self.link_key, proxy_id, 0, LinkUse.PROXY)

    def sender_link(self, pickup_id: str) -> str:
        return make_link(self.link_key, pickup_id, 0, LinkUse.SENDER)

    def holder(self, conn: Connection, link: str, now_ms: int) -> Principal | None:
        """Whom a link stands for: the recipient of one pickup, a proxy, a sender, or nobody."""
        subject_id = pickup_of(link)
        if subject_id is None:
            return None
        found = reservation_store.reservation_of_pickup(conn, subject_id)
        if found is not None and link_holds(self.link_key, link, subject_id, found[0].generation):
            return Principal(Role.RECIPIENT, found[0].tenant, f"pickup:{subject_id}", subject=subject_id)
        if link_holds(self.link_key, link, subject_id, 0, LinkUse.PROXY):
            return self._proxy_holder(conn, subject_id, now_ms)
        if link_holds(self.link_key, link, subject_id, 0, LinkUse.SENDER):
            dropped = drop_off_store.by_pickup(conn, subject_id)
            return dropped and Principal(Role.SENDER, dropped.tenant, f"sender:{subject_id}", subject=subject_id)
        return None

    def _proxy_holder(self, conn: Connection, proxy_id: str, now_ms: int) -> Principal | None:
        proxy = proxy_store.proxy(conn, proxy_id)
        found = reservation_store.reservation_of_pickup(conn, proxy.pickup_id) if proxy is not None else None
        if proxy is None or found is None or not proxy.live(now_ms):
            return None
        return Principal(Role.PROXY, found[0].tenant, f"proxy:{proxy_id}", subject=proxy.pickup_id)

    def show_to(self, conn: Connection, who: Principal, now_ms: int) -> Pickup:
        """The pickup of a link's holder.

        Raises:
            NotFound: no such pickup.
        """
        if who.role is not Role.PROXY:
            return self.show(conn, who.subject, now_ms)
        return self.show(conn, who.subject, now_ms, proxy_store.proxy(conn, who.actor.partition(":")[2]))

    def show(self, conn: Connection, pickup_id: str, now_ms: int, proxy: Proxy | None = None) -> Pickup:
        """Raises NotFound: no such pickup."""
        every = reservation_store.reservations_of_pickup(conn, pickup_id)
        locker = store.locker(conn, every[0][0].locker_id) if every else None
        if locker is None:
            raise NotFound("no such pickup", where="link")
        first = every[0][0]
        here = [item for item, _ in every if item.locker_id == first.locker_id]
        parcels, due, coded = [], None, None
        for item in here:
            row = store.parcel_by_key(conn, item.parcel_key)
            custody = custody_store.custody_of(conn, item.locker_id, item.parcel_id)
            if row is None:
                continue
            state = parcel_state(custody, item, now_ms, row.marks)
            if state is ParcelState.DEPOSITED and custody is not None:
                coded = custody
            due = due or unpaid(conn, row)
            lies = custody is not None and custody.state == "deposited"
            parcels.append(PickupParcel(item.parcel_id, custody.compartment_no if custody and lies else None, state))
        word = _word([item.state for item in parcels], due)
        shown = Pickup(locker, first, word, tuple(parcels), due, proxy)
        if word != "waiting" or coded is None:
            return shown
        pin = "" if proxy is not None else self._pin(conn, coded)
        return Pickup(locker, first, word, shown.parcels, None, proxy, self._qr(first, coded, proxy), pin)

    def _qr(self, reservation: Reservation, custody: Custody, proxy: Proxy | None) -> str:
        end_ms = reservation.collect_by_ms if proxy is None else min(reservation.collect_by_ms, proxy.expires_at_ms)
        if proxy is not None and proxy.opened_at_ms is not None:
            return ""
        jti = token_jti(self.link_key, reservation.pickup_id, reservation.generation) if proxy is None else proxy.jti
        return self._token(
            Operation.COLLECT, reservation, jti, custody.deposited_at_ms - START_SLACK_MS, end_ms
        )  # fmt: skip

    def _token(self, operation: Operation, reservation: Reservation, jti: str, start_ms: int, end_ms: int) -> str:
        claims = PickupClaims(
            issuer=self.issuer, audience=locker_audience(reservation.locker_id), operation=operation,
            not_before_ms=max(start_ms, end_ms - MAX_TOKEN_LIFE_MS), expires_at_ms=end_ms, jti=jti,
            pickup_id=reservation.pickup_id,
        )  # fmt: skip
        return issue_token(claims, self.signer)

    def _pin(self, conn: Connection, custody: Custody) -> str:
        if custody.pickup_id is None or custody.pin_generation is None or custody.pin_counter is None:
            return ""
        _, key = self.pin_key(conn, custody.locker_id)
        return derive_pin(key, custody.pickup_id, custody.pin_generation, custody.pin_counter)

    def show_sender(self, conn: Connection, pickup_id: str, now_ms: int) -> SenderView:
        """A sender's drop-off.

        Raises:
            NotFound: no such drop-off.
        """
        dropped = drop_off_store.by_pickup(conn, pickup_id)
        reservation = reservation_store.last_for_parcel(conn, dropped.parcel_key) if dropped is not None else None
        locker = store.locker(conn, reservation.locker_id) if reservation is not None else None
        if dropped is None or reservation is None or locker is None:
            raise NotFound("no such drop-off", where="link")
        custody = custody_store.custody_of(conn, reservation.locker_id, reservation.parcel_id)
        if custody is not None:
            return SenderView(locker, dropped, reservation, "dropped" if custody.state == "deposited" else "gone")
        if reservation.expires_at_ms <= now_ms:
            return SenderView(locker, dropped, reservation, "expired")
        qr = self._token(
            Operation.DROP_OFF, reservation, drop_off_jti(self.link_key, pickup_id),
            dropped.made_at_ms - START_SLACK_MS, reservation.expires_at_ms,
        )  # fmt: skip
        return SenderView(locker, dropped, reservation, "expected", qr)


def unpaid(conn: Connection, row: store.ParcelRow) -> Money | None:
    """What is still to be paid on delivery; None: nothing."""
    if row.cod is None:
        return None
    paid = payment_store.paid_for_delivery(conn, row.tenant, row.parcel_id, row.cod.currency)
    left = row.cod.amount_minor - paid
    return Money(left, row.cod.currency) if left > 0 else None


def _word(states: list[ParcelState], due: Money | None) -> str:
    """The one word for a pickup: what can be had now comes first."""
    if ParcelState.DEPOSITED in states:
        return "waiting" if due is None else "to_pay"
    for state in (ParcelState.OVERDUE, ParcelState.SPOILED):
        if state in states:
            return state.value
    gone = (ParcelState.COLLECTED, ParcelState.RETRIEVED, ParcelState.RETURNED)
    left = [state for state in states if state in gone]
    return left[0].value if left and len(left) == len(states) else "on_its_way"
