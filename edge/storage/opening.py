"""Opening the event log: create it, resume it, or set a damaged one aside and begin a new stream."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from edge.errors import StorageFailed
from edge.ports import LogHead, Random
from edge.storage.ballast import Ballast
from edge.storage.connection import Connection, connect, is_damage, prepare, typed
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.schema_v1 import DDL, VERSION
from edge.storage.tail_check import LogDamaged, check_header, check_pages, find, former_head
from edge.wire.event import EventDraft, LogIdentity, format_time
from edge.wire.ids import check_hex_id
from edge.wire.keys import Signer

L = TypeVar("L")
_WHERE = "event log"
_DATABASE = "events.db"
_PLAUSIBLE_VERSION = 99


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose log it is, and the key that signs it."""

    fleet: str
    device_id: str
    signer: Signer


@dataclass(frozen=True, slots=True)
class Start:
    """What opening may not find out by itself: randomness for a new stream's id, and the time to write into it."""

    random: Random
    at_ms: int


@dataclass(frozen=True, slots=True)
class Former:
    """What is known of the stream before: its head is as the damaged file states it, unverified."""

    reason: str
    detail: str = ""
    stream: str | None = None
    size: int | None = None
    boot: int = 0


@dataclass(frozen=True, slots=True)
class Recovery:
    """The former log could not be continued: what was wrong, and where it lies now (None: nothing was left)."""

    former: Former
    set_aside: Path | None


@dataclass(frozen=True, slots=True)
class OpenedLog(Generic[L]):
    """An open log with what the state is rebuilt from: `snapshot` covers `snapshot_size` events, `tail` the rest."""

    log: L
    head: LogHead
    snapshot: bytes | None
    snapshot_size: int
    tail: list[bytes]
    floor_at_ms: int
    recovery: Recovery | None


def open_event_log(
    path: Path | None, owner: Owner, start: Start, adapter: Callable[[EventStore], L], limits: LogLimits = LogLimits()
) -> OpenedLog[L]:
    """Open the log in folder `path` (None: in memory), with the boot counter durably raised.

    A folder that cannot be continued is renamed to `<path>.<time>.<reason>` and a new stream begins, whose first
    events say so.

    Raises:
        StorageFailed: permissions, I/O, another process, or a file of a newer release. Nothing was changed.
        StorageFull: no space for the boot record.
    """
    if path is None:
        return _opened(open_store(connect(None), owner, start, limits, Ballast(None, 0)), adapter, None)
    try:
        return _open_folder(path, owner, start, adapter, limits)
    except OSError as error:
        remedy = "Check the disk, the folder's owner and its permissions."
        raise StorageFailed(str(error), where=_WHERE, remedy=remedy) from error


def _open_folder(
    path: Path, owner: Owner, start: Start, adapter: Callable[[EventStore], L], limits: LogLimits
) -> OpenedLog[L]:
    ballast = Ballast(path.with_name(path.name + ".ballast"), limits.ballast_bytes)
    known = _known_stream(path)
    try:
        if path.exists() and not path.is_dir():
            raise LogDamaged("not_an_event_log", "not a folder")
        former = Former("file_missing", "", known) if known else None
        store = _open_file(path, owner, start, limits, ballast, former)
        recovery = Recovery(former, None) if former and store.is_new else None
    except (LogDamaged, _Damaged) as damage:
        former = damage.former if isinstance(damage, _Damaged) else Former(damage.reason, damage.detail)
        if former.stream is None:
            former = Former(former.reason, former.detail, known, None, former.boot)
        recovery = Recovery(former, _set_aside(path, start.at_ms, former.reason))
        store = _open_file(path, owner, start, limits, ballast, former)
    _remember_stream(path, store.identity.stream)
    ballast.restore()
    return _opened(store, adapter, recovery)


class _Damaged(Exception):
    def __init__(self, former: Former) -> None:
        self.former = former
        super().__init__(former.reason)


def _open_file(
    path: Path, owner: Owner, start: Start, limits: LogLimits, ballast: Ballast, former: Former | None
) -> EventStore:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_header(path / _DATABASE)
    try:
        connection = connect(path / _DATABASE)
    except sqlite3.Error as error:
        raise typed(error, _WHERE) from error
    try:
        store = open_store(connection, owner, start, limits, ballast, former)
    except LogDamaged as damage:
        stream, size, boot = former_head(connection)
        connection.close()
        raise _Damaged(Former(damage.reason, damage.detail, stream, size, boot)) from damage
    except BaseException:
        connection.close()
        raise
    _sync_folder(path)
    return store


