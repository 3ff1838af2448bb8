"""The one loop of a locker: take an input, step, commit, then carry out the effects.

Order is the safety argument: the new state is adopted only after its events are durable, and nothing that moves
in the world starts before that. A commit that fails leaves the old state, closes the kiosk, and keeps what will
not come again by itself (doors, board answers, timers, what the cloud brought) for another try, in its order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge.core.locker.desired import Compartment, Desired
from edge.core.locker.machine import step
from edge.core.locker.model import (
    BoardChanged,
    CheckPin,
    ChooseCounter,
    CounterChosen,
    DesiredReceived,
    DoorRead,
    Effect,
    Input,
    Light,
    LinkAlarm,
    PinChecked,
    Pulse,
    PulseEnded,
    ReadyToPulse,
    Recheck,
    Record,
    SecretStored,
    SensorRead,
    Signal,
    Started,
    StartTimer,
    StopTimer,
    StorageChanged,
    TimerFired,
)
from edge.core.locker.state import LockerState
from edge.core.sync.patience import can_wait
from edge.errors import SecretMissing, StorageFailed, StorageFull
from edge.ports import Channel, ChannelReading, Clock, EventLog, KeyStore, LockBank, Random, SensorKind
from edge.wire.event import EventDraft
from edge.wire.event_types import EVENT_TYPES
from edge.wire.pickup_pin import same_pin

MAX_COUNTER = 1_000
COMMIT_EVENTS = 100  # well within one commit's 500 events and 64 KiB
_KEPT = (
    Started, DoorRead, PulseEnded, TimerFired, BoardChanged, DesiredReceived, SecretStored, LinkAlarm,
)  # fmt: skip
_COMES_AGAIN = frozenset(
    {SensorKind.TEMPERATURE, SensorKind.AMBIENT}
)  # read anew every minute; the others tell changes


def _whose(reading: SensorRead) -> tuple[SensorKind, str]:
    return reading.kind, reading.subject


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the boards are read, the memory is written out, and a full log is tried again."""

    poll_ms: int = 250
    snapshot_every_events: int = 256
    probe_storage_ms: int = 5_000


