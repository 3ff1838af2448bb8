"""Payments at lockers as values, and the port to whoever moves the money. Pure.

A payment is on record before the provider hears of it, under a key that the provider repeats nothing for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cloud_bridge.lockers.model import Money


class PaymentFor(StrEnum):
    """`DELIVERY`: cash on delivery, of one parcel. `EXTENSION`: more time for a pickup."""

    DELIVERY = "delivery"
    EXTENSION = "extension"


class PaymentState(StrEnum):
    """`PENDING`: asked, no answer known; asking again with the same key is safe."""

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Payment:
    """`key` stands for one wish to pay; `reference`: the provider's name for it."""

    payment_id: str
    tenant: str
    purpose: PaymentFor
    pickup_id: str
    parcel_id: str
    money: Money
    key: str
    state: PaymentState
    made_at_ms: int
    changed_at_ms: int
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider says."""

    paid: bool
    reference: str


class PaymentProvider(Protocol):
    async def charge(self, key: str, money: Money, about: str) -> Answer:
        """Charge once for each `key`; asked again, the first answer comes again.

        Raises:
            LinkDown: no answer; the money may or may not have moved.
        """
        ...
