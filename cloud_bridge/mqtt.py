"""The bridge's MQTT worker: the only user of paho on the service side.

It subscribes to its shards, hands each message to ingest with each device's order kept and a bound on how much is
worked on at once, and publishes the answers. Before it goes live it makes sure that the broker refuses strangers.
paho's thread only hands callbacks over to the event loop; all state here belongs to the loop.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from cloud_bridge.device_lanes import DeviceLanes
from cloud_bridge.errors import BrokerOpen, CloudError, LinkDown
from cloud_bridge.fleet.model import Outgoing
from cloud_bridge.ports import Random
from edge.wire.errors import WireError
from edge.wire.topics import ALL_SHARDS, CHANNELS, Channel, parse_topic, shard_filters, topic

Receive = Callable[[str, str, bytes], Awaitable[Sequence[Outgoing]]]
_log = logging.getLogger(__name__)
_FIRST_RETRY_S = 0.5
_MAX_RETRY_S = 5.0  # a handful of workers: a broker that is back must not wait for its service


@dataclass(frozen=True, slots=True)
class BridgeTls:
    """The fleet's CA and this worker's certificate and key (PEM)."""

    ca: Path
    certificate: Path
    key: Path

    def context(self, *, anonymous: bool = False) -> ssl.SSLContext:
        """A client context that trusts the fleet's CA only; `anonymous` shows no certificate."""
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not anonymous:
            context.load_cert_chain(str(self.certificate), str(self.key))
        return context


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """How a worker reaches the broker and which shards it holds. `name` is `bridge.<worker>`, its CN and client id."""

    host: str
    port: int
    name: str = "bridge.0"
    shards: Collection[str] = ALL_SHARDS
    tls: BridgeTls | None = None
    username: str | None = None
    password: str | None = None
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0
    workers: int = 64
    max_waiting: int = 4096


class MqttBridge:
    """Runs until cancelled; `publish` works while connected."""

    def __init__(self, settings: BridgeSettings, receive: Receive, random: Random) -> None:
        self._settings = settings
        self._receive = receive
        self._random = random
        self._lanes = DeviceLanes(settings.max_waiting)
        self._connection: _Connection | None = None
        self.connected = asyncio.Event()
        self.counters: Counter[str] = Counter()

    async def publish(self, message: Outgoing) -> None:
        """Hand one message to the broker.

        Raises:
            LinkDown: there is no connection.
        """
        if self._connection is None:
            raise LinkDown("not connected", where="mqtt", remedy="The worker reconnects by itself.")
        self._connection.publish(message)
        self.counters["published"] += 1

    async def run(self) -> None:
        """Probe, connect, serve, reconnect.

        Raises:
            BrokerOpen: the broker lets a client without credentials in; nothing was subscribed.
        """
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(self._settings.workers)]
            try:
                await self._keep_connected()
            finally:
                for worker in workers:
                    worker.cancel()

    async def _keep_connected(self) -> None:
        attempts, probed = 0, False
        while True:
            if attempts:
                share = int.from_bytes(self._random.token(2), "big") / 65536
                await asyncio.sleep(min(_MAX_RETRY_S, _FIRST_RETRY_S * 2 ** min(attempts, 8)) * share)
            attempts += 1
            if not probed:
                probed = await refuses_strangers(self._settings)
            elif await self._serve_once():
                attempts = 1

    async def _serve_once(self) -> bool:
        connection = _Connection(self._settings, self._arrived)
        try:
            if not await connection.open():
                return False
            self._connection = connection
            self.connected.set()
            _log.info("connected to the broker at %s:%s", self._settings.host, self._settings.port)
            await connection.lost.wait()
            return True
        finally:
            self._connection = None
            self.connected.clear()
            connection.close()

    def _arrived(self, topic_text: str, payload: bytes, retained: bool) -> None:
        try:
            device_id, channel = parse_topic(topic_text)
        except WireError:
            self.counters["foreign_topic"] += 1
            return
        if retained and not CHANNELS[channel].retained:
            self.counters["retained"] += 1
            return
        self.counters[self._lanes.put(device_id, channel.value, payload)] += 1

    async def _work(self) -> None:
        while True:
            device_id, channel, payload = await self._lanes.take()
            try:
                for message in await self._receive(device_id, channel, payload):
                    await self.publish(message)
            except CloudError as error:
                self.counters[error.code] += 1
                _log.warning("a message of %s on %s was not taken: %s", device_id, channel, error)
            except Exception:  # noqa: BLE001  a runtime loop: one defect must not stop the shard
                self.counters["defect"] += 1
                _log.exception("a message of %s on %s met a defect", device_id, channel)
            finally:
                self._lanes.done(device_id)


