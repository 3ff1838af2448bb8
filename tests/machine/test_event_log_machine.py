"""A stateful test of the event log against a plain list: append, read, receipt, trim, reopen and crash in any order."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import OpenedLog
from edge.wire.event import parse_event
from edge.wire.merkle import Frontier, leaf_hash
from tests.log_world import T0_MS, LogWorld, custody, door

HOUR_MS = 3_600_000
LIMITS = LogLimits(ballast_bytes=0, keep_receipted_s=3600, keep_custody_s=7200, wal_pages=16)
PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None


def fold(state: bytes, events: list[bytes]) -> bytes:
    for event in events:
        state = hashlib.sha256(state + event).digest()
    return state


class EventLogMachine(RuleBasedStateMachine):
    """The model: all events ever appended, where commits end, and what was stored beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="event-log-", dir=PLACE))
        self.events: list[bytes] = []
        self.frontiers = [Frontier()]
        self.receipted = self.floor_ms = self.boots = self.crashes = self.snapshot_size = 0
        self.hours = 0
        self.world = LogWorld(self.folder / "0" / "log")
        self.world.path.parent.mkdir()  # type: ignore[union-attr]

    @initialize()
    def first_start(self) -> None:
        opened = self.world.open(LIMITS)
        self.log = opened.log
        self.boots = 1
        self.took(opened.tail)

    def took(self, events: list[bytes]) -> None:
        self.events += events
        self.frontiers.append(self.frontiers[-1].append(map(leaf_hash, events)))

    @rule(count=st.integers(1, 30), is_custody=st.booleans(), with_snapshot=st.booleans())
    def append(self, count: int, is_custody: bool, with_snapshot: bool) -> None:
        make = custody if is_custody else door
        drafts = [make(1 + (len(self.events) + i) % 9999, T0_MS + self.hours * HOUR_MS) for i in range(count)]
        first = len(self.events)
        cursor = self.log.append(drafts)
        assert cursor.size == first + count
        self.took(self.log.read_tail(first))
        if with_snapshot:
            self.log.append([door(1, T0_MS)], snapshot=b"")
            self.took(self.log.read_tail(len(self.events)))
            self.snapshot_size = len(self.events)

    @rule(hours=st.integers(1, 3))
    def wait(self, hours: int) -> None:
        self.hours += hours

    @rule(back=st.integers(0, 40))
    def receipt(self, back: int) -> None:
        size = max(0, len(self.events) - back)
        self.log.store_receipt(b"receipt %d" % size, size)
        self.receipted = max(self.receipted, size)

    @rule(step_ms=st.integers(-5000, 5000))
    def floor(self, step_ms: int) -> None:
        self.log.floor(T0_MS + step_ms)
        self.floor_ms = max(self.floor_ms, T0_MS + step_ms)

    @rule()
    def trim(self) -> None:
        before = self.log.head().base.size
        self.log.trim(T0_MS + self.hours * HOUR_MS)
        assert before <= self.log.head().base.size <= min(self.receipted, max(self.snapshot_size, before))

    @rule(max_events=st.integers(1, 60), max_bytes=st.integers(300, 40_000))
    def read_all(self, max_events: int, max_bytes: int) -> None:
        head = self.log.head()
        frontier = head.base
        while batch := self.log.read(frontier.size, max_events, max_bytes):
            assert list(batch.events) == self.events[frontier.size : frontier.size + len(batch.events)]
            frontier = self.world.verify(head.stream, frontier, batch.events, batch.checkpoint)
            assert frontier in self.frontiers
        assert frontier.size == len(self.events)

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.resume()

    @rule()
    def crash(self) -> None:
        """The process dies: the files stay as they are, with whatever the write-ahead log holds."""
        assert self.world.path is not None
        self.crashes += 1
        target = self.folder / str(self.crashes) / "log"
        shutil.copytree(self.world.path.parent, target.parent)
        self.log.close()
        shutil.rmtree(self.world.path.parent)
        self.world.path = target
        self.resume()

    def resume(self) -> None:
        opened: OpenedLog[EventStore] = self.world.open(LIMITS)
        self.log = opened.log
        self.boots += 1
        assert opened.recovery is None
        assert (opened.head.boot, opened.floor_at_ms) == (self.boots, self.floor_ms)
        assert opened.snapshot_size == self.snapshot_size
        assert opened.tail == self.events[self.snapshot_size :]
        state = fold(b"", self.events[: self.snapshot_size])
        assert fold(state, opened.tail) == fold(b"", self.events)

    @precondition(lambda self: self.events)
    @invariant()
    def head_agrees(self) -> None:
        head = self.log.head()
        assert (head.size, head.receipted_size) == (len(self.events), self.receipted)
        assert head.base in self.frontiers
        newest = parse_event(self.events[-1])
        assert newest.seq == len(self.events) - 1

    def teardown(self) -> None:
        if self.events:
            self.log.close()
        shutil.rmtree(self.folder)


EventLogMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
test_event_log_any_run_agrees_with_a_list = EventLogMachine.TestCase
