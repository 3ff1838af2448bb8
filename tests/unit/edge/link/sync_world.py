"""One device's real log, keys and sync driver against a small cloud with real signatures, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from edge.core.sync.verify import Incoming, Refused
from edge.errors import LinkDown
from edge.link.sync_driver import SyncDriver, SyncIdentity, SyncListeners
from edge.ports import Now
from edge.storage.event_log import InlineEventLog
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.checkpoint import cosign, verify_checkpoint
from edge.wire.envelope import Kind, open_envelope, seal, wrap
from edge.wire.event import EventDraft
from edge.wire.ids import origin_of, source_of
from edge.wire.keys import Signer
from edge.wire.merkle import Frontier, leaf_hash
from edge.wire.messages import Batch, Command, Hello, Hint, Refusal, Rewind, Welcome
from tests.fleets import FleetDevice, make_fleet
from tests.log_world import SMALL, T0_MS, CountedRandom

FLEET = make_fleet(2)
DEVICE = FLEET.only_device


class LoopClock:
    """Authority time is the loop's."""

    def now(self) -> Now:
        mono_ms = round(asyncio.get_running_loop().time() * 1000)
        return Now(mono_ms, T0_MS + mono_ms, "synced")


@dataclass
class Keys:
    """A fleet device's log key; it has no PIN key and takes no secrets."""

    device: FleetDevice

    @property
    def log_public(self) -> bytes:
        return self.device.log_public

    def sign(self, message: bytes) -> bytes:
        return self.device.signer.sign(message)

    def pin(self, pickup_id: str, generation: int, counter: int) -> str:
        raise NotImplementedError

    def unwrap(self, name: str, version: int, wrapped: bytes) -> None:
        raise NotImplementedError


