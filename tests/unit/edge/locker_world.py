"""One whole locker in virtual time: the real agent over its real log, keys and documents, and a cabinet of steel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.agents.authority_clock import AuthorityClock
from edge.agents.locker import LockerAgent, LockerPorts, Rebuilt
from edge.core.locker.desired import Compartment
from edge.core.locker.model import SessionChanged
from edge.errors import LinkDown, StorageFull
from edge.link.sync_driver import SyncIdentity
from edge.ports import Channel, ChannelReading, Cursor, DoorState, PulseReply
from edge.runtime import Pace
from edge.storage.document_file import DocumentFiles
from edge.storage.event_log import InlineEventLog
from edge.storage.key_file import KeyFile
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire import canonical
from edge.wire.event import EventDraft, parse_event
from edge.wire.messages import Desired
from edge.wire.secrets import PIN_KEY, wrap_secret
from tests.fleets import make_fleet
from tests.log_world import CountedRandom

FLEET = make_fleet(devices=1)
DEVICE = "locker-0001"
T0_MS = 1_790_000_000_000
PIN_SECRET = b"p" * 32


class PowerLost(Exception):
    """The device went dark here; nothing after this line happened."""


class Disk(InlineEventLog):
    """The real log on a disk that can be full, or lose power just before or after a commit that `dies` names."""

    full = False
    dies: str | None = None
    before = False
    appends = 0

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        self.appends += 1
        if self.full:
            raise StorageFull("no space", where="event log")
        doomed = self.dies is not None and any(draft.type == self.dies for draft in drafts)
        if doomed and self.before:
            raise PowerLost
        cursor = await super().append(drafts, snapshot=snapshot)
        if doomed:
            raise PowerLost
        return cursor


@dataclass
class Steel:
    open: bool = False
    parcels: list[str] = field(default_factory=list)


class Cabinet:
    """`edge.ports.LockBank`: doors that spring open a tenth of a second after a pulse."""

    def __init__(self, doors: int) -> None:
        self.doors = {no: Steel() for no in range(1, doors + 1)}
        self.pulses: list[int] = []
        self.on_pulse: Callable[[], None] = lambda: None
        self.jammed: set[int] = set()

    async def pulse(self, channel: Channel) -> PulseReply:
        self.on_pulse()
        self.pulses.append(channel.number)
        if channel.number not in self.jammed:
            asyncio.get_running_loop().call_later(0.1, self._spring, channel.number)
        await asyncio.sleep(0.03)
        return PulseReply.ACKED

    def _spring(self, no: int) -> None:
        self.doors[no].open = True

    async def poll(self) -> list[ChannelReading]:
        return [
            ChannelReading(Channel("a", no), DoorState.OPEN if item.open else DoorState.CLOSED, bool(item.parcels))
            for no, item in self.doors.items()
        ]


class Nowhere:
    """`edge.ports.Bus` of a locker without a network."""

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        raise LinkDown("no network", where=channel)


class LockerWorld:
    """What lies on the card and in the cabinet outlives every boot."""

    def __init__(self, folder: Path, doors: int = 3) -> None:
        self.folder, self.cabinet = folder, Cabinet(doors)
        self.keys = KeyFile(folder / "keys", DEVICE)
        self.documents = DocumentFiles(folder / "documents")
        self.random = CountedRandom()
        self.signals: list[str] = []
        self.layout = {no: Compartment(no, Channel("a", no), 400, 200, 500) for no in range(1, doors + 1)}
        self.snapshot_every_events = 256
        self.floor_at_ms = T0_MS  # what the clock begins with at the next boot
        self.poll_ms = Pace().poll_ms

    def give_pin_key(self) -> None:
        wrapped = wrap_secret(PIN_SECRET, public=self.keys.wrap_public, device_id=DEVICE, name=PIN_KEY, version=1)
        self.keys.unwrap(PIN_KEY, 1, wrapped)

    def want(self, version: int = 1, **sections: Any) -> Desired:
        return Desired(DEVICE, 1, version, canonical.encode(sections))

    def open(self) -> None:
        """Power on, up to the first input."""
        loop = asyncio.get_running_loop()
        owner = Owner(FLEET.name, DEVICE, self.keys)
        start = Start(self.random, T0_MS)
        opened = open_event_log(self.folder / "log", owner, start, Disk, LogLimits(ballast_bytes=0))
        self.log, self.stream = opened.log, opened.head.stream
        self.clock = AuthorityClock(self.floor_at_ms, lambda: int(loop.time() * 1000))
        self.agent = LockerAgent(
            SyncIdentity(FLEET.name, DEVICE, "test/1", FLEET.root.public),
            LockerPorts(
                log=self.log, bus=Nowhere(), bank=self.cabinet, keys=self.keys, clock=self.clock, random=self.random,
                documents=self.documents, on_signal=self.signals.append,
                pace=Pace(poll_ms=self.poll_ms, snapshot_every_events=self.snapshot_every_events),
            ),
            Rebuilt.from_log(opened.head, opened.snapshot, opened.tail),
            FLEET.bundle,
            self.layout,
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[LockerWorld]:
        """Power on; the power goes at the end."""
        self.open()
        work = asyncio.create_task(self.agent.run())
        await asyncio.sleep(0.5)
        try:
            yield self
        finally:
            work.cancel()
            done, _ = await asyncio.wait({work})
            self.log.store.close()
            task = done.pop()
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def restore(self, contents: Sequence[dict[str, Any]] = (), **sections: Any) -> None:
        """What the cloud says to a new log; it ends `waiting_for_cloud`."""
        snapshot = {"stream": self.stream, "contents": list(contents), "used": [], "wrong_in_row": 0}
        self.deliver(self.want(1, restore=snapshot, **sections))

    def deliver(self, message: Any) -> None:
        self.agent.sync._tell.deliver(message)

    def session(self, nonce: bytes | None) -> None:
        self.agent.runtime.feed(SessionChanged(nonce))

    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """The whole log."""
        return [(event.type, dict(event.data)) for event in map(parse_event, self.log.store.read_tail(0))]

    def types(self) -> list[str]:
        return [event_type for event_type, _ in self.events()]

    @property
    def step(self) -> str:
        return self.agent.runtime.state.session.step.value

    @property
    def message(self) -> str:
        return self.agent.runtime.state.session.message