class Runtime:
    """Drives one locker machine.

    `size` and `snapshot_size`: how many events the log holds, and how many of them its last snapshot covers.
    `on_commit(size, urgent_first, patient)` tells the sync side what became durable, where an urgent commit begins,
    and whether the news can wait for more.
    """

    step = staticmethod(step)

    def __init__(
        self,
        state: LockerState,
        *,
        log: EventLog,
        bank: LockBank,
        keys: KeyStore,
        clock: Clock,
        random: Random,
        size: int = 0,
        snapshot_size: int = 0,
        pace: Pace = Pace(),
        on_commit: Callable[[int, int | None, bool], None] = lambda size, urgent_first, patient: None,
        on_change: Callable[[LockerState], None] = lambda state: None,
        on_signal: Callable[[str], None] = lambda pattern: None,
        on_light: Callable[[int | None], None] = lambda compartment_no: None,
    ) -> None:
        self.state = state
        self._log, self._bank, self._keys = log, bank, keys
        self._clock, self._random = clock, random
        self._on_commit, self._on_change = on_commit, on_change
        self._on_signal, self._on_light = on_signal, on_light
        self._queue: deque[Input] = deque()
        self._held_back: deque[Input] = deque()
        self._wake = asyncio.Event()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._readings: dict[Channel, ChannelReading] = {}
        self._wired: tuple[Mapping[int, Compartment], Desired, dict[Channel, int]] | None = None
        self._pulses: asyncio.TaskGroup | None = None
        self._size, self._snapshot_size = size, snapshot_size
        self._pace = pace

    def feed(self, event: Input) -> None:
        """Queue an input; the loop takes inputs one at a time, in order."""
        self._queue.append(event)
        self._wake.set()

    def fresh_id(self) -> str:
        """An unpredictable id for an input that may start something."""
        return self._random.token(16).hex()

    async def run(self) -> None:
        """Run until cancelled. Polling, pulses and timers end with it; no output is touched on the way out."""
        try:
            async with asyncio.TaskGroup() as group:
                self._pulses = group
                group.create_task(self._poll_forever())
                await self._take_forever()
        finally:
            for timer in self._timers.values():
                timer.cancel()

    async def _take_forever(self) -> None:
        while True:
            while self._queue:
                await self.take(self._queue.popleft())
            self._wake.clear()
            await self._wake.wait()

    async def take(self, event: Input) -> None:
        """One whole turn: step, commit, effects. Behind what waits for space, facts queue up in their order."""
        if self._waits(event):
            self._held_back.append(event)
            return
        if self._not_started and event == StorageChanged(writable=True):
            return
        state, effects = self.step(self.state, event, self._clock.now())
        if not await self._commit(state, effects, event):
            return
        self.state = state
        for effect in effects:
            if type(effect) is not Record:  # committed before
                self._carry_out(effect)
        self._on_change(state)

    def _waits(self, event: Input) -> bool:
        """Facts queue up behind those that wait for space; a sensor's reading only behind that sensor's own.

        An alarm alone may draw on the log's reserve, so that what an enclosure says is tried at once.
        """
        if not isinstance(event, SensorRead):
            return bool(self._held_back) and isinstance(event, _KEPT)
        return any(isinstance(held, SensorRead) and _whose(held) == _whose(event) for held in self._held_back)

    # --- commit ----------------------------------------------------------------------------------------------

    async def _commit(self, state: LockerState, effects: Sequence[Effect], event: Input) -> bool:
        drafts = [effect.draft for effect in effects if isinstance(effect, Record)]
        if not drafts:
            return True
        due = self._size + len(drafts) - self._snapshot_size >= self._pace.snapshot_every_events
        before = self._size
        try:
            await self._append(drafts, state.durable.to_bytes() if due else None)
        except StorageFull as error:
            if self._size != before:
                remedy = "Restart: the memory is folded from the log again."
                raise StorageFailed("half of a step is written", where="event log", remedy=remedy) from error
            self._refused(event)
            return False
        if due:
            self._snapshot_size = self._size
        types = [draft.type for draft in drafts]
        urgent = any([EVENT_TYPES[name].urgent for name in types])
        self._on_commit(self._size, before if urgent else None, can_wait(types))
        return True

    async def _append(self, drafts: Sequence[EventDraft], snapshot: bytes | None) -> None:
        """One commit for a step; only the restoration of a whole locker is longer, and may be repeated."""
        while len(drafts) > COMMIT_EVENTS:
            self._size = (await self._log.append(drafts[:COMMIT_EVENTS])).size
            drafts = drafts[COMMIT_EVENTS:]
        self._size = (await self._log.append(drafts, snapshot=snapshot)).size

    def _refused(self, event: Input) -> None:
        """The log is full: keep facts for later, close the kiosk, raise the alarm, probe until space is back."""
        if isinstance(event, _KEPT) or (isinstance(event, SensorRead) and event.kind not in _COMES_AGAIN):
            self._held_back.append(event)
        if self.state.writable:
            self._queue.extendleft((StorageChanged(writable=False), StorageChanged(writable=False)))
        self._timer("storage", self._pace.probe_storage_ms, self._probe_storage)

    def _probe_storage(self) -> None:
        waiting = [*self._held_back]
        waiting.insert(1 if self._not_started else 0, StorageChanged(writable=True))
        self._held_back.clear()
        self._queue.extendleft(reversed(waiting))
        self._wake.set()

    @property
    def _not_started(self) -> bool:
        """What was under way before the restart is judged by `Started`, and by nothing before it."""
        return bool(self._held_back) and isinstance(self._held_back[0], Started)

    # --- effects ---------------------------------------------------------------------------------------------

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Recheck(authority_id):
                self._queue.appendleft(ReadyToPulse(authority_id))
            case Pulse(authority_id, channel):
                assert self._pulses is not None
                self._pulses.create_task(self._pulse(authority_id, channel))
            case CheckPin():
                self._queue.appendleft(self._check_pin(effect))
            case ChooseCounter():
                self._queue.appendleft(self._choose_counter(effect))
            case StartTimer(name, delay_ms):
                self._timer(name, delay_ms, lambda: self.feed(TimerFired(name)))
            case StopTimer(name):
                if (timer := self._timers.pop(name, None)) is not None:
                    timer.cancel()
            case Signal(pattern):
                self._on_signal(pattern)
            case Light(compartment_no):
                self._on_light(compartment_no)

    async def _pulse(self, authority_id: str, channel: Channel) -> None:
        self.feed(PulseEnded(authority_id, await self._bank.pulse(channel)))

    def _timer(self, name: str, delay_ms: int, fire: Callable[[], None]) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()

        def fired() -> None:
            self._timers.pop(name, None)
            fire()

        self._timers[name] = asyncio.get_running_loop().call_later(delay_ms / 1000, fired)

    def _check_pin(self, effect: CheckPin) -> PinChecked:
        """Compare with every live code, however early one matches: the time says nothing about which."""
        matched: str | None = None
        try:
            for pickup_id, generation, counter in effect.live:
                if same_pin(self._keys.pin(pickup_id, generation, counter), effect.pin):
                    matched = pickup_id
        except SecretMissing:
            matched = None
        return PinChecked(effect.attempt_id, matched, self.fresh_id())

    def _choose_counter(self, effect: ChooseCounter) -> CounterChosen:
        try:
            live = {self._keys.pin(*code) for code in effect.live}
            counter = next(
                number
                for number in range(MAX_COUNTER)
                if self._keys.pin(effect.pickup_id, effect.generation, number) not in live
            )
        except SecretMissing:
            return CounterChosen(effect.request_id, None, self.fresh_id())
        return CounterChosen(effect.request_id, counter, self.fresh_id())

    # --- doors -----------------------------------------------------------------------------------------------

    async def _poll_forever(self) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(self._pace.poll_ms / 1000)

    async def poll(self) -> None:
        """Read all boards once and feed what differs from what was fed before."""
        readings = await self._bank.poll()
        by_channel = self._wiring()
        for reading in readings:
            if self._readings.get(reading.channel) == reading or (no := by_channel.get(reading.channel)) is None:
                continue
            self._readings[reading.channel] = reading
            self.feed(DoorRead(no, reading.door, reading.occupied, self.fresh_id()))

    def _wiring(self) -> Mapping[Channel, int]:
        """Which channel is which compartment; made anew when the layout or the desired state is another."""
        state, wired = self.state, self._wired
        if wired is None or wired[0] is not state.layout or wired[1] is not state.desired:
            by_channel = {item.channel: item.no for item in state.compartments()}
            wired = self._wired = (state.layout, state.desired, by_channel)
        return wired[2]
