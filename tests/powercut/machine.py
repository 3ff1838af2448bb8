"""One device through many power cuts: what it appended, what was acknowledged, and what it finds afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.errors import EdgeError
from edge.storage.ballast import Ballast
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_store
from edge.storage.tail_check import LogDamaged
from edge.wire.checkpoint import verify_checkpoint
from edge.wire.event import EventDraft
from edge.wire.ids import origin_of
from edge.wire.keys import Ed25519Signer
from edge.wire.merkle import leaf_hash
from tests.powercut.disk import Disk
from tests.powercut.vfs import PowercutConnection, PowercutVFS

T0_MS = 1_795_000_000_000
LIMITS = LogLimits(wal_pages=24, wal_limit_bytes=8192, ballast_bytes=0, keep_receipted_s=0, keep_custody_s=0)
OWNER = Owner("powercut", "locker-0001", Ed25519Signer(b"\x0c" * 32))
NAME = "powercut/locker-0001"


@dataclass
class Tally:
    """What all cuts together showed."""

    cuts: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    corrupt: int = 0
    wrong: list[str] = field(default_factory=list)
    checkpoints: int = 0

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicated or self.corrupt or self.wrong)


class SeededRandom:
    """Stream ids that repeat with the seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def token(self, size_bytes: int) -> bytes:
        return self._chance.randbytes(size_bytes)

    def fraction(self) -> float:
        return self._chance.random()


class Machine:
    """A device whose power is cut again and again; `marks[seq]` names each event that may be in the log."""

    def __init__(self, vfs: PowercutVFS, seed: int, tally: Tally, *, unsafe: bool) -> None:
        self._vfs, self._tally, self._unsafe = vfs, tally, unsafe
        self._chance = random.Random(seed)
        self._vfs.chance = self._chance
        self._disk = Disk(0)
        self._forget()

    def _forget(self) -> None:
        self.marks: list[str] = []
        self._pending: list[str] = []
        self._receipted = self._floor_ms = self._boot = self._snapshot_size = 0
        self._next_mark = 0

    def live_and_cut(self) -> None:
        """Run until the power goes, then check what the next start finds."""
        self._disk = self._disk.after_cut(self._chance, self._chance.randint(1, 160))
        self._vfs.disk = self._disk
        try:
            store = self._open()
            while True:
                self._act(store)
        except EdgeError:
            if not self._disk.is_off:
                raise
        except LogDamaged as damage:
            self._damaged(damage)
            return
        self._pull_plug()
        self._tally.cuts += 1
        self._disk = self._disk.after_cut(self._chance, 1_000_000)
        self._vfs.disk = self._disk
        self._examine()

    def _open(self) -> EventStore:
        self._connection = connection = PowercutConnection("events.db", unsafe=self._unsafe)
        start = Start(SeededRandom(self._chance), T0_MS)
        if not self.marks:
            self._pending = ["stream_started"]
        try:
            store = open_store(connection, OWNER, start, LIMITS, Ballast(None, 0))
        except LogDamaged:
            self._pull_plug()
            raise
        if not self.marks:
            self._acknowledge()
        self._boot = store.head().boot
        return store

    def _pull_plug(self) -> None:
        """Close the connection on a disk that is off, so that closing changes nothing that the next start reads."""
        self._disk.left = -1
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _act(self, store: EventStore) -> None:
        dice = self._chance.random()
        size = store.head().size
        if dice < 0.86:
            self._append(store, 1 if dice < 0.68 else self._chance.randint(2, 20))
        elif dice < 0.92:
            store.store_receipt(b"receipt for %d" % size, size)
            self._receipted = size
        elif dice < 0.95:
            store.floor(self._floor_ms + 1000)
            self._floor_ms += 1000
        else:
            store.trim(T0_MS + 10 * self._next_mark)

    def _append(self, store: EventStore, count: int) -> None:
        self._pending = [f"m{self._next_mark + i}" for i in range(count)]
        self._next_mark += count
        snapshot = fold(b"", [*self.marks, *self._pending]) if self._chance.random() < 0.2 else None
        drafts = [EventDraft("agent_started", {"version": mark, "reason": "test"}, T0_MS) for mark in self._pending]
        store.append(drafts, snapshot=snapshot)
        self._acknowledge()
        if snapshot is not None:
            self._snapshot_size = len(self.marks)

    def _acknowledge(self) -> None:
        self._tally.acknowledged += len(self._pending)
        self.marks += self._pending
        self._pending = []

    # --- after the cut ---------------------------------------------------------------------------------------

    def _examine(self) -> None:
        boot = self._boot
        try:
            store = self._open()
            self._judge(store, boot)
        except LogDamaged as damage:
            self._damaged(damage)
            return
        self._pull_plug()

    def _judge(self, store: EventStore, boot: int) -> None:
        found, state = self._read(store)
        head = store.head()
        missing = len(self.marks) - head.size
        if missing > 0:
            self._tally.lost += missing
            del self.marks[head.size :]
            self._receipted = min(self._receipted, head.receipted_size)
            self._floor_ms, self._snapshot_size = min(self._floor_ms, store.floor_at_ms), 0
        elif missing < 0:
            self._expect(head.size - len(self.marks) == len(self._pending), "half a commit is in the log")
            self.marks += self._pending
        self._pending = []
        self._tally.duplicated += len(found) - len(set(found))
        self._expect(found == self.marks[head.base.size :], "the events differ from what was appended")
        self._expect(state == fold(b"", self.marks), "the rebuilt state differs")
        self._expect(head.base.size <= head.receipted_size, "events without a receipt were trimmed")
        if missing <= 0:
            self._expect(head.receipted_size >= self._receipted, "a receipt is gone")
            self._expect(store.floor_at_ms >= self._floor_ms, "the time floor fell")
            self._expect(head.boot > boot, "the boot counter did not rise")
        self._receipted, self._floor_ms = head.receipted_size, store.floor_at_ms

    def _read(self, store: EventStore) -> tuple[list[str], bytes]:
        """All marks held, each batch checked against its signed checkpoint, and the state rebuilt."""
        head = store.head()
        frontier, found = head.base, []
        while batch := store.read(frontier.size, self._chance.randint(1, 500), 65536):
            frontier = frontier.append(leaf_hash(event) for event in batch.events)
            origin = origin_of("powercut", "locker-0001", head.stream)
            signed = verify_checkpoint(batch.checkpoint, origin=origin, name=NAME, public=OWNER.signer.public)
            self._expect((signed.size, signed.root) == (frontier.size, frontier.root()), "a checkpoint differs")
            self._tally.checkpoints += 1
            found += [mark_of(event) for event in batch.events]
        snapshot, _, tail = store.load()
        return found, fold(snapshot or b"", [mark_of(event) for event in tail])

    def _damaged(self, damage: LogDamaged) -> None:
        self._tally.cuts += 1
        self._tally.corrupt += 1
        self._tally.wrong.append(str(damage))
        self._disk = Disk(0)
        self._forget()

    def _expect(self, holds: bool, what: str) -> None:
        if not holds:
            self._tally.wrong.append(f"{what} (cut {self._tally.cuts})")


def mark_of(event: bytes) -> str:
    data = json.loads(event)["data"]
    return str(data.get("version", "stream_started"))


def fold(state: bytes, marks: Sequence[str]) -> bytes:
    """A state that depends on every mark and their order."""
    for mark in marks:
        state = hashlib.sha256(state + mark.encode()).digest()
    return state
