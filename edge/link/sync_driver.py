"""Carries out what the sync machine decides, over ports: reads the log, signs, publishes, keeps the timers.

One task, `run()`, takes inputs in order and finishes each one's effects before the next. Only asyncio's own clock is
used for waiting, so a virtual-time loop runs it unchanged.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.sync.machine import step
from edge.core.sync.model import (
    Appended,
    BatchRead,
    CancelTimer,
    ClearAlarm,
    Connected,
    Deliver,
    Disconnected,
    Effect,
    HeadRead,
    Input,
    LogView,
    RaiseAlarm,
    ReadBatch,
    Received,
    Rejected,
    SendBatch,
    SendHello,
    SendHint,
    SessionEnded,
    SessionStarted,
    SetFloor,
    StartTimer,
    StoreReceipt,
    SyncClock,
    SyncState,
    Timer,
    TimerFired,
    UrgentEvent,
)
from edge.core.sync.verify import Expected, Incoming, Refused, verify_incoming
from edge.errors import LinkDown
from edge.link.linger import Linger
from edge.ports import Bus, Clock, Cursor, EventLog, KeyStore, LogHead, Random, StoredBatch
from edge.wire.envelope import Kind, seal, wrap
from edge.wire.event import parse_event
from edge.wire.event_types import EVENT_TYPES
from edge.wire.keys import TrustBundle
from edge.wire.messages import MAX_BATCH_BYTES, MAX_BATCH_EVENTS, Batch, Bundle, Hello, Hint

UP = "up"
LINGER_S = 0.25  # commits of one moment travel in one batch
PATIENCE_S = 30.0  # and those of one visit (code, door, parcel), which others wait for only when it is done


@dataclass(frozen=True, slots=True)
class SyncIdentity:
    """Who this device is; `agent` is the software's name and version, `root_public` the fleet root's key."""

    fleet: str
    device_id: str
    agent: str
    root_public: bytes


@dataclass(frozen=True, slots=True)
class SyncListeners:
    """What the agent is told. Plain calls that only take note; they must not block.

    `deliver`: a command, desired state, secret, newer bundle, or an authentic command that was refused.
    `session`: the nonce in force, or None. `clock`: cloud time lies between `at_ms` and `at_ms + waited_ms`.
    `alarm`: code, detail, raised or cleared. `desired_version`: epoch and version that a hello states.
    """

    deliver: Callable[[Incoming | Refused], None]
    session: Callable[[bytes | None], None]
    clock: Callable[[int, int], None]
    alarm: Callable[[str, str, bool], None]
    desired_version: Callable[[], tuple[int, int]]


class LogSigner:
    """The log key as a `Signer`."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self.public = keys.log_public

    def sign(self, message: bytes) -> bytes:
        return self._keys.sign(message)


