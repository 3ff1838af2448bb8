"""One locker with its plug: boots the real agent over simulated ports, loses power at any await, boots again."""

from __future__ import annotations

import asyncio
import random
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.agents.authority_clock import AuthorityClock
from edge.agents.locker import LockerAgent, LockerPorts, Rebuilt
from edge.core.locker.desired import Compartment
from edge.core.locker.machine import replay
from edge.core.locker.state import LockerState
from edge.core.locker.steps import Step
from edge.errors import EdgeError, LinkDown, SecretMissing
from edge.link.sync_driver import SyncIdentity
from edge.ports import Channel, ChannelReading, Cursor, PulseReply
from edge.runtime import Pace
from edge.storage.event_log import InlineEventLog
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.event import EventDraft, parse_event
from edge.wire.pickup_pin import derive_pin
from edge.wire.secrets import PIN_KEY, unwrap_secret
from tests.fleets import Fleet, FleetDevice
from tests.simulation.cabinet import MODULE, Cabinet
from tests.simulation.disk import Disk, DiskDocuments, DiskLog
from tests.simulation.network import Wire
from tests.simulation.oracle import Oracle
from tests.simulation.parts import Parts
from tests.simulation.weather import Weather
from tests.virtual_loop import VirtualLoop

AGENT = "parcelworks-locker/sim"
HOUR_MS = 3_600_000


class SeededRandom:
    """`edge.ports.Random` and `cloud_bridge.ports.Random`: different in every run, the same for the same seed."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def token(self, size_bytes: int) -> bytes:
        return self._dice.randbytes(size_bytes)

    def fraction(self) -> float:
        return self._dice.random()


class SimKeys:
    """`edge.ports.KeyStore` over a fleet device's keys; secrets stay through crashes."""

    def __init__(self, device: FleetDevice) -> None:
        self._device = device
        self._secrets: dict[str, tuple[int, bytes]] = {}
        self.on_pin: Callable[[], None] = lambda: None

    @property
    def log_public(self) -> bytes:
        return self._device.log_public

    @property
    def public(self) -> bytes:
        return self._device.log_public

    def sign(self, message: bytes) -> bytes:
        return self._device.signer.sign(message)

    def pin(self, pickup_id: str, generation: int, counter: int) -> str:
        if PIN_KEY not in self._secrets:
            raise SecretMissing("no PIN key", where=PIN_KEY)
        self.on_pin()
        return derive_pin(self._secrets[PIN_KEY][1], pickup_id, generation, counter)

    def unwrap(self, name: str, version: int, wrapped: bytes) -> None:
        device = self._device
        secret = unwrap_secret(
            wrapped, private=device.wrap_private, device_id=device.device_id, name=name, version=version
        )
        self._secrets[name] = (version, secret)


@dataclass(frozen=True, slots=True)
class Screen:
    """What somebody in front of the locker sees."""

    step: str
    compartment_no: int | None = None
    message: str = ""


DARK = Screen("dark")


