"""The database as two calls: `write(fn)` and `read(fn)`, each one transaction around a sync `fn(conn)`.

Store functions are written once against a SQLAlchemy `Connection`, and run on SQLite in a writer thread, on
PostgreSQL over asyncpg, and inline in the fleet simulation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool, StaticPool

from cloud_bridge.errors import ConfigError, StoreFailed

T = TypeVar("T")
_READERS = 4
_BUSY_TIMEOUT_MS = 10_000


class Database(Protocol):
    """One store. A raised exception rolls the transaction back; a normal return means committed and durable."""

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one writing transaction.

        Raises:
            StoreFailed: the database refused or vanished; nothing was written.
        """
        ...

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one reading transaction: a consistent snapshot, nothing may be written."""
        ...

    async def close(self) -> None: ...


def open_database(url: str) -> Database:
    """Open `sqlite:///path` or `postgresql://user@host/name`; nothing is created or migrated yet.

    Raises:
        ConfigError: another scheme.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return SqliteDatabase(parsed)
    if backend == "postgresql":
        return PostgresDatabase(parsed)
    raise ConfigError(
        f"no support for {backend}", where="database", remedy="Use sqlite:///FILE or postgresql://USER@HOST/NAME."
    )


def sqlite_engine(url: URL, *, begin: str, pool_size: int = 1) -> Engine:
    """A sync SQLite engine: WAL, synchronous=FULL, foreign keys on; every transaction opens with `begin`."""
    memory = url.database in (None, "", ":memory:")
    pool: dict[str, Any] = {"poolclass": StaticPool} if memory else {"poolclass": QueuePool, "pool_size": pool_size}
    engine = create_engine(url.set(drivername="sqlite"), connect_args={"check_same_thread": False}, **pool)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={_BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _transact(engine: Engine, fn: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return fn(connection)
    except DBAPIError as error:
        raise _failed(error) from error


def _failed(error: DBAPIError) -> StoreFailed:
    return StoreFailed(str(error.orig)[:300], where="database", remedy="Check the database; the work can be repeated.")


class SqliteDatabase:
    """SQLite with one writer thread and a few readers: one hop between threads per transaction."""

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise ConfigError("an in-memory database has no readers", where="database", remedy="Use InlineDatabase.")
        self._writer = sqlite_engine(url, begin="BEGIN IMMEDIATE")
        self._reader = sqlite_engine(url, begin="BEGIN", pool_size=_READERS)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")

    async def write(self, fn: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._write_thread, _transact, self._writer, fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, _transact, self._reader, fn)

    async def close(self) -> None:
        self._read_threads.shutdown()
        self._write_thread.shutdown()
        self._reader.dispose()
        self._writer.dispose()


class PostgresDatabase:
    """PostgreSQL over asyncpg; `fn` runs in a greenlet whose statements await the driver."""

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"), pool_size=8, max_overflow=8, pool_pre_ping=True
        )

    async def write(self, fn: Callable[[Connection], T]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(fn)
        except (DBAPIError, OSError) as error:
            raise self._failed(error) from error

    async def read(self, fn: Callable[[Connection], T]) -> T:
        try:
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
                return await connection.run_sync(fn)
        except (DBAPIError, OSError) as error:
            raise self._failed(error) from error

    async def close(self) -> None:
        await self._engine.dispose()

    @staticmethod
    def _failed(error: DBAPIError | OSError) -> StoreFailed:
        return _failed(error) if isinstance(error, DBAPIError) else StoreFailed(str(error)[:300], where="database")


class InlineDatabase:
    """SQLite executed in the caller's thread, in memory (`sqlite://`) or in a file: for simulation and unit tests."""

    def __init__(self, url: str = "sqlite://") -> None:
        self.engine = sqlite_engine(make_url(url), begin="BEGIN IMMEDIATE")

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        """`write` for callers without an event loop."""
        return _transact(self.engine, fn)

    async def write(self, fn: Callable[[Connection], T]) -> T:
        return _transact(self.engine, fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        return _transact(self.engine, fn)

    async def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.engine.dispose()
