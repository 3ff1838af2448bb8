"""What the device log's benchmarks share: a folder on a real disk, seeded events of a stated size, an open log."""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.storage.connection import prepare
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire import canonical
from edge.wire.event import EventDraft
from edge.wire.keys import Ed25519Signer

ROOT = Path(__file__).resolve().parents[2]
T0_MS = 1_795_000_000_000
PAYLOAD_BYTES = 300


class SeededRandom:
    """The stream id of a benchmark's log."""

    def token(self, size_bytes: int) -> bytes:
        return hashlib.sha256(b"bench").digest()[:size_bytes]

    def fraction(self) -> float:
        return 0.5


def drafts(count: int, seed: int) -> list[EventDraft]:
    """`unlock_authorised` events whose data encode to 300 bytes each, 160 of them random hex digits."""
    source = random.Random(seed)
    made = []
    for i in range(count):
        data = {
            "authority_id": source.randbytes(16).hex(),
            "visit_id": source.randbytes(16).hex(),
            "pickup_id": source.randbytes(16).hex(),
            "reservation_id": source.randbytes(16).hex(),
            "command_id": source.randbytes(16).hex(),
            "compartment_no": source.randrange(1, 25),
            "try_no": 1,
            "cause": "",
        }
        data["cause"] = "c" * (PAYLOAD_BYTES - len(canonical.encode(data)))
        made.append(EventDraft("unlock_authorised", data, T0_MS + i * 1000))
    return made


@contextmanager
def disk_folder() -> Iterator[Path]:
    """An empty folder on the file system that the source lies on (not tmpfs), removed afterwards."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def file_system(path: Path) -> str:
    """The type of the file system that holds `path`, from /proc/mounts."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    under = [(len(point), kind) for point, kind in mounts if path.is_relative_to(point)]
    return max(under)[1]


def open_log(folder: Path, limits: LogLimits) -> EventStore:
    """The shipped log with the shipped settings."""
    owner = Owner("bench", "locker-0001", Ed25519Signer(b"\x01" * 32))
    return open_event_log(folder / "log", owner, Start(SeededRandom(), T0_MS), lambda store: store, limits).log


def open_plain(folder: Path, limits: LogLimits) -> sqlite3.Connection:
    """The peer: one table of rows behind the same settings."""
    connection = sqlite3.connect(folder / "plain.db", isolation_level=None)
    prepare(connection, limits)
    connection.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, raw BLOB NOT NULL)")
    return connection


def written_bytes() -> int:
    """Bytes that this process has caused to be written to storage so far (/proc/self/io, 4 KiB pages dirtied)."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise RuntimeError("/proc/self/io names no write_bytes")
