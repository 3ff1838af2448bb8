"""Everything in which SQLite and PostgreSQL differ, beyond the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, LargeBinary, Table, Text, bindparam
from sqlalchemy.dialects import postgresql, sqlite

from cloud_bridge.storage.prepared import Prepared

_ARRAY_TYPES = {BigInteger: "bigint[]", Text: "text[]", LargeBinary: "bytea[]", Boolean: "boolean[]"}
_ROWS_A_STATEMENT = 50


def upsert(
    conn: Connection, table: Table, values: Mapping[str, Any], *, keys: Sequence[str], change: Sequence[str]
) -> bool:
    """Insert a row or, when its `keys` exist, set the columns `change` (none: leave it). True: a row was written."""
    return _upsert(conn.dialect.name, table, tuple(values), tuple(keys), tuple(change)).run(conn, values) > 0


@lru_cache(maxsize=128)
def _upsert(
    name: str, table: Table, columns: tuple[str, ...], keys: tuple[str, ...], change: tuple[str, ...]
) -> Prepared:
    """Built once for each shape: making such a statement costs more than running it."""
    dialect = postgresql if name == "postgresql" else sqlite
    statement = dialect.insert(table).values({column: bindparam(column) for column in columns})
    if change:
        settings = {name: statement.excluded[name] for name in change}
        return Prepared(statement.on_conflict_do_update(index_elements=list(keys), set_=settings))
    return Prepared(statement.on_conflict_do_nothing(index_elements=list(keys)))


def bulk_insert(conn: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert many full rows, their values in the order of the table's columns.

    SQLite takes some rows in each statement: at every statement the driver gives the interpreter away and must get it
    back, which costs most of the time when other threads compute. PostgreSQL unnests one array for each column.
    """
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(_unnest_sql(table), tuple(list(column) for column in zip(*rows, strict=True)))
        return
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        some = rows[start : start + _ROWS_A_STATEMENT]
        conn.exec_driver_sql(_values_sql(table, len(some)), tuple(chain.from_iterable(some)))


@lru_cache(maxsize=64)
def _unnest_sql(table: Table) -> str:
    arrays = [f"${number}::{_array_type(column.type)}" for number, column in enumerate(table.columns, 1)]
    return f"INSERT INTO {table.name} ({_names(table)}) SELECT * FROM unnest({', '.join(arrays)})"


@lru_cache(maxsize=256)
def _values_sql(table: Table, count: int) -> str:
    row = f"({', '.join('?' for _ in table.columns)})"
    return f"INSERT INTO {table.name} ({_names(table)}) VALUES {', '.join([row] * count)}"


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _array_type(kind: Any) -> str:
    for wanted, name in _ARRAY_TYPES.items():
        if isinstance(kind, wanted):
            return name
    raise TypeError(f"no array type for {kind!r}")
