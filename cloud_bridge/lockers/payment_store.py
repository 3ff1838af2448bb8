"""The only SQL on payments and on the extensions that were taken."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, func, insert, select, update

from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.payments import Payment, PaymentFor, PaymentState
from cloud_bridge.storage.schema import Whole, Words, metadata

payments = Table(
    "pickup_payments",
    metadata,
    Column("payment_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("purpose", Words, nullable=False),
    Column("pickup_id", Words, nullable=False, index=True),
    Column("parcel_id", Words, nullable=False),
    Column("amount_minor", Whole, nullable=False),
    Column("currency", Words, nullable=False),
    Column("key", Words, nullable=False, unique=True),
    Column("state", Words, nullable=False),
    Column("reference", Words, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
)
PENDING = payments.c.state == PaymentState.PENDING.value
Index("ix_pickup_payments_pending", payments.c.made_at_ms, sqlite_where=PENDING, postgresql_where=PENDING)
extensions = Table(
    "pickup_extensions",
    metadata,
    Column("pickup_id", Words, primary_key=True),
    Column("place", Whole, primary_key=True, autoincrement=False),
    Column("payment_id", Words, comment="null: it was free"),
    Column("from_ms", Whole, nullable=False),
    Column("to_ms", Whole, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
)


def by_key(conn: Connection, key: str) -> Payment | None:
    row = conn.execute(select(payments).where(payments.c.key == key)).one_or_none()
    return None if row is None else _payment(row)


def insert_payment(conn: Connection, item: Payment) -> None:
    """Raises IntegrityError when the key is known."""
    conn.execute(insert(payments).values(
        payment_id=item.payment_id, tenant=item.tenant, purpose=item.purpose.value, pickup_id=item.pickup_id,
        parcel_id=item.parcel_id, amount_minor=item.money.amount_minor, currency=item.money.currency, key=item.key,
        state=item.state.value, reference=item.reference, made_at_ms=item.made_at_ms,
        changed_at_ms=item.changed_at_ms,
    ))  # fmt: skip


def settle_payment(conn: Connection, payment_id: str, state: PaymentState, reference: str, now_ms: int) -> bool:
    """Whether its answer was not known before."""
    pending = (payments.c.payment_id == payment_id) & (payments.c.state == PaymentState.PENDING.value)
    changed = conn.execute(
        update(payments).where(pending).values(state=state.value, reference=reference, changed_at_ms=now_ms)
    )
    return changed.rowcount == 1


def pending(conn: Connection, before_ms: int, limit: int) -> list[Payment]:
    """Payments made before that moment whose answer is not known, oldest first."""
    waiting = (payments.c.state == PaymentState.PENDING.value) & (payments.c.made_at_ms <= before_ms)
    rows = conn.execute(select(payments).where(waiting).order_by(payments.c.made_at_ms).limit(limit))
    return [_payment(row) for row in rows]


def pending_about(conn: Connection, pickup_id: str, purpose: PaymentFor) -> bool:
    """Whether such a payment is under way."""
    about = (payments.c.pickup_id == pickup_id) & (payments.c.purpose == purpose.value)
    found = conn.execute(select(payments.c.payment_id).where(about, payments.c.state == PaymentState.PENDING.value))
    return found.first() is not None


def payments_of(conn: Connection, tenant: str, parcel_id: str) -> list[Payment]:
    """About one parcel, newest first."""
    about = (payments.c.tenant == tenant) & (payments.c.parcel_id == parcel_id)
    rows = conn.execute(select(payments).where(about).order_by(payments.c.made_at_ms.desc(), payments.c.payment_id))
    return [_payment(row) for row in rows]


def paid_for_delivery(conn: Connection, tenant: str, parcel_id: str, currency: str) -> int:
    """What was paid for a parcel so far, in `currency`'s smallest unit."""
    counted = conn.execute(
        select(func.coalesce(func.sum(payments.c.amount_minor), 0)).where(
            payments.c.tenant == tenant, payments.c.parcel_id == parcel_id, payments.c.currency == currency,
            payments.c.purpose == PaymentFor.DELIVERY.value, payments.c.state == PaymentState.PAID.value,
        )
    )  # fmt: skip
    return int(counted.scalar_one())


def extensions_taken(conn: Connection, pickup_id: str) -> int:
    count = conn.execute(select(func.count()).select_from(extensions).where(extensions.c.pickup_id == pickup_id))
    return int(count.scalar_one())


def insert_extension(
    conn: Connection, pickup_id: str, place: int, payment_id: str | None, from_ms: int, to_ms: int, now_ms: int
) -> None:
    """Raises IntegrityError when that place was taken by another call."""
    conn.execute(insert(extensions).values(
        pickup_id=pickup_id, place=place, payment_id=payment_id, from_ms=from_ms, to_ms=to_ms, made_at_ms=now_ms
    ))  # fmt: skip


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        row.payment_id, row.tenant, PaymentFor(row.purpose), row.pickup_id, row.parcel_id,
        Money(row.amount_minor, row.currency), row.key, PaymentState(row.state), row.made_at_ms, row.changed_at_ms,
        row.reference,
    )  # fmt: skip
