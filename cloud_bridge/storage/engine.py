"""The database as two calls: `write(fn)` and `read(fn)`, each one transaction around a sync `fn(conn)`.

Store functions are written once against a SQLAlchemy `Connection`, and run on SQLite in a writer thread, on
PostgreSQL over asyncpg, and inline in the fleet simulation.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool, StaticPool

from cloud_bridge.errors import ConfigError, StoreFailed
from cloud_bridge.storage.prepared import run_sqlite

T = TypeVar("T")
_READERS = 4
_MAX_GROUP = 64
_BUSY_TIMEOUT_MS = 10_000


class Database(Protocol):
    """One store. A raised exception rolls the transaction back; a normal return means committed and durable."""

    async def write(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in one writing transaction.

        Raises:
            StoreFailed: the database refused or vanished; nothing was written.
        """
        ...

    async def write_grouped(self, fn: Callable[[Connection], T]) -> T:
        """`write`, in one commit with others of its kind that wait: for many small writes whose rows nobody else locks.

        `fn` may be run a second time, after a rollback.

        Raises:
            StoreFailed: nothing was written.
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

    def _begin(connection: Any) -> None:
        connection.cursor().execute(begin)

    engine.dialect.do_begin = _begin  # type: ignore[method-assign]  # an event would cost at every statement
    return engine


def _transact(engine: Engine, fn: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return fn(connection)
    except DBAPIError as error:
        raise store_failed(error) from error


def store_failed(error: DBAPIError) -> StoreFailed:
    return StoreFailed(str(error.orig)[:300], where="database", remedy="Check the database; the work can be repeated.")


@dataclass(slots=True)
class _Work:
    """One `write` on its way: what to run, and who waits for it."""

    fn: Callable[[Connection], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


class SqliteDatabase:
    """SQLite with one writer thread and a few readers.

    Writes that wait together are committed together: each runs in a savepoint of its own, and nobody is told before
    the one commit that makes them all durable.
    """

    def __init__(self, url: URL) -> None:
        if url.database in (None, "", ":memory:"):
            raise ConfigError("an in-memory database has no readers", where="database", remedy="Use InlineDatabase.")
        self._writer = sqlite_engine(url, begin="BEGIN IMMEDIATE")
        self._reader = sqlite_engine(url, begin="BEGIN", pool_size=_READERS)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="sqlite-reader")
        self._connection: Connection | None = None
        self._waiting: deque[_Work] = deque()
        self._asked = False

    async def write(self, fn: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        work = _Work(fn, loop.create_future())
        self._waiting.append(work)
        if not self._asked:
            self._ask(loop)
        return cast(T, await work.done)

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asked = True
        self._write_thread.submit(self._commit_waiting, loop)

    def _commit_waiting(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the writer thread: run what waits (an earlier turn may have taken it all), commit, tell."""
        self._asked = False  # before the look: what comes after it asks again
        group = [self._waiting.popleft() for _ in range(min(_MAX_GROUP, len(self._waiting)))]
        if group:
            self._commit(group)
            loop.call_soon_threadsafe(_tell, group)
        if self._waiting and not self._asked:
            self._ask(loop)

    def _commit(self, group: Sequence[_Work]) -> None:
        if self._connection is None:
            self._connection = self._writer.connect()  # and kept: the pool's work costs as much as a small write
        try:
            with self._connection.begin():
                for work in group:
                    _run_in_savepoint(self._connection, work)
        except DBAPIError as error:
            failure = store_failed(error)
            for work in group:
                work.error = failure
            self._connection.close()
            self._connection = None

    async def write_grouped(self, fn: Callable[[Connection], T]) -> T:
        return await self.write(fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._read_threads, _transact, self._reader, fn)

    async def close(self) -> None:
        self._read_threads.shutdown()
        self._write_thread.shutdown()
        if self._connection is not None:
            self._connection.close()
        self._reader.dispose()
        self._writer.dispose()


def _run_in_savepoint(connection: Connection, work: _Work) -> None:
    run_sqlite(connection, "SAVEPOINT one_write")
    try:
        work.result = work.fn(connection)
    except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the one who asked, and only to them
        work.error = store_failed(error) if isinstance(error, DBAPIError) else error
        run_sqlite(connection, "ROLLBACK TO one_write")
    run_sqlite(connection, "RELEASE one_write")


def _tell(group: list[_Work]) -> None:
    for work in group:
        if work.done.cancelled():
            continue
        if work.error is not None:
            work.done.set_exception(work.error)
        else:
            work.done.set_result(work.result)


class _Unreachable(StoreFailed):
    """The server, not one statement: trying the others of a group would only take time."""


class PostgresDatabase:
    """PostgreSQL over asyncpg; `fn` runs in a greenlet whose statements await the driver.

    Grouped writes go one group after another: what arrives during one commit shares the next.
    """

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"), pool_size=8, max_overflow=8, pool_pre_ping=True
        )
        self._waiting: deque[_Work] = deque()
        self._grouping = asyncio.Lock()

    async def write(self, fn: Callable[[Connection], T]) -> T:
        try:
            async with self._engine.begin() as connection:
                return await connection.run_sync(fn)
        except (DBAPIError, OSError) as error:
            raise self._failed(error) from error

    async def write_grouped(self, fn: Callable[[Connection], T]) -> T:
        work = _Work(fn, asyncio.get_running_loop().create_future())
        self._waiting.append(work)
        async with self._grouping:  # whoever comes first commits for all who wait
            while not work.done.done():
                await self._commit_waiting(work)
        return cast(T, await work.done)

    async def _commit_waiting(self, own: _Work) -> None:
        group = [self._waiting.popleft() for _ in range(min(_MAX_GROUP, len(self._waiting)))]
        try:
            if not await self._commit(group):
                for work in group:
                    await self._commit_alone(work)
        except asyncio.CancelledError:
            self._waiting.extendleft(work for work in reversed(group) if work is not own)  # the next in line does it
            raise
        _tell(group)

    async def _commit(self, group: Sequence[_Work]) -> bool:
        """All at once, without the round trips of a savepoint for each; False when one failed: nothing is written."""

        def run(connection: Connection) -> None:
            for work in group:
                work.result = work.fn(connection)

        try:
            await self.write(run)
        except _Unreachable as error:
            for work in group:
                work.error = error
        except Exception:  # noqa: BLE001  each is run alone now, and fails or not by itself
            return False
        return True

    async def _commit_alone(self, work: _Work) -> None:
        try:
            work.result = await self.write(work.fn)
        except Exception as error:  # noqa: BLE001  whatever it is, it belongs to the one who asked
            work.error = error

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
        if isinstance(error, DBAPIError) and not error.connection_invalidated:
            return store_failed(error)
        return _Unreachable(str(error)[:300], where="database", remedy="Check the database; the work can be repeated.")
