"""A payment provider for development, tests and demos: declines amounts that end in 13, remembers every key."""

from __future__ import annotations

import hashlib

from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.payments import Answer

DECLINED_ENDING = 13


class PaymentSimulator:
    """`charged` holds what was moved, by key: each key once, however often it was asked."""

    def __init__(self) -> None:
        self.charged: dict[str, Money] = {}

    async def charge(self, key: str, money: Money, about: str) -> Answer:
        reference = f"sim-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
        if money.amount_minor % 100 == DECLINED_ENDING:
            return Answer(False, reference)
        self.charged.setdefault(key, money)
        return Answer(True, reference)
