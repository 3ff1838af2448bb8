"""The bridge's MQTT worker against real brokers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from cloud_bridge.errors import BrokerOpen, LinkDown
from cloud_bridge.fleet.model import Outgoing
from cloud_bridge.mqtt import BridgeSettings, MqttBridge, refuses_strangers
from cloud_bridge.ports import SystemRandom
from edge.wire.envelope import open_envelope
from edge.wire.topics import topic
from tests.cloud_world import device_log, make_world
from tests.integration.brokers import RunningBroker, hardened_amqtt, stock_amqtt

DEVICE = "locker-0001"


def settings_for(broker: RunningBroker) -> BridgeSettings:
    return BridgeSettings(
        broker.host, broker.port, username="bridge.0", password=broker.tokens.get("bridge.0"), connect_timeout_s=3
    )


async def ignore(_device_id: str, _channel: str, _payload: bytes) -> Sequence[Outgoing]:
    return ()


async def test_bridge_refuses_to_go_live_on_a_broker_that_lets_strangers_in(tmp_path: Path) -> None:
    with stock_amqtt(tmp_path) as broker:
        bridge = MqttBridge(settings_for(broker), ignore, SystemRandom())
        with pytest.raises(ExceptionGroup) as caught:
            await asyncio.wait_for(bridge.run(), 20)
    assert caught.group_contains(BrokerOpen)
    assert not bridge.connected.is_set()


async def test_broker_that_says_nothing_has_not_refused_strangers() -> None:
    async with await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        assert not await refuses_strangers(BridgeSettings("127.0.0.1", port, connect_timeout_s=0.3))


async def test_publish_without_a_connection_says_so() -> None:
    bridge = MqttBridge(BridgeSettings("127.0.0.1", 1), ignore, SystemRandom())
    with pytest.raises(LinkDown):
        await bridge.publish(Outgoing(DEVICE, "down", b"x"))


async def test_batches_sent_through_the_broker_are_receipted_in_order_across_a_broker_crash(tmp_path: Path) -> None:
    world = await make_world()
    log = device_log(world).fill(30)
    with hardened_amqtt(tmp_path) as broker:
        bridge = MqttBridge(settings_for(broker), world.ingest.receive, SystemRandom())
        running = asyncio.get_running_loop().create_task(bridge.run())
        try:
            assert await deliver(bridge, broker, log, range(0, 20, 5)) == ["receipt"] * 4
            broker.kill()
            await asyncio.to_thread(broker.start)
            assert await deliver(bridge, broker, log, range(20, 30, 5)) == ["receipt"] * 2
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert await world.stored(log) == tuple(log.raws)


async def deliver(bridge: MqttBridge, broker: RunningBroker, log, firsts) -> list[str]:
    """Send batches of five as the device and return the kinds of the answers."""
    async with asyncio.timeout(30):
        while not bridge.connected.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    loop, answers, ready = asyncio.get_running_loop(), asyncio.Queue(), asyncio.Event()
    client = broker.client(DEVICE)
    client.on_connect = lambda c, *_: c.subscribe(topic(DEVICE, "down"), 1)
    client.on_subscribe = lambda *_: loop.call_soon_threadsafe(ready.set)
    client.on_message = lambda _c, _d, message: loop.call_soon_threadsafe(answers.put_nowait, message.payload)
    await asyncio.to_thread(client.connect, broker.host, broker.port)
    client.loop_start()
    try:
        await asyncio.wait_for(ready.wait(), 10)
        for first in firsts:
            client.publish(topic(DEVICE, "up"), log.batch(first, first + 5), 1)
        return [open_envelope(await asyncio.wait_for(answers.get(), 10)).kind.value for _ in firsts]
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
