"""The link where MQTT is blocked: the real driver and log against the real bridge over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_bridge.access.model import Role
from edge.errors import LinkDown
from edge.link.http_link import HttpLink, HttpSettings, read_answers
from edge.link.mqtt import LinkListeners
from edge.link.sync_driver import SyncDriver, SyncIdentity, SyncListeners
from edge.ports import Now
from edge.storage.event_log import InlineEventLog
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.errors import Malformed
from edge.wire.event import EventDraft
from tests.bridge_world import BridgeWorld, bridge_world
from tests.log_world import SMALL, CountedRandom
from tests.unit.edge.link.sync_world import Keys


@pytest.fixture
async def world() -> AsyncIterator[BridgeWorld]:
    async with bridge_world() as made:
        yield made


class BridgeClock:
    """The bridge's own time, so that signed times are current."""

    def __init__(self, world: BridgeWorld) -> None:
        self._world = world

    def now(self) -> Now:
        mono_ms = round(asyncio.get_running_loop().time() * 1000)
        return Now(mono_ms, self._world.clock.at_ms, "synced")


class Device:
    """locker-0001 with a log in memory, behind the HTTP link."""

    def __init__(self, world: BridgeWorld, token: str) -> None:
        fleet = world.fleet
        device = fleet.devices["locker-0001"]
        owner = Owner(fleet.name, device.device_id, device.signer)
        opened = open_event_log(None, owner, Start(CountedRandom(), world.clock.at_ms), InlineEventLog, SMALL)
        self.log, self.size = opened.log, opened.head.size
        self.connections: list[str] = []
        url = str(world.client.make_url("")).rstrip("/")
        listeners = LinkListeners(
            connected=self._connected,
            disconnected=lambda: (self.connections.append("down"), self.sync.disconnected())[1],
            received=lambda channel, payload, retained: self.sync.received(channel, payload, retained),
        )
        self.link = HttpLink(HttpSettings(url, token, first_retry_ms=50), CountedRandom(), listeners)
        tell = SyncListeners(
            deliver=lambda message: None,
            session=lambda nonce: None,
            clock=lambda at_ms, waited_ms: None,
            alarm=lambda code, detail, raised: None,
            desired_version=lambda: (0, 0),
        )
        identity = SyncIdentity(fleet.name, device.device_id, "test", fleet.root.public)
        clock = BridgeClock(world)
        self.sync = SyncDriver(
            identity, opened.log, self.link, Keys(device), clock, CountedRandom(), fleet.bundle, tell
        )  # fmt: skip

    def _connected(self) -> None:
        self.connections.append("up")
        self.sync.connected()

    async def append(self, world: BridgeWorld, count: int) -> None:
        for number in range(count):
            draft = EventDraft("heartbeat", {"uptime_s": number}, world.clock.at_ms)
            cursor = await self.log.append([draft])
            self.sync.appended(cursor)

    async def receipted(self, size: int) -> None:
        async with asyncio.timeout(20):
            while (await self.log.head()).receipted_size < size:  # noqa: ASYNC110  the log has no bell
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(device: Device) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(device.link.run()), group.create_task(device.sync.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


async def test_http_link_brings_every_event_to_the_ledger_and_the_receipt_back(world: BridgeWorld) -> None:
    headers = await world.token(Role.DEVICE, actor="locker-0001")
    device = Device(world, headers["Authorization"].removeprefix("Bearer "))
    async with running(device):
        await device.append(world, 7)
        head = await device.log.head()
        await device.receipted(head.size)
    assert device.connections[0] == "up"


async def test_http_link_with_a_wrong_token_is_down_and_keeps_its_events(world: BridgeWorld) -> None:
    device = Device(world, "not-a-token")
    async with running(device):
        await device.append(world, 1)
        async with asyncio.timeout(10):
            while "down" not in device.connections:  # noqa: ASYNC110  the refusal comes from the server
                await asyncio.sleep(0.02)
        with pytest.raises(LinkDown, match=r"not connected|not taken"):
            await device.link.publish("up", b"x")
    assert (await device.log.head()).receipted_size == 0


@given(st.binary(max_size=200))
def test_answers_of_anything_are_a_list_or_a_typed_error(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(read_answers(body), list)


@pytest.mark.parametrize("body", ["80", "8182 64 646f776e 4101"], ids=["none", "one"])
def test_answers_in_the_contract_are_read(body: str) -> None:
    data = bytes.fromhex(body.replace(" ", ""))
    assert read_answers(data) == ([] if body == "80" else [("down", b"\x01")])
