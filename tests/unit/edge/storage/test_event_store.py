"""Append, read, receipts, floor and snapshots of the event log."""

from __future__ import annotations

import pytest

from edge.storage.limits import MAX_COMMIT_BYTES
from edge.wire.errors import Malformed, TooLarge
from edge.wire.event import EventDraft, parse_event
from edge.wire.merkle import Frontier
from tests.log_world import T0_MS, LogWorld, alarm, custody, door


def test_append_one_returns_cursor_and_stores_signed_event(memory_world: LogWorld) -> None:
    opened = memory_world.open()
    cursor = opened.log.append([door(3)])
    assert (cursor.stream, cursor.size) == (opened.head.stream, 2)
    batch = opened.log.read(1, 500, MAX_COMMIT_BYTES)
    assert batch is not None
    event = parse_event(batch.events[0])
    assert (event.type, event.seq, event.boot, event.data) == ("door_closed", 1, 1, {"compartment_no": 3})


def test_read_any_limit_ends_at_commit_boundary_and_checkpoint_verifies(memory_world: LogWorld) -> None:
    opened = memory_world.open()
    sizes = [1, 7, 1, 50, 3, 1, 1]
    for size in sizes:
        opened.log.append([door(i + 1) for i in range(size)])
    boundaries = {0, 1}
    for size in sizes:
        boundaries.add(max(boundaries) + size)
    for max_events in (1, 2, 9, 60, 500):
        first, frontier = 0, Frontier()
        while batch := opened.log.read(first, max_events, MAX_COMMIT_BYTES):
            frontier = memory_world.verify(opened.head.stream, frontier, batch.events, batch.checkpoint)
            first += len(batch.events)
            assert first in boundaries
            assert len(batch.events) <= max(max_events, 50)
        assert first == opened.log.head().size


def test_read_byte_limit_keeps_whole_commits_below_it(memory_world: LogWorld) -> None:
    opened = memory_world.open()
    for _ in range(4):
        opened.log.append([door(1), door(2)])
    batch = opened.log.read(1, 500, 1200)
    assert batch is not None
    assert len(batch.events) in (2, 4)
    assert sum(map(len, batch.events)) <= 1200


@pytest.mark.parametrize("first", [2, 99, -1])
def test_read_off_a_boundary_is_refused(memory_world: LogWorld, first: int) -> None:
    opened = memory_world.open()
    opened.log.append([door(1), door(2)])
    with pytest.raises(Malformed):
        opened.log.read(first, 500, MAX_COMMIT_BYTES)


def test_append_outside_limits_is_refused_and_writes_nothing(memory_world: LogWorld) -> None:
    log = memory_world.open().log
    huge = EventDraft("alarm_raised", {"alarm": "x", "detail": "d" * 16_000}, T0_MS)
    for drafts, error in (([], Malformed), ([door(1)] * 501, TooLarge), ([huge] * 5, TooLarge)):
        with pytest.raises(error):
            log.append(drafts)
    assert log.head().size == 1
    assert log.append([door(1)]).size == 2


def test_receipt_older_changes_nothing_and_future_is_refused(memory_world: LogWorld) -> None:
    log = memory_world.open().log
    log.append([door(1), door(2), door(3)])
    log.store_receipt(b"three", 3)
    log.store_receipt(b"two", 2)
    assert (log.head().receipt, log.head().receipted_size) == (b"three", 3)
    with pytest.raises(Malformed):
        log.store_receipt(b"five", 5)


def test_reopen_resumes_everything_and_raises_boot(world: LogWorld) -> None:
    log = world.open().log
    log.append([door(1), door(2)], snapshot=b"after three")
    log.append([custody(4)])
    log.append([alarm()])
    log.store_receipt(b"receipt", 3)
    log.floor(T0_MS + 5)
    log.floor(T0_MS)
    before, events = log.head(), log.read_tail(0)
    log.close()
    again = world.open()
    assert again.recovery is None
    assert (again.snapshot, again.snapshot_size, again.tail) == (b"after three", 3, events[3:])
    assert again.floor_at_ms == T0_MS + 5
    assert again.log.read_tail(0) == events
    head = again.head
    assert (head.boot, before.boot) == (2, 1)
    assert (head.stream, head.size, head.checkpoint, head.receipt, head.receipted_size) == (
        before.stream,
        before.size,
        before.checkpoint,
        before.receipt,
        before.receipted_size,
    )
    again.log.append([door(9)])
    assert parse_event(again.log.read_tail(head.size)[0]).boot == 2
