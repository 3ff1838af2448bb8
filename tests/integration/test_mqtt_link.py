"""The device's MQTT link against a real mosquitto."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import LinkDown
from edge.link.mqtt import LinkListeners, MqttLink
from edge.link.mqtt_settings import MqttSettings, TlsFiles
from edge.wire.topics import Channel, topic

DEVICE = "locker-0001"
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")


class Broker:
    """A mosquitto on a free loopback port, that can be ended and begun again."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        if MOSQUITTO is None:
            pytest.fail("mosquitto is missing. Remedy: apt-get install mosquitto")
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=quiet, stderr=quiet)

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Listener:
    """Another client of the broker: what it hears, and a way to publish."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="observer")
        self._client.on_connect = lambda client, *_: client.subscribe("pw/v1/#", 1)
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        for _ in range(100):
            with suppress(OSError):
                self._client.connect("127.0.0.1", port)
                break
            subprocess.run(["sleep", "0.05"], check=True)
        self._client.loop_start()

    def _hear(self, _client: object, _data: object, message: MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload, message.retain))

    def send(self, channel: Channel, payload: bytes, *, retain: bool = False) -> None:
        self._client.publish(topic(DEVICE, channel), payload, qos=1, retain=retain).wait_for_publish(5)

    def payloads(self, channel: Channel) -> list[bytes]:
        return [payload for name, payload, _ in self.heard if name == topic(DEVICE, channel)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Half:
    """Always the middle of the range."""

    def token(self, size_bytes: int) -> bytes:
        return b"\x80" * size_bytes

    def fraction(self) -> float:
        return 0.5


class Station:
    """A link with a diary of what it told."""

    def __init__(self, port: int, **settings: object) -> None:
        self.diary: list[object] = []
        listeners = LinkListeners(
            lambda: self.diary.append("connected"),
            lambda: self.diary.append("disconnected"),
            lambda channel, payload, retained: self.diary.append((channel, payload, retained)),
            lambda why: self.diary.append(f"failed: {why}"),
        )
        options = {"first_retry_ms": 100, "max_retry_ms": 300, "connect_timeout_s": 5.0, **settings}
        self.link = MqttLink(MqttSettings("127.0.0.1", port, DEVICE, **options), Half(), listeners)  # type: ignore[arg-type]

    @property
    def moves(self) -> list[object]:
        """The diary without attempts that found no broker listening yet: their number is the machine's pace."""
        return [entry for entry in self.diary if not str(entry).startswith("failed")]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path)
    broker.begin()
    yield broker
    broker.end()


@pytest.fixture
def listener(broker: Broker) -> Iterator[Listener]:
    listener = Listener(broker.port)
    yield listener
    listener.close()


@asynccontextmanager
async def running(station: Station) -> AsyncIterator[Station]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(station.link.run())
        try:
            yield station
        finally:
            task.cancel()


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_link_connected_only_once_its_subscriptions_stand(broker: Broker, listener: Listener) -> None:
    async with running(Station(broker.port)) as station:
        await until(lambda: "connected" in station.diary)
        listener.send(Channel.DOWN, b"at once")
        await until(lambda: ("down", b"at once", False) in station.diary)
        await until(lambda: listener.payloads(Channel.PRESENCE) == [b"online"])


async def test_link_retained_message_is_marked(broker: Broker, listener: Listener) -> None:
    listener.send(Channel.DESIRED, b"doc", retain=True)
    async with running(Station(broker.port)) as station:
        await until(lambda: ("desired", b"doc", True) in station.diary)


async def test_link_published_messages_arrive_in_order(broker: Broker, listener: Listener) -> None:
    async with running(Station(broker.port, max_in_flight=4)) as station:
        await until(lambda: "connected" in station.diary)
        for number in range(200):
            await station.link.publish("up", b"%d" % number)
        await until(lambda: len(listener.payloads(Channel.UP)) == 200)
    assert listener.payloads(Channel.UP) == [b"%d" % number for number in range(200)]


async def test_link_broker_killed_reports_and_comes_back(broker: Broker) -> None:
    async with running(Station(broker.port)) as station:
        await until(lambda: station.moves == ["connected"])
        broker.end()
        await until(lambda: station.moves == ["connected", "disconnected"])
        with pytest.raises(LinkDown):
            await station.link.publish("up", b"lost")
        broker.begin()
        await until(lambda: station.moves == ["connected", "disconnected", "connected"])


async def test_link_waiting_for_room_learns_that_the_link_is_lost(broker: Broker) -> None:
    async with running(Station(broker.port, max_in_flight=1)) as station:
        await until(lambda: station.moves == ["connected"])
        broker.end()
        async with asyncio.timeout(10):
            with pytest.raises(LinkDown):
                while True:
                    await station.link.publish("up", b"x")


async def test_link_cancelled_says_offline_itself(broker: Broker, listener: Listener) -> None:
    async with running(Station(broker.port)) as station:
        await until(lambda: "connected" in station.diary)
    await until(lambda: listener.payloads(Channel.PRESENCE) == [b"online", b"offline"])


async def test_link_without_its_certificate_keeps_trying(broker: Broker, tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem")
    async with running(Station(broker.port, tls=files)) as station:
        await until(lambda: len(station.diary) >= 2)
    assert all("No such file" in str(entry) for entry in station.diary)


async def test_link_without_a_broker_says_why_and_keeps_trying(broker: Broker) -> None:
    broker.end()
    async with running(Station(broker.port)) as station:
        await until(lambda: len(station.diary) >= 2)
        assert all("refused" in str(entry) for entry in station.diary)
        broker.begin()
        await until(lambda: "connected" in station.diary)


async def test_link_silent_peer_is_found_by_keepalive() -> None:
    """A peer that accepts, subscribes and then never speaks again: a half-open link."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(DEVICE.encode())
            writer.write(b"\x20\x02\x00\x00")
            while True:
                data = await reader.read(4096)
                if not data:
                    return
                if (at := data.find(b"\x82")) >= 0:
                    writer.write(b"\x90\x05" + data[at + 2 : at + 4] + b"\x01\x01\x01")
        finally:
            writer.close()

    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    async with server, running(Station(server.sockets[0].getsockname()[1], keepalive_s=1)) as station:
        await until(lambda: station.moves[:2] == ["connected", "disconnected"])


async def test_link_killed_process_leaves_its_last_will(broker: Broker, listener: Listener) -> None:
    script = textwrap.dedent(
        f"""
        import asyncio
        from edge.link.mqtt import LinkListeners, MqttLink
        from edge.link.mqtt_settings import MqttSettings
        class Source:
            def token(self, size_bytes): return bytes(size_bytes)
            def fraction(self): return 0.0
        listeners = LinkListeners(lambda: None, lambda: None, lambda *_: None)
        asyncio.run(MqttLink(MqttSettings("127.0.0.1", {broker.port}, "{DEVICE}"), Source(), listeners).run())
        """
    )
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", script], cwd=Path(__file__).parents[2]
    )
    try:
        await until(lambda: listener.payloads(Channel.PRESENCE) == [b"online"])
    finally:
        process.kill()
        process.wait()
    await until(lambda: listener.payloads(Channel.PRESENCE) == [b"online", b"offline"])
