"""What is broken, when, and how often: a seeded order of faults, and their tally."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    RESET = "reset"
    BRIDGE = "bridge_kill"
    BROKER = "broker_kill"
    DEVICE = "device_kill"


REQUIRED = {Fault.RESET: 30, Fault.BRIDGE: 10, Fault.BROKER: 4, Fault.DEVICE: 4}


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault after a pause; what was killed comes back after `down_s`. `choice` picks the victim."""

    pause_s: float
    fault: Fault
    down_s: float
    choice: float


def blows(wanted: dict[Fault, int], span_s: float, rng: random.Random) -> Iterator[Blow]:
    """The wanted faults in random order, spread over about `span_s`."""
    order = [fault for fault, count in wanted.items() for _ in range(count)]
    rng.shuffle(order)
    for fault in order:
        yield Blow(rng.uniform(0.2, 1.8) * span_s / len(order), fault, rng.uniform(0.1, 1.5), rng.random())


def missing(done: Counter[Fault], required: dict[Fault, int]) -> list[str]:
    """The faults that happened less often than they must have."""
    return [f"{done[fault]} of {least} {fault.value}s" for fault, least in required.items() if done[fault] < least]
