"""The database of the fleet simulation and of unit tests: SQLite in the caller's thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from cloud_bridge.storage.engine import sqlite_engine, store_failed

T = TypeVar("T")


class InlineDatabase:
    """A `Database` in memory (`sqlite://`) or in a file.

    One connection, kept: taking it from a pool and giving it back costs as much as a small transaction.
    """

    def __init__(self, url: str = "sqlite://") -> None:
        self.engine = sqlite_engine(make_url(url), begin="BEGIN IMMEDIATE")
        self._connection: Connection | None = None

    @property
    def driver_connection(self) -> Any:
        """The `sqlite3` connection in use, for whoever only looks."""
        return self._connected().connection.driver_connection

    def write_now(self, fn: Callable[[Connection], T]) -> T:
        """`write` for callers without an event loop."""
        connection = self._connected()
        try:
            with connection.begin():
                return fn(connection)
        except DBAPIError as error:
            raise store_failed(error) from error

    async def write(self, fn: Callable[[Connection], T]) -> T:
        return self.write_now(fn)

    async def write_grouped(self, fn: Callable[[Connection], T]) -> T:
        return await self.write(fn)

    async def read(self, fn: Callable[[Connection], T]) -> T:
        """Nobody else writes meanwhile, so what prepared statements read needs no transaction."""
        connection = self._connected()
        try:
            return fn(connection)
        except DBAPIError as error:
            raise store_failed(error) from error
        finally:
            if connection.in_transaction():
                connection.rollback()

    async def close(self) -> None:
        self._dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._dispose()

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self.engine.connect()
        return self._connection

    def _dispose(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self.engine.dispose()