class Cloud:
    """Keeps one stream's frontier; verifies what comes, signs what goes. `on` False: it takes all and says nothing."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        self._send = send
        self._sessions = 0
        self.on = True
        self.nonce = b""
        self.frontier = Frontier()
        self.events: list[bytes] = []
        self.hellos: list[Hello] = []
        self.hints: list[bytes] = []
        self.batches: list[Batch] = []

    def take(self, payload: bytes) -> None:
        envelope = open_envelope(payload)
        if envelope.kind is Kind.BATCH:
            self.batches.append(Batch.parse(envelope.body))
            if self.on:
                self._batch(self.batches[-1])
            return
        envelope.verify(DEVICE.log_public)
        if envelope.kind is Kind.HINT:
            self.hints.append(Hint.parse(envelope.body).event)
        else:
            self.hellos.append(Hello.parse(envelope.body))
            if self.on:
                self._hello(self.hellos[-1])

    def say(self, kind: Kind, body: bytes, signer: Signer | None = None, channel: str = "down") -> None:
        self._send(channel, seal(kind, body, signer or FLEET.receipts))

    def refuse(self, code: str) -> None:
        self.say(Kind.REFUSAL, Refusal(DEVICE.device_id, code, "what", "remedy", self.at_ms()).encode())

    def command(self, number: int = 1, *, signer: Signer | None = None, nonce: bytes | None = None) -> None:
        at_ms = self.at_ms()
        command = Command(
            f"{number:032x}", DEVICE.device_id, self.nonce if nonce is None else nonce, "unlock", {}, at_ms,
            at_ms + 30_000, "ops", "test",
        )  # fmt: skip
        self.say(Kind.COMMAND, command.encode(), signer or FLEET.commands, "commands")

    def at_ms(self) -> int:
        return LoopClock().now().at_ms

    def _hello(self, hello: Hello) -> None:
        if hello.nonce:
            if hello.nonce == self.nonce:
                self._send("down", FLEET.sealed_bundle)
            return
        self._sessions += 1
        self.nonce = self._sessions.to_bytes(16, "big")
        size = self.frontier.size
        welcome = Welcome(DEVICE.device_id, self.nonce, self.at_ms(), hello.stream, size, 0, 0, b"", 1)
        self.say(Kind.WELCOME, welcome.encode())

    def _batch(self, batch: Batch) -> None:
        if batch.first > self.frontier.size:
            rewind = Rewind(DEVICE.device_id, batch.stream, self.frontier.size, self.at_ms())
            self.say(Kind.REWIND, rewind.encode())
            return
        new = batch.events[self.frontier.size - batch.first :]
        frontier = self.frontier.append(map(leaf_hash, new))
        origin = origin_of(FLEET.name, DEVICE.device_id, batch.stream)
        name = source_of(FLEET.name, DEVICE.device_id)
        checkpoint = verify_checkpoint(batch.checkpoint, origin=origin, name=name, public=DEVICE.log_public)
        if new:
            assert checkpoint.root == frontier.root()
            self.frontier = frontier
            self.events += new
            self.note = batch.checkpoint
        note = cosign(self.note, self.at_ms() // 1000, FLEET.receipt_key_name, FLEET.receipts)
        self._send("down", wrap(Kind.RECEIPT, note))


@dataclass
class Link:
    """A bus with 20 ms each way, that loses everything while `up` is False."""

    up: bool = True
    lose: Callable[[bytes], bool] = field(default=lambda _payload: False)

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        if not self.up:
            raise LinkDown("cut", where="link")
        if not self.lose(payload):
            self._later(self.to_cloud, payload)

    def down(self, channel: str, payload: bytes) -> None:
        if self.up and not self.lose(payload):
            self._later(self.to_device, channel, payload, False)

    def _later(self, call: Callable[..., None], *args: object) -> None:
        asyncio.get_running_loop().call_later(0.02, call, *args)

    def connect(self, to_cloud: Callable[..., None], to_device: Callable[..., None]) -> None:
        self.to_cloud, self.to_device = to_cloud, to_device


class SyncWorld:
    """The device with its log, its driver and its diary."""

    def __init__(self) -> None:
        random = CountedRandom()
        owner = Owner(FLEET.name, DEVICE.device_id, DEVICE.signer)
        self.log = open_event_log(None, owner, Start(random, T0_MS), InlineEventLog, SMALL).log
        self.link = Link()
        self.cloud = Cloud(self.link.down)
        self.delivered: list[Incoming | Refused] = []
        self.sessions: list[bytes | None] = []
        self.alarms: list[tuple[str, bool]] = []
        self.clock: list[tuple[int, int]] = []
        listeners = SyncListeners(
            deliver=self.delivered.append,
            session=self.sessions.append,
            clock=lambda at_ms, waited_ms: self.clock.append((at_ms, waited_ms)),
            alarm=lambda code, _detail, raised: self.alarms.append((code, raised)),
            desired_version=lambda: (1, 2),
        )
        identity = SyncIdentity(FLEET.name, DEVICE.device_id, "pw-edge 1", FLEET.root.public)
        self.driver = SyncDriver(
            identity, self.log, self.link, Keys(DEVICE), LoopClock(), random, FLEET.bundle, listeners
        )
        self.link.connect(self.cloud.take, self.driver.received)

    async def append(self, *types: str, patient: bool = False) -> None:
        """One commit; urgent types are announced as such."""
        data = {"door_closed": {"compartment_no": 1}, "door_opened_unauthorised": {"compartment_no": 1}}
        first = (await self.log.head()).size
        cursor = await self.log.append([EventDraft(name, data[name], LoopClock().now().at_ms) for name in types])
        urgent_first = first if "door_opened_unauthorised" in types else None
        self.driver.appended(cursor, urgent_first, patient=patient)

    async def receipted(self) -> bool:
        head = await self.log.head()
        return head.receipted_size == head.size == len(self.cloud.events)


@asynccontextmanager
async def sync_world(*, connected: bool = True) -> AsyncIterator[SyncWorld]:
    world = SyncWorld()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(world.driver.run())
        if connected:
            world.driver.connected()
            await asyncio.sleep(1)
        yield world
        task.cancel()
