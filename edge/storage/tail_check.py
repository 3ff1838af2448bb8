"""Whether a file that was found is this device's log, whole as far as a bounded look can tell.

The last commits and everything after the last snapshot are read, hashed and led to the signed checkpoint; the file's
pages are checked as a whole while it is small, else the two small tables only. What passes here and is damaged all
the same is found when it is read, by the deflated stream's checksum or by the cloud, which checks every root.
"""

from __future__ import annotations

import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path

from edge.storage.connection import Connection
from edge.storage.limits import LogLimits
from edge.storage.peaks import frontier_at, new_peaks
from edge.storage.schema_v1 import APPLICATION_ID, Packing
from edge.storage.trimming import LogRow, used_bytes
from edge.wire.checkpoint import Checkpoint
from edge.wire.errors import WireError
from edge.wire.event import LogIdentity
from edge.wire.ids import MAX_SAFE_INTEGER, check_hex_id, origin_of
from edge.wire.keys import verify
from edge.wire.merkle import Frontier, leaf_hash

CHECKED_COMMITS = 16
_MAX_BOOTS = 2**32
_HEADER_BYTES = 100


class LogDamaged(Exception):
    """The file is not this device's log, or not whole; `reason` is the code that the new stream states."""

    def __init__(self, reason: str, detail: str) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}")


def check_header(path: Path) -> None:
    """A format version that no SQLite writes: one flipped bit there, and the file opens for reading only.

    Raises:
        LogDamaged: write or read version above 2 (SQLite file format, section 1.3.3).
    """
    try:
        with path.open("rb") as file:
            versions = file.read(_HEADER_BYTES)[18:20]
    except FileNotFoundError:
        return
    if any(version > 2 for version in versions):
        raise LogDamaged("damaged_file", f"format versions {versions.hex(' ')}")


@dataclass(frozen=True, slots=True)
class Found:
    """A verified log: who wrote it and where it ends."""

    identity: LogIdentity
    log: LogRow
    frontier: Frontier
    signature: bytes
    snapshot_size: int


def check_pages(connection: Connection, limits: LogLimits) -> None:
    """Let SQLite check the file's structure: all of it up to `full_check_bytes`, else the small tables."""
    whole = used_bytes(connection) <= limits.full_check_bytes
    for scope in ("",) if whole else ("('log')", "('snapshot')"):
        (answer,) = connection.execute(f"PRAGMA quick_check{scope or '(1)'}").fetchone()
        if answer != "ok":
            raise LogDamaged("damaged_pages", str(answer))


def find(connection: Connection, fleet: str, device_id: str, public: bytes) -> Found:
    """Read and verify what the file holds.

    Raises:
        LogDamaged: it is not this device's log, or events, peaks and checkpoint do not agree.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        raise LogDamaged("not_an_event_log", f"application id {application}")
    row = connection.execute("SELECT * FROM log").fetchone()
    if row is None:
        raise LogDamaged("no_log_row", "the file names no stream")
    try:
        return _verified(connection, row, fleet, device_id, public)
    except (WireError, zlib.error) as error:
        raise LogDamaged("events_and_checkpoint_differ", str(error)) from error


def _verified(connection: Connection, row: tuple, fleet: str, device_id: str, public: bytes) -> Found:  # type: ignore[type-arg]
    _, its_fleet, its_device, its_public, stream, boot, base_size, base_peaks, receipt, receipted_size, floor_at_ms = (
        row
    )
    if (its_fleet, its_device, bytes(its_public)) != (fleet, device_id, public):
        raise LogDamaged("other_device", f"written by {its_fleet}/{its_device} or with another key")
    identity = LogIdentity(fleet, device_id, stream, boot)
    base = Frontier.from_bytes(base_size, bytes(base_peaks))
    snapshot = connection.execute("SELECT size FROM snapshot").fetchone()
    frontier, signature = _walk_tail(connection, identity, base, snapshot[0] if snapshot else base_size, public)
    if receipted_size > frontier.size or (snapshot and not base_size <= snapshot[0] <= frontier.size):
        raise LogDamaged("sizes_differ", "a receipt or snapshot lies outside the events held")
    log = LogRow(base, bytes(receipt), receipted_size, floor_at_ms)
    return Found(identity, log, frontier, signature, snapshot[0] if snapshot else 0)


def _walk_tail(
    connection: Connection, identity: LogIdentity, base: Frontier, needed_from: int, public: bytes
) -> tuple[Frontier, bytes]:
    """Hash the tail and return the frontier and signature that it ends with."""
    start = min(needed_from, _tail_start(connection, base.size))
    frontier = frontier_at(connection, base, start)
    packing = Packing(identity.fleet, identity.device_id, identity.stream)
    rows = connection.execute(
        "SELECT first, count, events, new_peaks, root, signature FROM commits WHERE first >= ? ORDER BY first", (start,)
    )
    last = b""
    for first, count, packed, peaks, root, signature in rows.fetchall():
        events = packing.unpack(packed)
        if first != frontier.size or count != len(events):
            raise LogDamaged("events_missing", f"after event {frontier.size}")
        frontier = frontier.append(map(leaf_hash, events))
        if root != frontier.root() or peaks != new_peaks(frontier, first):
            raise LogDamaged("events_and_checkpoint_differ", f"in the commit at {first}")
        last = bytes(signature)
    if not last:
        raise LogDamaged("events_missing", f"none after {start}")
    origin = origin_of(identity.fleet, identity.device_id, identity.stream)
    verify(public, last, Checkpoint(origin, frontier.size, frontier.root()).text(), where="checkpoint")
    return frontier, last


def _tail_start(connection: Connection, base_size: int) -> int:
    rows = connection.execute(
        "SELECT first FROM commits WHERE first >= ? ORDER BY first DESC LIMIT ?", (base_size, CHECKED_COMMITS)
    ).fetchall()
    return int(rows[-1][0]) if rows else base_size


def former_head(connection: Connection) -> tuple[str | None, int | None, int]:
    """What a damaged file still says of its stream, size and boot, where it is plausible; nothing is verified.

    The time floor is not taken over: a wrong one would lock the device in the future, and a new stream opens to
    staff only until signed cloud time has come.
    """
    stream: str | None = None
    size: int | None = None
    boot = 0
    try:
        name, number = connection.execute("SELECT stream, boot FROM log").fetchone()
        boot = number if type(number) is int and 0 < number < _MAX_BOOTS else 0
        stream = check_hex_id(name, where="stream")
        (end,) = connection.execute("SELECT first + count FROM commits ORDER BY first DESC LIMIT 1").fetchone()
        size = end if type(end) is int and 0 < end <= MAX_SAFE_INTEGER else None
    except (sqlite3.Error, UnicodeDecodeError, TypeError, WireError):
        pass
    return stream, size, boot
