"""Statements of the busy paths: built and compiled once, then run without SQLAlchemy's work around every execution.

A statement stays written in SQLAlchemy's terms, once for both dialects. Its SQL text and the order of its values are
made at the first use on each; on SQLite it then runs on the driver's own cursor, which takes a fifth of the time.
Rows come back as plain named tuples: a flag is 0 or 1 on SQLite.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

NO_VALUES: Mapping[str, Any] = {}


class _Compiled(NamedTuple):
    """SQL text, and for each place in it the name of its value and what stands there when none is given."""

    sql: str
    places: tuple[tuple[str, Any], ...]
    row: Callable[[Sequence[Any]], Any]

    def arguments(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple([values.get(name, default) for name, default in self.places])


@dataclass(slots=True)
class Prepared:
    """One statement. Every value that it binds by name must be given; use inside a transaction only."""

    statement: Executable
    _sqlite: _Compiled | None = None
    _postgresql: _Compiled | None = None

    def all(self, conn: Connection, values: Mapping[str, Any] = NO_VALUES) -> list[Any]:
        """Every row."""
        if conn.dialect.name != "sqlite":
            compiled = self._on_postgresql(conn)
            rows = conn.exec_driver_sql(compiled.sql, compiled.arguments(values)).all()
            return [compiled.row(row) for row in rows]
        compiled = self._on_sqlite(conn)
        return [compiled.row(row) for row in run_sqlite(conn, compiled.sql, compiled.arguments(values)).fetchall()]

    def first(self, conn: Connection, values: Mapping[str, Any] = NO_VALUES) -> Any | None:
        """The first row, or None."""
        rows = self.all(conn, values)
        return rows[0] if rows else None

    def scalar(self, conn: Connection, values: Mapping[str, Any] = NO_VALUES) -> Any:
        """The first row's first value, or None."""
        rows = self.all(conn, values)
        return rows[0][0] if rows else None

    def run(self, conn: Connection, values: Mapping[str, Any] = NO_VALUES) -> int:
        """How many rows it changed."""
        if conn.dialect.name != "sqlite":
            compiled = self._on_postgresql(conn)
            return conn.exec_driver_sql(compiled.sql, compiled.arguments(values)).rowcount
        compiled = self._on_sqlite(conn)
        return int(run_sqlite(conn, compiled.sql, compiled.arguments(values)).rowcount)

    def _on_sqlite(self, conn: Connection) -> _Compiled:
        if self._sqlite is None:
            self._sqlite = _compile(self.statement, conn)
        return self._sqlite

    def _on_postgresql(self, conn: Connection) -> _Compiled:
        if self._postgresql is None:
            self._postgresql = _compile(self.statement, conn)
        return self._postgresql


def run_sqlite(conn: Connection, sql: str, arguments: Sequence[Any] = ()) -> Any:
    """Run on the driver's connection, in the transaction that stands; its errors are those of SQLAlchemy.

    Raises:
        DBAPIError: as SQLAlchemy itself would say it.
    """
    try:
        return conn.connection.dbapi_connection.execute(sql, arguments)  # type: ignore[union-attr]
    except conn.dialect.loaded_dbapi.Error as error:
        _refuse(conn, sql, error)


def _refuse(conn: Connection, sql: str, error: Exception) -> NoReturn:
    base = conn.dialect.loaded_dbapi.Error
    raise DBAPIError.instance(sql, None, error, base, dialect=conn.dialect) from error


def _compile(statement: Executable, conn: Connection) -> _Compiled:
    compiled = statement.compile(dialect=conn.dialect)  # type: ignore[attr-defined]
    if compiled.post_compile_params:
        raise TypeError("each name of a prepared statement stands for one value: no lists")
    places = tuple((name, compiled.params[name]) for name in compiled.positiontup or ())
    columns = [str(column.key) for column in getattr(statement, "selected_columns", ())]
    columns = columns or [str(column.key) for column in getattr(statement, "_returning", ())]
    return _Compiled(str(compiled), places, namedtuple("Row", columns, rename=True)._make)  # type: ignore[misc]
