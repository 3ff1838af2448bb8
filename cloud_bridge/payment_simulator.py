"""A payment provider for development, tests and demos: remembers every key; some amounts go wrong on purpose."""

from __future__ import annotations

import hashlib

from cloud_bridge.errors import LinkDown
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.payments import Answer

DECLINED_ENDING = 13
LOST_ENDING = 14


class PaymentSimulator:
    """An amount that ends in 13 is declined; of one that ends in 14 the money moves and the first answer is lost.

    `charged` holds what was moved, by key: each key once, however often it was asked.
    """

    def __init__(self) -> None:
        self.charged: dict[str, Money] = {}

    async def charge(self, key: str, money: Money, about: str) -> Answer:
        reference = f"sim-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        if money.amount_minor % 100 == DECLINED_ENDING:
            return Answer(False, reference)
        first = key not in self.charged
        self.charged.setdefault(key, money)
        if first and money.amount_minor % 100 == LOST_ENDING:
            raise LinkDown("the answer was lost", where="payment", remedy="Ask again with the same key.")
        return Answer(True, reference)
