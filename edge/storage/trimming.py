"""Which receipted commits may go: by age, then by size, custody last.

The base moves over whole commits only. Custody commits below the base stay in the file, out of reach of `read`,
as evidence for whoever examines the device, until their own age or the file's size removes them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from edge.storage.connection import Connection
from edge.storage.limits import LogLimits
from edge.storage.peaks import frontier_at
from edge.wire.merkle import Frontier

Statement = tuple[str, tuple[Any, ...]]
STEP_COMMITS = 256


@dataclass(frozen=True, slots=True)
class LogRow:
    """The single row of `log` as far as it changes."""

    base: Frontier
    receipt: bytes
    receipted_size: int
    floor_at_ms: int


@dataclass(frozen=True, slots=True)
class TrimPlan:
    """One transaction's work: the statements, and the base after them."""

    statements: tuple[Statement, ...]
    base: Frontier


def plan(connection: Connection, base: Frontier, free_to: int, limits: LogLimits, at_ms: int) -> TrimPlan | None:
    """The next step of trimming as of `at_ms`, or None when nothing may or need go; below `free_to` all may."""
    pressed = used_bytes(connection) > limits.trim_above_bytes
    keep_after_ms = None if pressed else at_ms - limits.keep_receipted_s * 1000
    base_size = _new_base(connection, base.size, free_to, keep_after_ms)
    expired = _expired_custody(connection, base.size, at_ms - limits.keep_custody_s * 1000)
    if pressed and base_size == base.size:
        expired = _oldest_below(connection, base_size)
    statements: list[Statement] = []
    if expired:
        statements.append(("DELETE FROM commits WHERE first <= ?", (expired[-1],)))
    if base_size != base.size:
        passed = (base.size, base_size)
        base = frontier_at(connection, base, base_size)
        statements.append(("DELETE FROM commits WHERE first >= ? AND first < ? AND custody = 0", passed))
        statements.append(("UPDATE log SET base_size = ?, base_peaks = ?", (base.size, base.to_bytes())))
    return TrimPlan(tuple(statements), base) if statements else None


def used_bytes(connection: Connection) -> int:
    """Bytes of the file in use, free pages not counted."""
    pages, free, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * page_bytes)


def _new_base(connection: Connection, base_size: int, free_to: int, before_ms: int | None) -> int:
    """Where the base may move: over at most one step of commits that are receipted, snapshotted and old enough."""
    rows = connection.execute(
        "SELECT first + count, newest_at_ms FROM commits WHERE first >= ? ORDER BY first LIMIT ?",
        (base_size, STEP_COMMITS),
    ).fetchall()
    for end, newest_at_ms in rows:
        if end > free_to or (before_ms is not None and newest_at_ms >= before_ms):
            break
        base_size = int(end)
    return base_size


def _oldest_below(connection: Connection, base_size: int) -> list[int]:
    sql = "SELECT first FROM commits WHERE first < ? ORDER BY first LIMIT ?"
    return [first for (first,) in connection.execute(sql, (base_size, STEP_COMMITS)).fetchall()]


def _expired_custody(connection: Connection, base_size: int, before_ms: int) -> list[int]:
    """The oldest custody commits below the base, up to the first one that is still young."""
    sql = "SELECT first, newest_at_ms FROM commits WHERE first < ? ORDER BY first LIMIT ?"
    rows = connection.execute(sql, (base_size, STEP_COMMITS)).fetchall()
    return [first for first, _ in itertools.takewhile(lambda row: row[1] < before_ms, rows)]