class SyncDriver:
    """The device's end of the cloud link. `connected`, `disconnected`, `received` and `appended` feed it."""

    def __init__(
        self, identity: SyncIdentity, log: EventLog, bus: Bus, keys: KeyStore, clock: Clock, random: Random,
        trust: TrustBundle, listeners: SyncListeners, *, linger_s: float = LINGER_S,
    ) -> None:  # fmt: skip
        self.state = SyncState()
        self.trust = trust
        self._identity = identity
        self._log = log
        self._bus = bus
        self._signer = LogSigner(keys)
        self._clock = clock
        self._random = random
        self._tell = listeners
        self._inbox: deque[Input] = deque()
        self._wake = asyncio.Event()
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._due: set[Timer] = set()
        self._grown = Cursor("", 0)
        self._linger_s = linger_s
        self._linger = Linger(self._announce)

    # --- what happens to the device ----------------------------------------------------------------------------

    def connected(self) -> None:
        """The link is up and its subscriptions stand."""
        self._put(Connected())

    def disconnected(self) -> None:
        self._put(Disconnected())

    def received(self, channel: str, payload: bytes, retained: bool) -> None:
        """Bytes of the device's own topic `…/{channel}`."""
        self._put(_Raw(channel, payload, retained))

    def appended(self, cursor: Cursor, urgent_first: int | None = None, *, patient: bool = False) -> None:
        """The log grew; its news waits a moment for more, and longer when it is `patient`.

        `urgent_first`: the commit from there on cannot wait.
        """
        self._grown = cursor
        if urgent_first is None and cursor.stream == self.state.log.stream:
            self._linger.within(PATIENCE_S if patient else self._linger_s)
        else:
            self._linger.now()
        if urgent_first is not None:
            self._put(_Urgent(urgent_first))

    def _announce(self) -> None:
        self._put(Appended(self._grown.stream, self._grown.size))

    async def run(self) -> None:
        """Work until cancelled. A failing log ends it with the log's own error."""
        try:
            while True:
                while self._inbox:
                    await self._take(self._inbox.popleft())
                self._wake.clear()
                await self._wake.wait()
        finally:
            for handle in self._timers.values():
                handle.cancel()
            self._timers.clear()
            self._linger.cancel()

    def _put(self, given: Input | _Raw | _Urgent) -> None:
        self._inbox.append(given)  # type: ignore[arg-type]
        self._wake.set()

    async def _take(self, given: Input | _Raw | _Urgent) -> None:
        if isinstance(given, _Raw):
            given = self._verified(given)
        elif isinstance(given, _Urgent):
            return await self._read_urgent(given.first)
        elif isinstance(given, TimerFired):
            if given.timer not in self._due:
                return None
            self._due.discard(given.timer)
        self.state, effects = step(self.state, given, self._clock.now())
        for effect in effects:
            await self._CARRY[type(effect)](self, effect)
        return None

    def _verified(self, raw: _Raw) -> Received | Rejected:
        identity, state = self._identity, self.state
        expected = Expected(
            identity.fleet, identity.device_id, state.log.stream, self._signer.public, identity.root_public,
            self.trust, state.session.nonce, tuple(flight.checkpoint for flight in state.sending.flights),
        )  # fmt: skip
        message = verify_incoming(
            raw.payload, raw.channel, retained=raw.retained, expected=expected, now=self._clock.now()
        )
        return Rejected(message) if isinstance(message, Refused) else Received(message)

    async def _read_urgent(self, first: int) -> None:
        batch = await self._log.read(first, MAX_BATCH_EVENTS, MAX_BATCH_BYTES)
        for seq, raw in enumerate(batch.events if batch else (), first):
            row = EVENT_TYPES.get(parse_event(raw).type)
            if row is not None and row.urgent:
                await self._take(UrgentEvent(seq, raw))

    async def _publish(self, payload: bytes) -> None:
        """A link that went down says so itself; what was not sent is sent again by the timers."""
        try:
            await self._bus.publish(UP, payload)
        except LinkDown:
            return

    async def _hello(self, effect: SendHello) -> None:
        head = await self._log.head()
        view = LogView(head.stream, head.base.size, head.size, head.receipted_size)
        self.state, effects = step(self.state, HeadRead(view), self._clock.now())
        await self._publish(seal(Kind.HELLO, self._hello_of(head, effect.nonce).encode(), self._signer))
        for more in effects:
            await self._CARRY[type(more)](self, more)

    def _hello_of(self, head: LogHead, nonce: bytes) -> Hello:
        epoch, version = self._tell.desired_version()
        return Hello(
            device_id=self._identity.device_id,
            fleet=self._identity.fleet,
            stream=head.stream,
            boot=head.boot,
            nonce=nonce,
            checkpoint=head.checkpoint,
            base_size=head.base.size,
            base_peaks=head.base.to_bytes(),
            receipt=head.receipt,
            agent=self._identity.agent,
            desired_epoch=epoch,
            desired_version=version,
        )

    async def _read(self, effect: ReadBatch) -> None:
        batch = await self._log.read(effect.first, effect.max_events, effect.max_bytes)
        self._put(BatchRead(effect.first, batch))

    async def _send_batch(self, effect: SendBatch) -> None:
        batch = self._batch_of(effect.batch)
        await self._publish(wrap(Kind.BATCH, batch.encode(deflate=len(batch.events) > 1)))

    def _batch_of(self, batch: StoredBatch) -> Batch:
        return Batch(self._identity.device_id, self.state.log.stream, batch.first, batch.checkpoint, batch.events)

    async def _send_hint(self, effect: SendHint) -> None:
        await self._publish(seal(Kind.HINT, Hint(self._identity.device_id, effect.event).encode(), self._signer))

    async def _store_receipt(self, effect: StoreReceipt) -> None:
        await self._log.store_receipt(effect.note, effect.size)

    async def _floor(self, effect: SetFloor) -> None:
        await self._log.floor(effect.at_ms)

    async def _start(self, effect: StartTimer) -> None:
        await self._cancel(CancelTimer(effect.timer))
        delay_ms = effect.delay_ms + int(self._random.fraction() * effect.jitter_ms)
        loop = asyncio.get_running_loop()
        self._timers[effect.timer] = loop.call_later(delay_ms / 1000, self._fire, effect.timer)

    async def _cancel(self, effect: CancelTimer) -> None:
        self._due.discard(effect.timer)
        if (handle := self._timers.pop(effect.timer, None)) is not None:
            handle.cancel()

    def _fire(self, timer: Timer) -> None:
        self._timers.pop(timer, None)
        self._due.add(timer)
        self._put(TimerFired(timer))

    async def _deliver(self, effect: Deliver) -> None:
        if isinstance(effect.message, Bundle):
            self.trust = effect.message.bundle
        self._tell.deliver(effect.message)

    async def _session(self, effect: SessionStarted | SessionEnded) -> None:
        self._tell.session(effect.nonce if isinstance(effect, SessionStarted) else None)

    async def _sync_clock(self, effect: SyncClock) -> None:
        self._tell.clock(effect.at_ms, effect.waited_ms)

    async def _alarm(self, effect: RaiseAlarm | ClearAlarm) -> None:
        raised = isinstance(effect, RaiseAlarm)
        self._tell.alarm(effect.code, effect.detail if isinstance(effect, RaiseAlarm) else "", raised)

    _CARRY: dict[type[Effect], Callable] = {  # type: ignore[type-arg]
        SendHello: _hello, ReadBatch: _read, SendBatch: _send_batch, SendHint: _send_hint, SetFloor: _floor,
        StoreReceipt: _store_receipt, SyncClock: _sync_clock, StartTimer: _start, CancelTimer: _cancel,
        Deliver: _deliver, SessionStarted: _session, SessionEnded: _session, RaiseAlarm: _alarm, ClearAlarm: _alarm,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Raw:
    channel: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class _Urgent:
    first: int
