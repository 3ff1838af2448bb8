"""A log world for tests: a device's key, counted randomness, and a log that can be closed and opened again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import OpenedLog, Owner, Start, open_event_log
from edge.wire.checkpoint import verify_checkpoint
from edge.wire.event import EventDraft
from edge.wire.ids import origin_of
from edge.wire.keys import Ed25519Signer
from edge.wire.merkle import Frontier, leaf_hash

T0_MS = 1_795_000_000_000
SMALL = LogLimits(ballast_bytes=0)


@dataclass
class CountedRandom:
    """Every token differs; the same order of calls gives the same tokens."""

    calls: int = 0

    def token(self, size_bytes: int) -> bytes:
        self.calls += 1
        return hashlib.sha256(self.calls.to_bytes(4, "big")).digest()[:size_bytes]

    def fraction(self) -> float:
        return 0.5


@dataclass
class LogWorld:
    """A device with a place for its log; `open` may be called again after `store.close()`."""

    path: Path | None
    random: CountedRandom = field(default_factory=CountedRandom)
    owner: Owner = field(default_factory=lambda: Owner("test.fleet", "locker-0001", Ed25519Signer(b"\x07" * 32)))
    opened: list[OpenedLog[EventStore]] = field(default_factory=list)

    def open(self, limits: LogLimits = SMALL, *, at_ms: int = T0_MS) -> OpenedLog[EventStore]:
        opened = open_event_log(self.path, self.owner, Start(self.random, at_ms), lambda store: store, limits)
        self.opened.append(opened)
        return opened

    def verify(self, stream: str, base: Frontier, events: tuple[bytes, ...], checkpoint: bytes) -> Frontier:
        """The frontier after `events`, once `checkpoint` is found to be this device's and to cover exactly them."""
        name = "test.fleet/locker-0001"
        origin = origin_of("test.fleet", "locker-0001", stream)
        signed = verify_checkpoint(checkpoint, origin=origin, name=name, public=self.owner.signer.public)
        frontier = base.append(leaf_hash(event) for event in events)
        assert (signed.size, signed.root) == (frontier.size, frontier.root())
        return frontier


def door(no: int, at_ms: int = T0_MS) -> EventDraft:
    return EventDraft("door_closed", {"compartment_no": no}, at_ms)


def custody(no: int, at_ms: int = T0_MS) -> EventDraft:
    data = {"parcel_id": f"PARCEL-{no:04}", "compartment_no": no, "visit_id": f"{no:032x}"}
    return EventDraft("parcel_deposited", data, at_ms)


def alarm(name: str = "storage_full", at_ms: int = T0_MS) -> EventDraft:
    return EventDraft("alarm_raised", {"alarm": name}, at_ms)
