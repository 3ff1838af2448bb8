"""Everything in which SQLite and PostgreSQL differ, beyond the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, LargeBinary, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

_ARRAY_TYPES = {BigInteger: "bigint[]", Text: "text[]", LargeBinary: "bytea[]", Boolean: "boolean[]"}


def upsert(
    conn: Connection, table: Table, values: Mapping[str, Any], *, keys: Sequence[str], change: Sequence[str]
) -> bool:
    """Insert a row or, when its `keys` exist, set the columns `change` (none: leave it). True: a row was written."""
    dialect = postgresql if conn.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(dict(values))
    if change:
        settings = {name: statement.excluded[name] for name in change}
        statement = statement.on_conflict_do_update(index_elements=list(keys), set_=settings)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(keys))
    return conn.execute(statement).rowcount > 0


def bulk_insert(conn: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert many full rows, their values in the order of the table's columns.

    SQLite runs one prepared statement for each row; PostgreSQL gets one array for each column and unnests them.
    """
    if not rows:
        return
    statement = _insert_sql(table, conn.dialect.name)
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))
    else:
        conn.exec_driver_sql(statement, list(rows))


@lru_cache(maxsize=64)
def _insert_sql(table: Table, dialect: str) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    if dialect == "postgresql":
        arrays = [f"${number}::{_array_type(column.type)}" for number, column in enumerate(table.columns, 1)]
        return f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({', '.join(arrays)})"
    marks = ", ".join("?" for _ in table.columns)
    return f"INSERT INTO {table.name} ({names}) VALUES ({marks})"


def _array_type(kind: Any) -> str:
    for wanted, name in _ARRAY_TYPES.items():
        if isinstance(kind, wanted):
            return name
    raise TypeError(f"no array type for {kind!r}")