class SimDevice:
    """`agent` is None while the power is off. `calm`: nothing goes wrong any more."""

    def __init__(
        self, fleet: Fleet, device: FleetDevice, cabinet: Cabinet, wire: Wire, folder: Path, weather: Weather,
        loop: VirtualLoop, dice: random.Random, oracle: Oracle, parts: Parts,
    ) -> None:  # fmt: skip
        self.device_id = device.device_id
        self.cabinet, self.wire, self.disk = cabinet, wire, Disk(folder)
        self.keys = SimKeys(device)
        self.agent: LockerAgent | None = None
        self.log: DiskLog | None = None
        self.boot = 0
        self.calm = False
        self._fleet, self._weather, self._loop, self._dice = fleet, weather, loop, dice
        self._oracle, self._parts = oracle, parts
        self._facts = oracle.devices[self.device_id]
        self._random = SeededRandom(random.Random(dice.random()))
        self._power_lost = asyncio.Event()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[bool]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._compared = ""
        cabinet.on_change = self._door_moved
        wire.on_up = lambda: self.agent and self.agent.sync.connected()
        wire.on_down = lambda: self.agent and self.agent.sync.disconnected()
        self.keys.on_pin = self._pin_derived
        self._layout = {
            no: Compartment(no, Channel(MODULE, no), 400, 100 + 50 * no, 500) for no in cabinet.compartments
        }

    # --- power -----------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Boot, run, lose power, and again."""
        while True:
            await self._one_boot()
            low, high = self._weather.off_s
            await asyncio.sleep(5 if self.calm else self._dice.uniform(low, high))

    def cut_power(self, why: str) -> None:
        if self.agent is not None and not self._power_lost.is_set():
            self._oracle.note(self.device_id, "POWER CUT", why)
            self._oracle.stats["power cuts"] += 1
            self._power_lost.set()

    @property
    def alive(self) -> bool:
        return self.agent is not None and not self._power_lost.is_set()

    async def _one_boot(self) -> None:
        if self.disk.full_for_all:
            return
        self._power_lost = asyncio.Event()
        self.boot += 1
        agent = self._agent()
        self.agent = agent
        self.wire.listener = lambda channel, payload, retained: agent.sync.received(channel, payload, retained)
        self.wire.power(True)
        self._oracle.note(self.device_id, "boot", self.boot)
        work, lost = self._loop.create_task(agent.run()), self._loop.create_task(self._power_lost.wait())
        work.add_done_callback(lambda task: task.cancelled() or task.exception())  # judged in `_autopsy`
        await asyncio.wait({work, lost}, return_when=asyncio.FIRST_COMPLETED)
        self._power_lost.set()
        self._facts.running = agent.runtime.state.durable
        self.agent = None
        self.wire.power(False)
        for task in (work, lost, *self._tasks):
            task.cancel()
        await asyncio.wait({work, lost, *self._tasks})
        self._autopsy(work)
        assert self.log is not None
        self.disk.power_cut(self.log.inner)
        self._look()

    def _autopsy(self, work: asyncio.Task[None]) -> None:
        """An agent may end itself only over its disk."""
        if work.cancelled() or work.exception() is None:
            return
        error = work.exception()
        assert error is not None
        only = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else error
        self._oracle.note(self.device_id, "agent ended", repr(only))
        if not isinstance(only, EdgeError):
            text = "".join(traceback.format_exception(only))[-1500:]
            self._oracle.violate("agent_lives", self.device_id, text)

    def _agent(self) -> LockerAgent:
        weather = self._weather
        keys, device_id = self.keys, self.device_id
        limits = LogLimits(
            ballast_bytes=0, keep_receipted_s=weather.keep_receipted_s, keep_custody_s=weather.keep_receipted_s * 2
        )
        owner = Owner(self._fleet.name, device_id, keys)
        opened = open_event_log(self.disk.folder / "log", owner, Start(self._random, 0), self._parts.log, limits)
        rebuilt = Rebuilt.from_log(opened.head, opened.snapshot, opened.tail)
        self._check(opened.log, rebuilt)
        self.log = self._disk_log(opened.log)
        mono_ms, began_s = self._dice.randrange(10**9), self._loop.time()
        rate = 1 + weather.drift_ppm / 1e6
        clock = AuthorityClock(opened.floor_at_ms, lambda: mono_ms + int((self._loop.time() - began_s) * 1000 * rate))
        self.clock = clock
        ports = LockerPorts(
            log=self.log, bus=_Bus(self), bank=_Bank(self, self.boot), keys=keys, clock=clock, random=self._random,
            documents=DiskDocuments(self.disk),
            pace=Pace(poll_ms=HOUR_MS, snapshot_every_events=weather.snapshot_every_events),
            on_change=lambda state: self._look(),
        )  # fmt: skip
        identity = SyncIdentity(self._fleet.name, device_id, AGENT, self._fleet.root.public)
        return self._parts.agent(identity, ports, rebuilt, self._fleet.bundle, self._layout)

    def _disk_log(self, log: InlineEventLog) -> DiskLog:
        oracle, device_id, boot = self._oracle, self.device_id, self.boot
        return DiskLog(
            log, self.disk, self._facts, self.hazard,
            returned=lambda drafts, cursor: self._returned(boot, drafts, cursor),
            receipted=lambda size: oracle.receipted(device_id, size, self.stored()),
            refused=lambda: self._poll_later(1.0),
        )  # fmt: skip

    def _returned(self, boot: int, drafts: Sequence[EventDraft], cursor: Cursor) -> None:
        self._oracle.appended(self.device_id, boot, drafts, cursor)
        for draft in drafts:
            if draft.type == "parcel_deposited" and self.cabinet.board_answers:
                self._oracle.deposited(self.device_id, draft.data["compartment_no"], self.cabinet.shut)

    stored: Callable[[], int] = staticmethod(lambda: 0)  # how much of the stream the ledger holds

    def _check(self, log: InlineEventLog, rebuilt: Rebuilt) -> None:
        """What the reopened log holds and what the memory says, against what was before."""
        base = log.store.head().base.size
        events = [parse_event(raw) for raw in log.store.read_tail(base)]
        self._oracle.reopened(self.device_id, [(event.type, event.data) for event in events], base, rebuilt.head.stream)
        whole = None
        if base == 0:
            state = LockerState("", rebuilt.head.stream)
            for event in events:
                state = replay(state, event)
            whole = state.durable
        self._oracle.rebuilt(self.device_id, rebuilt.durable, whole)
        self._facts.appending = False

    # --- the world to the agent ------------------------------------------------------------------------------

    async def hazard(self) -> None:
        """An await of the real device: it takes time, or the power goes."""
        if not self.alive:
            await asyncio.Event().wait()
        if self.calm:
            return
        weather, dice = self._weather, self._dice
        if weather.slow_disk and dice.random() < weather.slow_disk:
            await asyncio.sleep(dice.uniform(0.01, 2) if dice.random() < 0.8 else dice.uniform(2, 40))
        if weather.crash_at_await and dice.random() < weather.crash_at_await:
            self.cut_power("at an await")
            await asyncio.Event().wait()

    def _door_moved(self) -> None:
        """The boards are read a quarter of a second apart; here only when something is new."""
        self._poll_later(self._dice.uniform(0.01, 0.25))
        self._look()

    def _poll_later(self, delay_s: float) -> None:
        self._loop.call_later(delay_s, self._poll, self.boot)

    def _poll(self, boot: int) -> None:
        if self.alive and boot == self.boot and self.agent is not None:
            task = self._loop.create_task(self.agent.runtime.poll())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def board(self, answers: bool) -> None:
        self.cabinet.board_answers = answers
        if self.agent is not None:
            self.agent.board(MODULE, answers)
        self._poll_later(0.1)

    async def trim(self) -> None:
        if self.alive and self.log is not None and not self.disk.full:
            while await self.log.inner.trim(self.clock.now().at_ms):
                pass

    def pulsed(self, no: int, boot: int) -> None:
        device_at_ms = self.clock.now().at_ms
        self._oracle.pulsed(self.device_id, boot, no, self.true_at_ms(), device_at_ms)
        self._facts.shut_at_pulse[no] = self.cabinet.shut[no]

    true_at_ms: Callable[[], int] = staticmethod(lambda: 0)

    def _pin_derived(self) -> None:
        if self.agent is None:
            return
        session = self.agent.runtime.state.session
        if session.step is Step.CHECKING and session.deposit is None and session.visit_id != self._compared:
            self._compared = session.visit_id or ""
            self._oracle.compared(self.device_id)

    # --- the agent to people ---------------------------------------------------------------------------------

    @property
    def screen(self) -> Screen:
        if not self.alive or self.agent is None:
            return DARK
        session = self.agent.runtime.state.session
        return Screen(session.step.value, session.compartment_no, session.message)

    def sizes(self) -> list[str]:
        """The codes of the sizes that the screen offers."""
        return [] if not self.alive or self.agent is None else [size["code"] for size in self.agent.view()["sizes"]]

    def held(self, no: int) -> list[str]:
        """What the list in a technician's hand says of this compartment."""
        if not self.alive or self.agent is None:
            return []
        return [held.parcel_id for held in self.agent.runtime.state.durable.slot(no).held]

    def serves(self, parcel_id: str) -> bool | None:
        """Whether the screen speaks of this parcel's deposit; None when it is dark or speaks of none."""
        if not self.alive or self.agent is None or (deposit := self.agent.runtime.state.session.deposit) is None:
            return None
        return deposit.parcel_id == parcel_id

    async def until(self, seen: Callable[[], bool], timeout_s: float) -> bool:
        """Stand there until `seen()`, at most `timeout_s`."""
        if seen():
            return True
        future: asyncio.Future[bool] = self._loop.create_future()
        entry = (seen, future)
        self._waiting.append(entry)
        timer = self._loop.call_later(timeout_s, lambda: future.done() or future.set_result(False))
        try:
            return await future
        finally:
            timer.cancel()
            self._waiting.remove(entry)

    def _look(self) -> None:
        for seen, future in self._waiting:
            if not future.done() and seen():
                future.set_result(True)

    def scan(self, text: str) -> None:
        if self.alive and self.agent is not None:
            self.agent.scan(text)

    def enter_pin(self, pin: str) -> None:
        if self.alive and self.agent is not None:
            self.agent.enter_pin(pin)

    def press(self, action: str) -> None:
        if self.alive and self.agent is not None:
            self.agent.press(action)

    def now_ms(self) -> int:
        return self._loop.now_ms()


class _Bus:
    def __init__(self, device: SimDevice) -> None:
        self._device = device

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        if not self._device.alive:
            raise LinkDown("no power", where=self._device.device_id)
        self._device.wire.send(channel, payload)


class _Bank:
    """`edge.ports.LockBank` of one boot; what a dead controller says reaches no lock."""

    def __init__(self, device: SimDevice, boot: int) -> None:
        self._device, self._boot = device, boot

    async def pulse(self, channel: Channel) -> PulseReply:
        device = self._device
        if not device.alive or device.boot != self._boot:
            await asyncio.Event().wait()
        device.pulsed(channel.number, self._boot)
        return await device.cabinet.pulse(channel.number)

    async def poll(self) -> list[ChannelReading]:
        return self._device.cabinet.read()
