"""The device's sync machine against a small model cloud over a channel that loses, repeats and reorders."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.core.sync.machine import step
from edge.core.sync.model import (
    Appended,
    BatchRead,
    CancelTimer,
    Connected,
    Disconnected,
    HeadRead,
    Input,
    LogView,
    Phase,
    ReadBatch,
    Received,
    Rejected,
    SendBatch,
    SendHello,
    StartTimer,
    StoreReceipt,
    SyncState,
    Timer,
    TimerFired,
)
from edge.core.sync.verify import Reason, ReceiptNote, Refused
from edge.ports import Now, StoredBatch
from edge.wire.messages import Rewind, Welcome

DEVICE, STREAM = "locker-0001", "a" * 32
START_MS = 1_800_000_000_000


@dataclass
class Judged:
    """Stands for the trust bundle that answers a judged hello."""


Answer = Welcome | Rewind | ReceiptNote | Judged


@dataclass
class Knock:
    nonce: bytes
    view: LogView


@dataclass
class ModelCloud:
    """Stores contiguous batches and answers; `best` is the most it ever held, before any restore from a backup."""

    stored: int = 0
    best: int = 0
    nonce: bytes = b""
    judged: bool = False
    sessions: int = 0
    backups: list[int] = field(default_factory=lambda: [0])

    def take(self, message: Knock | StoredBatch, at_ms: int) -> list[Answer]:
        if isinstance(message, Knock):
            return self._hello(message, at_ms)
        if not self.judged:
            return []
        end = message.first + len(message.events)
        if message.first > self.stored:
            return [Rewind(DEVICE, STREAM, self.stored, at_ms)]
        self.stored = max(self.stored, end)
        self.best = max(self.best, self.stored)
        self.backups.append(self.stored)
        return [receipt(self.stored, at_ms)]

    def _hello(self, hello: Knock, at_ms: int) -> list[Answer]:
        if not hello.nonce or hello.nonce != self.nonce:
            self.sessions += 1
            self.nonce, self.judged = self.sessions.to_bytes(16, "big"), False
            return [Welcome(DEVICE, self.nonce, at_ms, STREAM, self.stored, 0, 0, b"", 1)]
        self.judged = True
        if hello.view.base > self.stored:
            self.stored = hello.view.cursor
            return [Rewind(DEVICE, STREAM, self.stored, at_ms), Judged()]
        return [Judged()]


def receipt(size: int, at_ms: int) -> ReceiptNote:
    return ReceiptNote(b"checkpoint %d cosigned" % size, size, at_ms // 1000)


class SyncWorld(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.state = SyncState()
        self.cloud = ModelCloud()
        self.commits = [0]
        self.base = 0
        self.cursor = 0
        self.up: list[Knock | StoredBatch] = []
        self.down: list[Answer] = []
        self.reads: list[ReadBatch] = []
        self.timers: set[Timer] = set()
        self.mono_ms = 0
        self.sent_to = 0
        self.told: set[int] = {0}
        self.heeded: set[int] = set()

    @property
    def size(self) -> int:
        return self.commits[-1]

    # --- the device's rim ----------------------------------------------------------------------------------

    def feed(self, given: Input) -> None:
        self.mono_ms += 7
        before = self.state
        self.state, effects = step(self.state, given, Now(self.mono_ms, START_MS + self.mono_ms, "synced"))
        self.check_rewind(before, given)
        assert self.state.log.cursor >= before.log.cursor, "the cursor went back"
        for effect in effects:
            self.carry(effect)

    def check_rewind(self, before: SyncState, given: Input) -> None:
        """The same rewind is heeded once, until a time-out, a receipt or another session."""
        if isinstance(given, TimerFired | Connected) or self.state.session != before.session:
            self.heeded.clear()
        if isinstance(given, Received) and isinstance(given.message, ReceiptNote) and self.state != before:
            self.heeded.clear()
        if isinstance(given, Received) and isinstance(given.message, Rewind) and self.state != before:
            assert given.message.cursor not in self.heeded
            self.heeded.add(given.message.cursor)

    def carry(self, effect: object) -> None:
        match effect:
            case SendHello(nonce):
                view = LogView(STREAM, self.base, self.size, self.cursor)
                self.feed(HeadRead(view))
                self.up.append(Knock(nonce, view))
            case ReadBatch():
                self.reads.append(effect)
            case SendBatch(batch):
                assert batch.first <= self.sent_to or batch.first in self.told, "events were skipped"
                self.sent_to = batch.first + len(batch.events)
                self.up.append(batch)
            case StoreReceipt(_, size):
                assert size > self.cursor, "the cursor went back"
                assert size <= self.cloud.best, "a receipt for what the cloud never had"
                self.cursor = size
            case StartTimer(timer):
                self.timers.add(timer)
            case CancelTimer(timer):
                self.timers.discard(timer)

    def read_one(self) -> None:
        wanted = self.reads.pop(0)
        ends = [size for size in self.commits if wanted.first < size <= wanted.first + 6]
        if wanted.first < self.base or wanted.first not in self.commits or not ends:
            self.feed(BatchRead(wanted.first, None))
            return
        events = tuple(b"%d" % seq for seq in range(wanted.first, ends[-1]))
        self.feed(BatchRead(wanted.first, StoredBatch(wanted.first, events, b"checkpoint %d" % ends[-1])))

    def hear(self, message: Answer) -> None:
        if isinstance(message, Judged):
            self.feed(Rejected(Refused(Reason.STALE, "")))
            return
        if isinstance(message, Welcome | Rewind):
            self.told.add(message.cursor)
        else:
            self.told.add(message.size)
        self.feed(Received(message))

    # --- what happens --------------------------------------------------------------------------------------

    @rule(commits=st.lists(st.integers(1, 3), min_size=1, max_size=8))
    def append(self, commits: list[int]) -> None:
        for events in commits:
            self.commits.append(self.size + events)
            if self.state.log.stream:
                self.feed(Appended(STREAM, self.size))

    @rule(steps=st.integers(1, 12))
    def flow(self, steps: int) -> None:
        """The channel behaves for a while: without that no session would ever stand."""
        if self.state.phase is Phase.OFFLINE:
            self.feed(Connected())
        for _ in range(steps):
            self.pump_once()

    @rule(upset=st.sampled_from(["disconnect", "restart", "trim", "restore"]), data=st.data())
    def upset(self, upset: str, data: st.DataObject) -> None:
        if upset == "disconnect":
            self.feed(Disconnected())
        elif upset == "restart":
            self.state = SyncState()
            self.reads.clear()
            self.timers.clear()
            self.heeded.clear()
        elif upset == "trim":
            self.base = self.cursor
        else:
            self.restore_cloud(data.draw(st.sampled_from(sorted(set(self.cloud.backups)))))

    @precondition(lambda self: self.reads)
    @rule()
    def read(self) -> None:
        self.read_one()

    @precondition(lambda self: self.timers)
    @rule(data=st.data())
    def fire(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.timers)))
        self.timers.discard(timer)
        self.feed(TimerFired(timer))

    @precondition(lambda self: self.up)
    @rule(data=st.data(), again=st.booleans())
    def carry_up(self, data: st.DataObject, again: bool) -> None:
        place = data.draw(st.integers(0, len(self.up) - 1))
        message = self.up[place] if again else self.up.pop(place)
        self.down += self.cloud.take(message, START_MS + self.mono_ms)

    @precondition(lambda self: self.down)
    @rule(data=st.data(), again=st.booleans())
    def carry_down(self, data: st.DataObject, again: bool) -> None:
        place = data.draw(st.integers(0, len(self.down) - 1))
        self.hear(self.down[place] if again else self.down.pop(place))

    @precondition(lambda self: self.up or self.down)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        messages: list[object] = data.draw(st.sampled_from([m for m in (self.up, self.down) if m]))  # type: ignore[list-item]
        messages.pop(data.draw(st.integers(0, len(messages) - 1)))

    @precondition(lambda self: self.state.phase is Phase.STREAMING)
    @rule(lost=st.integers(0, 2))
    def burst(self, lost: int) -> None:
        """Fill the window and lose a batch in it: every later one asks for the same rewind."""
        self.append([3] * 10)
        while self.reads:
            self.read_one()
        if lost < len(self.up):
            self.up.pop(lost)

    def restore_cloud(self, size: int) -> None:
        """From an older backup; its sessions are gone. Clocks differ by a tick, so signed times stay in order."""
        self.mono_ms += 2_000
        self.cloud.stored = size
        self.cloud.nonce, self.cloud.judged = b"", False

    # --- what always holds ---------------------------------------------------------------------------------

    @invariant()
    def window_holds(self) -> None:
        sending = self.state.sending
        assert 1 <= sending.window.batches <= 8
        assert len(sending.flights) <= sending.window.batches
        assert self.state.log.cursor <= self.cursor <= self.size

    @invariant()
    def something_will_happen(self) -> None:
        """Whatever is unsent or unreceipted while online has a timer or a read behind it."""
        state = self.state
        if state.phase is Phase.OFFLINE or self.reads:
            return
        if state.phase is Phase.STREAMING:
            assert self.timers & {Timer.RECEIPT} or state.log.cursor >= state.log.size
            assert Timer.REFRESH in self.timers
            assert state.session.judged or Timer.ANSWER in self.timers
        else:
            assert self.timers & {Timer.ANSWER, Timer.RETRY}

    def teardown(self) -> None:
        """The network heals: everything is receipted, and the cloud holds every event still in the log."""
        if not hasattr(self, "state"):
            return
        self.up.clear()
        self.down.clear()
        if self.state.phase is Phase.OFFLINE:
            self.feed(Connected())
        for _ in range(400 + 6 * len(self.commits)):
            if self.cursor == self.size and self.cloud.stored == self.size and not (self.up or self.down):
                return
            self.pump_once()
        raise AssertionError(f"not healed: {self.state}, cloud {self.cloud}")

    def pump_once(self) -> None:
        if self.reads:
            self.read_one()
        elif self.up:
            self.down += self.cloud.take(self.up.pop(0), START_MS + self.mono_ms)
        elif self.down:
            self.hear(self.down.pop(0))
        elif self.timers:
            self.mono_ms += 1_000
            timer = min(self.timers)
            self.timers.discard(timer)
            self.feed(TimerFired(timer))


SyncWorld.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
test_sync_machine_lossy_channel_keeps_its_promises = SyncWorld.TestCase
