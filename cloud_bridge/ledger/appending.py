"""Appending an accepted batch to the ledger: head, positions, rows and checkpoint, all or nothing.

`position` is handed out under the lock of `ledger_clock`'s one row, so it is gapless and rises in commit order: a
reader that has seen position n never misses a smaller one. Every statement costs a round trip, the more the longer that
lock is held: PostgreSQL gets one statement for all. SQLite knows none that changes four tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from cloud_bridge.ledger.model import StreamHead
from cloud_bridge.ledger.tables import events
from cloud_bridge.storage.prepared import run_sqlite
from edge.wire.expected_event import KnownEvent
from edge.wire.merkle import Frontier

EventRow = tuple[int, int, int, str, int, int, bool, str | None, int | None, bytes]
EVENT_COLUMNS = tuple(column.name for column in events.columns)
_ROWS_A_STATEMENT = 50
_VALUES_A_ROW = 5


@dataclass(frozen=True, slots=True)
class NewBatch:
    """`raws` follow `head` and lead to `frontier`; `known` runs beside them, None where an event was not understood.

    What happened before `late_before_ms` is late.
    """

    head: StreamHead
    frontier: Frontier
    receipt: bytes
    raws: Sequence[bytes]
    known: Sequence[KnownEvent | None]
    now_ms: int
    late_before_ms: int


class Appended(NamedTuple):
    """The batch's first position, and the stream's `superseded_at_ms` now: a cached head may be older than that."""

    first_position: int
    superseded_at_ms: int | None


def append_batch(conn: Connection, batch: NewBatch, condition: str) -> Appended | None:
    """Append it all; None, and nothing is written, when the head has moved or the condition does not hold.

    Args:
        condition: SQL on the row of `streams` that must be true as well.
    """
    return (_append_at_once if conn.dialect.name == "postgresql" else _append_in_turn)(conn, batch, condition)


def _append_in_turn(conn: Connection, batch: NewBatch, condition: str) -> Appended | None:
    no, frontier, now_ms = batch.head.stream_no, batch.frontier, batch.now_ms
    peaks, count = frontier.to_bytes(), len(batch.raws)
    moved = run_sqlite(
        conn,
        _ADVANCE.format(condition=condition),
        (frontier.size, peaks, batch.receipt, now_ms, no, batch.head.cursor, batch.head.frontier.to_bytes()),
    ).fetchall()
    if not moved:
        return None
    first = run_sqlite(conn, _TAKE, (count,)).fetchall()[0][0] - count
    _insert_events(conn, batch, first)
    run_sqlite(conn, _NOTE, (no, frontier.size, peaks, batch.receipt, now_ms))
    return Appended(first, moved[0][0])


def _insert_events(conn: Connection, batch: NewBatch, first: int) -> None:
    """Some rows a statement: at each the driver gives the interpreter away and must get it back."""
    values: list[Any] = []
    not_understood = ("", batch.now_ms, None, None)
    for raw, known in zip(batch.raws, batch.known, strict=True):
        values += known[:4] if known else not_understood
        values.append(raw)
    no, cursor, step = batch.head.stream_no, batch.head.cursor, _ROWS_A_STATEMENT
    for done in range(0, len(batch.raws), step):
        some = values[done * _VALUES_A_ROW : (done + step) * _VALUES_A_ROW]
        common = (first + done, no, cursor + done, batch.now_ms, batch.late_before_ms)
        run_sqlite(conn, _insert_sql(len(some) // _VALUES_A_ROW), (*common, *some))


@lru_cache(maxsize=_ROWS_A_STATEMENT)
def _insert_sql(count: int) -> str:
    """Position, stream, seq, now and limit of lateness are bound once; each row adds type, time, parcel, place, raw."""
    rows = []
    for n in range(count):
        type_, at_ms, parcel, compartment, raw = (f"?{6 + _VALUES_A_ROW * n + k}" for k in range(_VALUES_A_ROW))
        rows.append(f"(?1+{n},?2,?3+{n},{type_},{at_ms},?4,{at_ms}<?5,{parcel},{compartment},{raw})")
    return f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES {','.join(rows)}"


_ADVANCE = (
    "UPDATE streams SET size = ?, peaks = ?, receipt = ?, updated_at_ms = ?, mismatches = 0"
    " WHERE stream_no = ? AND size = ? AND peaks = ? AND {condition} RETURNING superseded_at_ms"
)
_TAKE = "UPDATE ledger_clock SET next_position = next_position + ? WHERE id = 1 RETURNING next_position"
_NOTE = "INSERT INTO checkpoints (stream_no, size, peaks, receipt, accepted_at_ms) VALUES (?, ?, ?, ?, ?)"


def _append_at_once(conn: Connection, batch: NewBatch, condition: str) -> Appended | None:
    head, frontier = batch.head, batch.frontier
    not_understood = ("", batch.now_ms, None, None)
    facts = [known[:4] if known else not_understood for known in batch.known]
    row = conn.exec_driver_sql(
        _at_once_sql(condition),
        (
            head.stream_no, head.cursor, head.frontier.to_bytes(), frontier.size, frontier.to_bytes(), batch.receipt,
            batch.now_ms, batch.late_before_ms, *zip(*facts, strict=True), batch.raws,
        ),
    ).one_or_none()  # fmt: skip
    return None if row is None else Appended(*row)


@lru_cache(maxsize=8)
def _at_once_sql(condition: str) -> str:
    """`taken` waits for `moved`, and what follows for `taken`: nothing is locked or written when the head has moved."""
    return f"""
WITH moved AS (
  UPDATE streams SET size = $4::bigint, peaks = $5::bytea, receipt = $6::bytea, updated_at_ms = $7::bigint,
    mismatches = 0
  WHERE stream_no = $1::bigint AND size = $2::bigint AND peaks = $3::bytea AND {condition}
  RETURNING superseded_at_ms
), taken AS (
  UPDATE ledger_clock SET next_position = next_position + ($4::bigint - $2::bigint)
  WHERE id = 1 AND EXISTS (SELECT 1 FROM moved)
  RETURNING next_position - ($4::bigint - $2::bigint) AS first
), noted AS (
  INSERT INTO checkpoints (stream_no, size, peaks, receipt, accepted_at_ms)
  SELECT $1::bigint, $4::bigint, $5::bytea, $6::bytea, $7::bigint FROM taken
), stored AS (
  INSERT INTO events ({", ".join(EVENT_COLUMNS)})
  SELECT taken.first + n - 1, $1::bigint, $2::bigint + n - 1, new.type, new.at_ms, $7::bigint,
    new.at_ms < $8::bigint, new.parcel_id, new.compartment_no, new.raw
  FROM taken, unnest($9::text[], $10::bigint[], $11::text[], $12::bigint[], $13::bytea[])
    WITH ORDINALITY AS new (type, at_ms, parcel_id, compartment_no, raw, n)
)
SELECT taken.first, moved.superseded_at_ms FROM moved, taken
"""
