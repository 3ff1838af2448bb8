"""Moves money at lockers: the payment is on record first, then the provider is asked, then what was paid for happens.

A crash in between leaves a pending payment; `finish_pending` asks again with the same key, which charges nothing twice.
"""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict, LinkDown, NotPossibleNow
from cloud_bridge.lockers import payment_store, reservation_store, store
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.extensions import Extensions
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.payments import Payment, PaymentFor, PaymentProvider, PaymentState
from cloud_bridge.lockers.pickups import Pickup, Pickups, unpaid
from cloud_bridge.lockers.tasks import TaskKind
from cloud_bridge.lockers.telling import Telling
from cloud_bridge.ports import Clock, Random
from cloud_bridge.storage.engine import Database

PENDING_AFTER_MS = 60_000
BATCH = 20
TOO_LATE = ("overdue", "spoiled", "retrieved", "returned")


class Paying:
    """The methods run their own transactions; `book` runs in the caller's."""

    def __init__(
        self, db: Database, provider: PaymentProvider | None, pickups: Pickups, extensions: Extensions,
        telling: Telling, duties: Duties, clock: Clock, random: Random,
    ) -> None:  # fmt: skip
        self._db = db
        self._provider = provider
        self._pickups = pickups
        self._extensions = extensions
        self._telling = telling
        self._duties = duties
        self._clock = clock
        self._random = random

    async def extend(self, pickup_id: str, agreed: Money | None, key: str) -> Pickup:
        """Take the extension on offer at the price the recipient saw.

        Raises:
            Conflict: nothing is on offer, or at another price; or the payment was declined.
            NotPossibleNow: the provider does not answer; ask again with the same key.
        """
        now_ms = self._clock.now_ms()

        def begin(conn: Connection) -> Payment | None:
            pickup = self._locked(conn, pickup_id, now_ms)
            known = payment_store.by_key(conn, key)
            if known is not None and known.state is not PaymentState.PENDING:
                return known
            offer = self._extensions.offer(conn, pickup, now_ms)
            if offer is None:
                raise Conflict("no extension is on offer", where="extension", remedy="Collect it in time.")
            if offer.price != agreed:
                raise Conflict("the price is another one", where="price", remedy="Open the page again.")
            if offer.price is None:
                self._extensions.take(conn, offer, pickup, None, now_ms)
                return None
            return known or self._pending(conn, pickup, PaymentFor.EXTENSION, offer.price, key, now_ms)

        payment = await self._db.write(begin)
        if payment is not None:
            await self._charge(payment)
        return await self._db.read(lambda conn: self._pickups.show(conn, pickup_id, now_ms))

    async def pay_on_delivery(self, pickup_id: str, agreed: Money, key: str) -> Pickup:
        """Pay what a pickup costs on delivery; its code is given out then.

        Raises:
            Conflict: nothing is to be paid, or another amount; or the payment was declined.
            NotPossibleNow: the provider does not answer; ask again with the same key.
        """
        now_ms = self._clock.now_ms()

        def begin(conn: Connection) -> Payment:
            known = payment_store.by_key(conn, key)
            if known is not None:
                return known
            pickup = self._locked(conn, pickup_id, now_ms)
            if pickup.state != "to_pay" or pickup.to_pay != agreed:
                raise Conflict("this is not what is to be paid", where="amount", remedy="Open the page again.")
            return self._pending(conn, pickup, PaymentFor.DELIVERY, agreed, key, now_ms)

        await self._charge(await self._db.write(begin))
        return await self._db.read(lambda conn: self._pickups.show(conn, pickup_id, now_ms))

    def book(self, conn: Connection, row: store.ParcelRow, money: Money, key: str, reference: str) -> Payment:
        """A payment that was taken elsewhere: recorded as paid, once for each key.

        Raises:
            Conflict: nothing of this currency is to be paid, or less than that.
        """
        known = payment_store.by_key(conn, key)
        if known is not None:
            return known
        due, now_ms = unpaid(conn, row), self._clock.now_ms()
        if due is None or due.currency != money.currency or due.amount_minor < money.amount_minor:
            raise Conflict("this is more than what is to be paid", where="amount_minor",
                           remedy="See the parcel's `cod_due_minor`.")  # fmt: skip
        plan = reservation_store.active_for_parcel(conn, row.parcel_key)
        made = Payment(
            self._random.token(16).hex(), row.tenant, PaymentFor.DELIVERY, plan.pickup_id if plan else "",
            row.parcel_id, money, key, PaymentState.PAID, now_ms, now_ms, reference,
        )  # fmt: skip
        payment_store.insert_payment(conn, made)
        self._release(conn, made, now_ms)
        return made

    async def finish_pending(self) -> int:
        """Ask again for payments whose answer was never seen; how many."""
        before_ms = self._clock.now_ms() - PENDING_AFTER_MS
        if self._provider is None:
            return 0
        waiting = await self._db.read(lambda conn: payment_store.pending(conn, before_ms, BATCH))
        for payment in waiting:
            try:
                await self._charge(payment)
            except (Conflict, NotPossibleNow):
                continue
        return len(waiting)

    def _locked(self, conn: Connection, pickup_id: str, now_ms: int) -> Pickup:
        """As it stands once nobody else pays for anything at its locker."""
        found = reservation_store.reservation_of_pickup(conn, pickup_id)
        if found is not None:
            store.lock_locker(conn, found[0].locker_id)
        return self._pickups.show(conn, pickup_id, now_ms)

    def _pending(
        self, conn: Connection, pickup: Pickup, purpose: PaymentFor, money: Money, key: str, now_ms: int
    ) -> Payment:
        if self._provider is None:
            raise NotPossibleNow("nobody takes payments here", where="payment", remedy="Ask the sender.")
        if payment_store.pending_about(conn, pickup.reservation.pickup_id, purpose):
            raise Conflict("a payment for this is under way", where="payment", remedy="Wait a minute.")
        reservation = pickup.reservation
        made = Payment(
            self._random.token(16).hex(), reservation.tenant, purpose, reservation.pickup_id, reservation.parcel_id,
            money, key, PaymentState.PENDING, now_ms, now_ms,
        )  # fmt: skip
        payment_store.insert_payment(conn, made)
        return made

    async def _charge(self, payment: Payment) -> None:
        if payment.state is PaymentState.PENDING and self._provider is not None:
            try:
                answer = await self._provider.charge(payment.key, payment.money, payment.purpose.value)
            except LinkDown as error:
                raise NotPossibleNow("the payment provider does not answer", where="payment",
                                     remedy="Try again with the same key.") from error  # fmt: skip
            state = PaymentState.PAID if answer.paid else PaymentState.DECLINED
            await self._db.write(lambda conn: self._settle(conn, payment, state, answer.reference))
        else:
            state = payment.state
        if state is PaymentState.DECLINED:
            raise Conflict("the payment was declined", where="payment", remedy="Try again, or pay another way.")

    def _settle(self, conn: Connection, payment: Payment, state: PaymentState, reference: str) -> None:
        now_ms = self._clock.now_ms()
        news = payment_store.settle_payment(conn, payment.payment_id, state, reference, now_ms)
        if news and state is PaymentState.PAID:
            self._release(conn, payment, now_ms)

    def _release(self, conn: Connection, payment: Payment, now_ms: int) -> None:
        """What was paid for happens, in the transaction that says it is paid; what came too late is given back."""
        if not payment.pickup_id:
            return
        pickup = self._pickups.show(conn, payment.pickup_id, now_ms)
        gives = self._extended if payment.purpose is PaymentFor.EXTENSION else self._handed_out
        if not gives(conn, payment, pickup, now_ms):
            self._duties.add(
                conn, payment.tenant, TaskKind.REFUND, pickup.locker.locker_id, payment.payment_id,
                payment.purpose.value, now_ms,
            )  # fmt: skip

    def _extended(self, conn: Connection, payment: Payment, pickup: Pickup, now_ms: int) -> bool:
        offer = self._extensions.offer(conn, pickup, now_ms)
        if offer is not None:
            self._extensions.take(conn, offer, pickup, payment.payment_id, now_ms)
        return offer is not None

    def _handed_out(self, conn: Connection, payment: Payment, pickup: Pickup, now_ms: int) -> bool:
        row = store.parcel(conn, payment.tenant, payment.parcel_id)
        if row is None or row.cod is None or pickup.state in TOO_LATE:
            return False
        if pickup.state == "waiting":
            self._telling.tell(conn, "ready", pickup.reservation, f"paid/{payment.payment_id}", now_ms)
        paid = payment_store.paid_for_delivery(conn, row.tenant, row.parcel_id, row.cod.currency)
        return paid <= row.cod.amount_minor
