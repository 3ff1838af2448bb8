"""What trimming removes and what it must leave."""

from __future__ import annotations

import dataclasses

import pytest

from edge.storage.event_store import EventStore
from edge.storage.limits import MAX_COMMIT_BYTES
from edge.storage.trimming import used_bytes
from edge.wire.errors import Malformed
from edge.wire.event import parse_event
from tests.log_world import SMALL, T0_MS, LogWorld, custody, door

DAY_MS = 86_400_000
SHORT = dataclasses.replace(SMALL, keep_receipted_s=10 * 86_400, keep_custody_s=100 * 86_400)


def trim_all(log: EventStore, at_ms: int) -> bool:
    """Trim until there is nothing left to do; whether there was anything."""
    steps = 0
    while log.trim(at_ms):
        steps += 1
    return steps > 0


def test_trim_without_receipt_or_snapshot_removes_nothing(memory_world: LogWorld) -> None:
    log = memory_world.open(SHORT).log
    for no in range(1, 9):
        log.append([door(no)])
    assert not trim_all(log, T0_MS + 1000 * DAY_MS)
    log.store_receipt(b"r", 9)
    assert not trim_all(log, T0_MS + 1000 * DAY_MS)
    assert log.head().base.size == 0


def test_trim_by_age_moves_base_to_receipt_and_rest_verifies_from_it(world: LogWorld) -> None:
    log = world.open(SHORT).log
    for no in range(1, 9):
        log.append([door(no, T0_MS + no * DAY_MS)], snapshot=b"state %d" % no)
    log.store_receipt(b"r", 7)
    assert trim_all(log, T0_MS + 14 * DAY_MS)
    head = log.head()
    assert head.base.size == 4
    assert trim_all(log, T0_MS + 99 * DAY_MS)
    log.close()
    opened = world.open(SHORT)
    base = opened.head.base
    assert (opened.recovery, base.size, opened.snapshot) == (None, 7, b"state 8")
    batch = opened.log.read(base.size, 500, MAX_COMMIT_BYTES)
    assert batch is not None
    world.verify(opened.head.stream, base, batch.events, batch.checkpoint)
    with pytest.raises(Malformed):
        opened.log.read(0, 500, MAX_COMMIT_BYTES)


def test_trim_everything_receipted_keeps_the_newest_commit(world: LogWorld) -> None:
    log = world.open(SHORT).log
    log.append([door(1)], snapshot=b"s")
    log.store_receipt(b"r", 2)
    trim_all(log, T0_MS + 1000 * DAY_MS)
    assert log.head().base.size == 1
    log.close()
    assert world.open(SHORT).recovery is None


def test_trim_custody_stays_below_base_until_its_own_age(world: LogWorld) -> None:
    log = world.open(SHORT).log
    for no in range(1, 6):
        log.append([door(no), custody(no)])
        log.append([door(no)])
    log.append([door(1)], snapshot=b"s")
    log.store_receipt(b"r", log.head().size)
    connection = log._connection
    trim_all(log, T0_MS + 20 * DAY_MS)
    kept = [row[0] for row in connection.execute("SELECT custody FROM commits ORDER BY first").fetchall()]
    assert kept == [1, 1, 1, 1, 1, 0]
    log.close()
    log = world.open(SHORT).log
    trim_all(log, T0_MS + 101 * DAY_MS)
    assert log._connection.execute("SELECT count(*) FROM commits").fetchone() == (1,)


def test_trim_pressed_by_size_removes_young_receipted_events_only(memory_world: LogWorld) -> None:
    tight = dataclasses.replace(SHORT, max_file_bytes=400 * 1024, trim_above_bytes=60 * 1024)
    log = memory_world.open(tight).log
    while used_bytes(log._connection) < 100 * 1024:
        log.append([door(1, T0_MS), custody(2, T0_MS)], snapshot=b"s")
    log.store_receipt(b"r", log.head().size - 40)
    trim_all(log, T0_MS)
    assert log.head().base.size > 0
    assert log.head().base.size <= log.head().receipted_size
    assert used_bytes(log._connection) <= 60 * 1024
    held = [parse_event(event).seq for event in log.read_tail(log.head().base.size)]
    assert held == list(range(log.head().base.size, log.head().size))