def open_store(
    connection: Connection,
    owner: Owner,
    start: Start,
    limits: LogLimits,
    ballast: Ballast,
    former: Former | None = None,
) -> EventStore:
    """Resume or create the log on an open connection; an empty database becomes a new stream.

    Raises:
        LogDamaged: the database holds something else, or a log that is not whole.
        StorageFailed, StorageFull: as in `open_event_log`.
    """
    try:
        prepare(connection, limits)
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if not 0 <= version <= _PLAUSIBLE_VERSION:
            raise LogDamaged("damaged_file", f"schema version {version}")
        if version > VERSION:
            remedy = "Install the release that wrote it, or a newer one."
            raise StorageFailed(f"schema version {version}, this release knows {VERSION}", where=_WHERE, remedy=remedy)
        pages = limits.max_file_bytes // limits.page_bytes
        connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        if version == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            return _create(connection, owner, start, limits, ballast, former)
        check_pages(connection, limits)
        return _resume(connection, owner, limits, ballast)
    except sqlite3.Error as error:
        if is_damage(error) or getattr(error, "sqlite_errorcode", None) in (None, sqlite3.SQLITE_ERROR):
            raise LogDamaged("damaged_file", str(error)) from error
        raise typed(error, _WHERE) from error
    except (UnicodeDecodeError, TypeError) as error:  # names or values that only a damaged page can hold
        raise LogDamaged("damaged_file", str(error)) from error


def _resume(connection: Connection, owner: Owner, limits: LogLimits, ballast: Ballast) -> EventStore:
    found = find(connection, owner.fleet, owner.device_id, owner.signer.public)
    now = LogIdentity(owner.fleet, owner.device_id, found.identity.stream, found.identity.boot + 1)
    store = EventStore(connection, now, owner.signer, limits, ballast)
    store.resume(found.log, found.frontier, found.signature, found.snapshot_size)
    store.record_boot()
    return store


def _create(
    connection: Connection, owner: Owner, start: Start, limits: LogLimits, ballast: Ballast, former: Former | None
) -> EventStore:
    """Schema, log row and first events in one transaction: a log exists whole or not at all."""
    boot = former.boot + 1 if former else 1
    identity = LogIdentity(owner.fleet, owner.device_id, start.random.token(16).hex(), boot)
    log = (owner.fleet, owner.device_id, owner.signer.public, identity.stream, boot, b"", b"")
    insert = ("INSERT INTO log VALUES (1, ?, ?, ?, ?, ?, 0, ?, ?, 0, 0)", log)
    store = EventStore(connection, identity, owner.signer, limits, ballast)
    store.commit(_first_events(former, start.at_ms), [*((sql, ()) for sql in DDL), insert], reserve=True)
    return store


def _first_events(former: Former | None, at_ms: int) -> list[EventDraft]:
    if former is None:
        return [EventDraft("stream_started", {"reason": "first_start"}, at_ms, "floor")]
    data: dict[str, object] = {"reason": former.reason}
    if former.stream is not None:
        data["former_stream"] = former.stream
    if former.size is not None:
        data["former_size"] = former.size
    end = f"it had {former.size} events" if former.size is not None else "how many it had is unknown"
    detail = f"Events of the former log that have no receipt may be missing; {end}."
    return [
        EventDraft("stream_started", data, at_ms, "floor"),
        EventDraft("log_recovered", {"reason": former.reason, "detail": detail}, at_ms, "floor"),
    ]


def _opened(store: EventStore, adapter: Callable[[EventStore], L], recovery: Recovery | None) -> OpenedLog[L]:
    snapshot, snapshot_size, tail = store.load()
    return OpenedLog(adapter(store), store.head(), snapshot, snapshot_size, tail, store.floor_at_ms, recovery)


def _set_aside(path: Path, at_ms: int, reason: str) -> Path:
    """Rename the folder as a whole (the database without its write-ahead log would be another, older log)."""
    stamp = format_time(at_ms).replace(":", "").replace("-", "")
    target = path.with_name(f"{path.name}.{stamp}.{reason}")
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.{stamp}.{reason}.{number}")
    path.rename(target)
    _sync_folder(path.parent)
    return target


def _known_stream(path: Path) -> str | None:
    """The stream that last lived at `path`, from a file beside it that outlives the folder."""
    try:
        return check_hex_id(path.with_name(path.name + ".stream").read_text().strip(), where="stream")
    except (OSError, ValueError):
        return None


def _remember_stream(path: Path, stream: str) -> None:
    if _known_stream(path) == stream:
        return
    target = path.with_name(path.name + ".stream")
    draft = path.with_name(path.name + ".stream.new")
    with contextlib.suppress(OSError), draft.open("w") as file:
        file.write(stream + "\n")
        file.flush()
        os.fsync(file.fileno())
        draft.replace(target)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
