"""given(inputs).when(input).then(effects): the sync machine's conversations as tests read them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from edge.core.sync.machine import step
from edge.core.sync.model import (
    BatchRead,
    CancelTimer,
    Connected,
    Effect,
    HeadRead,
    Input,
    LogView,
    ReadBatch,
    Received,
    SendBatch,
    SendHello,
    StartTimer,
    SyncState,
)
from edge.core.sync.verify import ReceiptNote
from edge.ports import Now, StoredBatch
from edge.wire.messages import Refusal, Rewind, Welcome

DEVICE = "locker-0001"
STREAM = "a" * 32
OTHER_STREAM = "b" * 32
T0_MS = 1_800_000_000_000


def nonce(number: int) -> bytes:
    return number.to_bytes(16, "big")


def head(size: int, *, base: int = 0, cursor: int = 0, stream: str = STREAM) -> HeadRead:
    return HeadRead(LogView(stream, base, size, cursor))


def batch(first: int, end: int) -> StoredBatch:
    return StoredBatch(first, tuple(b"event %d" % seq for seq in range(first, end)), b"checkpoint %d" % end)


def read(first: int, end: int) -> BatchRead:
    return BatchRead(first, batch(first, end) if end > first else None)


def welcome(cursor: int, number: int = 1, *, at_ms: int = T0_MS, stream: str = STREAM) -> Received:
    return Received(Welcome(DEVICE, nonce(number), at_ms, stream, cursor, 0, 0, b"", 1))


def receipt(size: int, *, at_s: int = T0_MS // 1000, checkpoint: bytes | None = None) -> Received:
    own = b"checkpoint %d" % size if checkpoint is None else checkpoint
    return Received(ReceiptNote(own + b" cosigned", size, at_s))


def rewind(cursor: int, *, at_ms: int = T0_MS + 1000, stream: str = STREAM) -> Received:
    return Received(Rewind(DEVICE, stream, cursor, at_ms))


def refusal(code: str, *, at_ms: int = T0_MS + 1000) -> Received:
    return Received(Refusal(DEVICE, code, "what", "remedy", at_ms))


@dataclass
class Playbook:
    """One conversation. `quiet` effects (timers) are left out of `then`; ask for them with `timers`."""

    state: SyncState = field(default_factory=SyncState)
    mono_ms: int = 0
    effects: tuple[Effect, ...] = ()

    def given(self, *inputs: Input) -> Self:
        for one in inputs:
            self._feed(one)
        return self

    def when(self, *inputs: Input) -> Self:
        seen: list[Effect] = []
        for one in inputs:
            self._feed(one)
            seen += self.effects
        self.effects = tuple(seen)
        return self

    def later(self, ms: int) -> Self:
        self.mono_ms += ms
        return self

    def then(self, *wanted: Effect) -> Self:
        loud = tuple(effect for effect in self.effects if not isinstance(effect, StartTimer | CancelTimer))
        assert loud == wanted, f"{loud}\nbut wanted\n{wanted}"
        return self

    def timers(self, *wanted: StartTimer | CancelTimer) -> Self:
        for one in wanted:
            assert one in self.effects, f"{one} not in {self.effects}"
        return self

    def _feed(self, given: Input) -> None:
        self.state, self.effects = step(self.state, given, Now(self.mono_ms, T0_MS + self.mono_ms, "synced"))


def reads(first: int) -> ReadBatch:
    return ReadBatch(first, 500, 64 * 1024)


def sends(first: int, end: int) -> SendBatch:
    return SendBatch(batch(first, end))


def streaming(size: int = 10, cursor: int = 0, *, base: int = 0) -> Playbook:
    """Connected, welcomed at `cursor`, which a receipt covers; the read of what follows is under way."""
    play = Playbook().given(Connected(), head(size, base=base, cursor=cursor), welcome(cursor))
    assert SendHello(nonce(1)) in play.effects
    return play


def in_flight(*ends: int, first: int = 0) -> Playbook:
    """Streaming with a wide window and a batch on its way to each of `ends`."""
    play = streaming(ends[-1], first)
    wide = replace(play.state.sending.window, batches=8)
    play.state = replace(play.state, sending=replace(play.state.sending, window=wide))
    for start, end in zip((first, *ends), ends, strict=False):
        play.given(read(start, end))
    return play