class _Connection:
    """One paho client from dial to loss; every connection is a fresh one with a clean session."""

    def __init__(self, settings: BridgeSettings, arrived: Callable[[str, bytes, bool], None]) -> None:
        self.lost = asyncio.Event()
        self._settings = settings
        self._arrived = arrived
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[tuple[str, bytes, bool]] = deque()
        self._called = False
        self._stands = False
        self._news = asyncio.Event()
        self._client = make_client(settings)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._call(self._end)

    async def open(self) -> bool:
        """Dial, log in, subscribe; False when any of that fails or takes too long."""
        Thread(target=self._dial, name="mqtt-dial", daemon=True).start()
        try:
            async with asyncio.timeout(2 * self._settings.connect_timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return self._stands and not self.lost.is_set()

    def publish(self, message: Outgoing) -> None:
        if self.lost.is_set():
            raise LinkDown("the link was lost", where="mqtt", remedy="The worker reconnects by itself.")
        qos = CHANNELS[Channel(message.channel)].qos
        self._client.publish(topic(message.device_id, message.channel), message.payload, qos, message.retain)

    def close(self) -> None:
        """A thread sees to the socket, because a dead peer must not hold the loop."""
        self._end()
        Thread(target=self._hang_up, name="mqtt-hang-up", daemon=True).start()

    def _end(self) -> None:
        self.lost.set()
        self._news.set()

    def _stand(self) -> None:
        self._stands = True
        self._news.set()

    def _empty_inbox(self) -> None:
        self._called = False  # before the look: what comes after it calls again
        while self._inbox:
            self._arrived(*self._inbox.popleft())

    # --- on other threads --------------------------------------------------------------------------------------

    def _dial(self) -> None:
        settings = self._settings
        try:
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError):
            self._call(self._end)
        else:
            self._client.loop_start()

    def _hang_up(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return  # the loop is closed already: nobody is left to be told

    def _on_connect(self, client: Client, _data: Any, _flags: Any, code: Any, _props: Any) -> None:
        if code.is_failure:
            self._call(self._end)
        else:
            client.subscribe([(name, 1) for name in shard_filters(self._settings.shards)])

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, codes: list[Any], _props: Any) -> None:
        self._call(self._end if any(code.is_failure for code in codes) else self._stand)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._inbox.append((message.topic, bytes(message.payload), message.retain))
        if not self._called:  # one call for all that arrive before the loop has turned
            self._called = True
            self._call(self._empty_inbox)


def make_client(settings: BridgeSettings, *, anonymous: bool = False) -> Client:
    """A paho client for these settings; `anonymous` gives it no credentials of any kind."""
    name = "bridge.probe" if anonymous else settings.name
    client = Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=True, protocol=MQTTv311,
                    reconnect_on_failure=False)  # fmt: skip
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages_set(1000)
    client.max_queued_messages_set(0)
    if settings.tls is not None:
        client.tls_set_context(settings.tls.context(anonymous=anonymous))
    if settings.username is not None and not anonymous:
        client.username_pw_set(settings.username, settings.password)
    return client


async def refuses_strangers(settings: BridgeSettings) -> bool:
    """Try to log in without credentials. True: refused, as it must be. False: the broker does not answer yet.

    Raises:
        BrokerOpen: it let us in.
    """
    return await asyncio.to_thread(_probe, settings)


def _probe(settings: BridgeSettings) -> bool:
    answers: list[bool] = []
    client = make_client(settings, anonymous=True)
    client.on_connect = lambda _c, _d, _f, code, _p: answers.append(not code.is_failure)
    try:
        client.connect(settings.host, settings.port, settings.keepalive_s)
    except ssl.SSLError:
        return True
    except (OSError, ValueError) as error:
        return isinstance(error, ConnectionResetError)
    ended = False
    for _ in range(50):
        ended = bool(answers) or client.loop(timeout=settings.connect_timeout_s / 50) != MQTTErrorCode.MQTT_ERR_SUCCESS
        if ended:
            break
    client.disconnect()
    if any(answers):
        raise BrokerOpen(
            "it lets clients in without credentials", where=f"{settings.host}:{settings.port}",
            remedy="Forbid anonymous clients (allow_anonymous false, require_certificate true) and start again.",
        )  # fmt: skip
    return ended  # a broker that says nothing at all has not refused: ask again
