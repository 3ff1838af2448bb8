"""The one connection to the log's file: how it is opened, prepared, and what its errors mean.

Exactly one connection exists: locking is exclusive, so a second process is refused, no shared-memory file is
needed, and the defect of SQLite 3.7.0 to 3.51.2 that needs two connections to a WAL cannot occur.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from edge.errors import EdgeError, StorageFailed, StorageFull
from edge.storage.limits import LogLimits

_DAMAGE = frozenset([sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB])


class Cursor(Protocol):
    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """What the store needs from a database connection; errors are `sqlite3.Error` with `sqlite_errorcode`."""

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor: ...

    def close(self) -> None: ...


def connect(file: Path | None) -> sqlite3.Connection:
    """A connection in autocommit mode that any one thread at a time may use; None stands for memory."""
    return sqlite3.connect(
        ":memory:" if file is None else file, timeout=0, isolation_level=None, check_same_thread=False
    )


def prepare(connection: Connection, limits: LogLimits) -> None:
    """Set what durability rests on: write-ahead log, a sync on every commit, one exclusive connection."""
    for pragma in (
        f"page_size = {limits.page_bytes}",
        "locking_mode = EXCLUSIVE",
        "journal_mode = WAL",
        "synchronous = FULL",
        "fullfsync = ON",
        f"journal_size_limit = {limits.wal_limit_bytes}",
        f"wal_autocheckpoint = {limits.wal_pages}",
        "temp_store = MEMORY",
        "cache_size = -512",
        "trusted_schema = OFF",
        "cell_size_check = ON",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's contents are wrong, as opposed to the disk, its permissions or its space."""
    code = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _DAMAGE or code == sqlite3.SQLITE_IOERR_SHORT_READ


def typed(error: sqlite3.Error, where: str, is_space_short: Callable[[], bool] = lambda: False) -> EdgeError:
    """The typed error that this database error means to the device.

    SQLite calls a full disk full, but a quota or a size limit an I/O error; then `is_space_short` decides.
    """
    extended = getattr(error, "sqlite_errorcode", 0)
    code = extended & 0xFF
    if code == sqlite3.SQLITE_FULL or (extended == sqlite3.SQLITE_IOERR_WRITE and is_space_short()):
        return StorageFull(str(error), where=where, remedy="Free space; the log goes on by itself.")
    if is_damage(error):
        return StorageFailed(str(error), where=where, remedy="Restart: the damaged file is then set aside.")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageFailed(str(error), where=where, remedy="Stop the other process that has this log open.")
    return StorageFailed(str(error), where=where, remedy="Check the disk, the file's owner and its permissions.")
