"""A cloud and its devices in memory: the service side as composed, driven message by message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.fleet.model import Device, Outgoing
from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.fleet.store import load_device, register_device
from cloud_bridge.fleet.tables import devices as _tables  # noqa: F401  registers the tables
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger import store as ledger
from cloud_bridge.storage.engine import Database
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from edge.wire.checkpoint import Checkpoint, sign_checkpoint
from edge.wire.envelope import Kind, open_envelope, seal, wrap
from edge.wire.event import EventDraft, LogIdentity, encode_event
from edge.wire.ids import origin_of, source_of
from edge.wire.merkle import Frontier, leaf_hash
from edge.wire.messages import Batch, Hello, Hint, Welcome
from tests.fleets import Fleet, FleetDevice, make_fleet

NOW_MS = 1_790_000_000_000


class FakeClock:
    """Time that moves when told to."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.at_ms = now_ms

    def now_ms(self) -> int:
        return self.at_ms


class CountingRandom:
    """Distinct tokens, the same in every run."""

    def __init__(self) -> None:
        self.count = 0

    def token(self, size_bytes: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size_bytes, "big")


@dataclass
class DeviceLog:
    """A device's own log, with every commit's boundary; `fork()` gives the restored copy of a card."""

    fleet: str
    device: FleetDevice
    stream: str = "11" * 16
    boot: int = 1
    raws: list[bytes] = field(default_factory=list)
    bounds: list[int] = field(default_factory=list)
    receipt: bytes = b""
    base: int = 0

    def append(self, *drafts: EventDraft) -> list[bytes]:
        """Commit these events as one unit."""
        identity = LogIdentity(self.fleet, self.device.device_id, self.stream, self.boot)
        new = [encode_event(draft, identity, len(self.raws) + i) for i, draft in enumerate(drafts)]
        self.raws += new
        self.bounds.append(len(self.raws))
        return new

    def fill(self, count: int, tag: int = 0) -> DeviceLog:
        """Commit `count` ordinary events, one by one."""
        for _ in range(count):
            self.append(heartbeat(uptime_s=len(self.raws) * 1000 + tag))
        return self

    def fork(self, size: int | None = None) -> DeviceLog:
        """The log as it was at `size`, on a card of its own."""
        size = len(self.raws) if size is None else size
        bounds = [bound for bound in self.bounds if bound <= size]
        return DeviceLog(self.fleet, self.device, self.stream, self.boot, self.raws[:size], bounds, self.receipt)

    def frontier(self, size: int) -> Frontier:
        return Frontier().append(map(leaf_hash, self.raws[:size]))

    def checkpoint(self, size: int | None = None) -> bytes:
        size = len(self.raws) if size is None else size
        origin = origin_of(self.fleet, self.device.device_id, self.stream)
        head = Checkpoint(origin, size, self.frontier(size).root())
        return sign_checkpoint(head, source_of(self.fleet, self.device.device_id), self.device.signer)

    def batch(self, first: int = 0, end: int | None = None, **changes: Any) -> bytes:
        """The envelope of events `first … end − 1`; `changes` replaces members of the body, for attacks."""
        end = len(self.raws) if end is None else end
        members = {
            "device_id": self.device.device_id, "stream": self.stream, "first": first,
            "checkpoint": self.checkpoint(end), "events": tuple(self.raws[first:end]),
        }  # fmt: skip
        return wrap(Kind.BATCH, Batch(**{**members, **changes}).encode())

    def hello(self, nonce: bytes = b"", **changes: Any) -> bytes:
        members: dict[str, Any] = {
            "device_id": self.device.device_id, "fleet": self.fleet, "stream": self.stream, "boot": self.boot,
            "nonce": nonce, "checkpoint": self.checkpoint() if self.raws else b"", "base_size": self.base,
            "base_peaks": self.frontier(self.base).to_bytes(), "receipt": self.receipt, "agent": "test",
            "desired_epoch": 0, "desired_version": 0,
        }  # fmt: skip
        return seal(Kind.HELLO, Hello(**{**members, **changes}).encode(), self.device.signer)

    def hint(self, raw: bytes) -> bytes:
        return seal(Kind.HINT, Hint(self.device.device_id, raw).encode(), self.device.signer)


@dataclass
class CloudWorld:
    """The service side over one database."""

    fleet: Fleet
    db: Database
    clock: FakeClock
    random: CountingRandom
    keys: CloudKeys
    ingest: Ingest

    async def send(self, device_id: str, payload: bytes) -> list[Outgoing]:
        return list(await self.ingest.receive(device_id, "up", payload))

    async def session(self, log: DeviceLog, **changes: Any) -> list[Outgoing]:
        """Knock, answer the welcome, return the answer to the judged hello."""
        answers = await self.send(log.device.device_id, log.hello(**changes))
        if kinds(answers) != ["welcome"]:
            return answers
        nonce = Welcome.parse(open_envelope(answers[0].payload).body).nonce
        return await self.send(log.device.device_id, log.hello(nonce, **changes))

    async def cursor(self, log: DeviceLog) -> int:
        head = await self.db.read(lambda conn: ledger.load_head(conn, log.device.device_id, log.stream))
        return 0 if head is None else head.cursor

    async def stored(self, log: DeviceLog) -> tuple[bytes, ...]:
        head = await self.db.read(lambda conn: ledger.load_head(conn, log.device.device_id, log.stream))
        if head is None:
            return ()
        return await self.db.read(lambda conn: ledger.stored_raws(conn, head.stream_no, 0, 10**9))

    async def state(self, device_id: str) -> str:
        device = await self.db.read(lambda conn: load_device(conn, device_id))
        assert device is not None
        return device.state.value


def heartbeat(uptime_s: int = 0, at_ms: int = NOW_MS) -> EventDraft:
    return EventDraft("heartbeat", {"uptime_s": uptime_s}, at_ms)


def kinds(answers: Sequence[Outgoing]) -> list[str]:
    """The kinds of the messages in an answer."""
    return [open_envelope(answer.payload).kind.value for answer in answers]


def cloud_keys(fleet: Fleet) -> CloudKeys:
    return CloudKeys(fleet.bundle, fleet.sealed_bundle, fleet.receipts, fleet.commands, fleet.desired)


async def make_world(db: Database | None = None, *, devices: int = 2, projections: Sequence[Any] | None = None,
                     create: bool = True, **options: Any) -> CloudWorld:  # fmt: skip
    """A cloud with `devices` registered lockers, on an in-memory store unless one is given."""
    fleet, clock, random = make_fleet(devices), FakeClock(), CountingRandom()
    db = InlineDatabase() if db is None else db
    keys = cloud_keys(fleet)

    def prepare(conn: Any) -> None:
        if create:
            metadata.create_all(conn)
        ledger.start_clock(conn)
        for device in fleet.devices.values():
            register_device(
                conn,
                Device(device.device_id, "locker", "acme", "site-1", device.log_public, device.wrap_public),
                clock.now_ms(),
            )

    await db.write(prepare)
    ingest = Ingest(db, keys, clock, random, (FleetProjection(),) if projections is None else projections, **options)
    return CloudWorld(fleet, db, clock, random, keys, ingest)


def device_log(world: CloudWorld, number: int = 1, **members: Any) -> DeviceLog:
    return DeviceLog(world.fleet.name, world.fleet.devices[f"locker-{number:04d}"], **members)
