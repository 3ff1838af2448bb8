"""The device's MQTT link: the only user of paho. It connects, subscribes, reports, and comes back with jitter.

Each connection is a fresh client with a clean session, so nothing of an old one is sent again behind the log's back.
paho's network thread only hands callbacks over to the event loop; all state here belongs to the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge.core.sync.rto import full_jitter
from edge.errors import LinkDown
from edge.link.mqtt_settings import MqttSettings
from edge.ports import Random
from edge.wire.topics import CHANNELS, Channel, device_filters, topic

ONLINE = b"online"
OFFLINE = b"offline"
GOODBYE_S = 1.0
MAX_WAITERS = 1024  # far more callers than could ever wait for room at once


@dataclass(frozen=True, slots=True)
class LinkListeners:
    """Plain calls on the event loop. `received`: channel, payload, whether the broker had retained it.

    `failed`: an attempt to connect came to nothing, and why.
    """

    connected: Callable[[], None]
    disconnected: Callable[[], None]
    received: Callable[[str, bytes, bool], None]
    failed: Callable[[str], None] = lambda _why: None


class MqttLink:
    """A `Bus` that keeps itself connected while `run()` runs."""

    def __init__(self, settings: MqttSettings, random: Random, listeners: LinkListeners) -> None:
        self._settings = settings
        self._random = random
        self._listeners = listeners
        self._connection: _Connection | None = None

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        """See `edge.ports.Bus`. Waits while the bounded number of messages is unacknowledged.

        Raises:
            LinkDown: there is no connection, or it was lost while waiting.
        """
        connection = self._connection
        if connection is None:
            raise LinkDown("not connected", where=self._where, remedy="The link reconnects by itself.")
        await connection.publish(channel, payload, retain=retain)

    async def run(self) -> None:
        """Connect, stay, reconnect, until cancelled; then say goodbye, so that the last will stays unsent."""
        attempts = 0
        while True:
            wait = full_jitter(attempts, first_ms=self._settings.first_retry_ms, max_ms=self._settings.max_retry_ms)
            await asyncio.sleep((wait.delay_ms + self._random.fraction() * wait.jitter_ms) / 1000)
            attempts = 0 if await self._connect_once() else attempts + 1

    async def _connect_once(self) -> bool:
        """One connection from dial to loss; whether it stood. A missing certificate is a failed attempt, not the end:
        the doors must go on working."""
        try:
            connection = _Connection(self._settings, self._listeners.received)
        except OSError as error:
            self._listeners.failed(str(error))
            return False
        try:
            if not await connection.open():
                self._listeners.failed(connection.failure)
                return False
            self._connection = connection
            self._listeners.connected()
            try:
                await connection.lost.wait()
            finally:
                self._connection = None
                self._listeners.disconnected()
                await connection.goodbye()
            return True
        finally:
            connection.close()

    @property
    def _where(self) -> str:
        return f"mqtt {self._settings.host}:{self._settings.port}"


class _Connection:
    """One paho client from dial to end."""

    def __init__(self, settings: MqttSettings, received: Callable[[str, bytes, bool], None]) -> None:
        self.lost = asyncio.Event()
        self._settings = settings
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._subscribed = False
        self.failure = "no answer in time"
        self._news = asyncio.Event()
        self._room = asyncio.Semaphore(settings.max_in_flight)
        self._open_mids: set[int] = set()
        self._drained = asyncio.Event()
        self._topics = {topic(settings.device_id, channel): channel for channel in Channel}
        self._client = self._make_client()

    def _make_client(self) -> Client:
        settings = self._settings
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=settings.device_id, clean_session=True, protocol=MQTTv311,
            reconnect_on_failure=False,
        )  # fmt: skip
        client.connect_timeout = settings.connect_timeout_s
        client.max_inflight_messages_set(settings.max_in_flight)
        if settings.tls is not None:
            client.tls_set_context(settings.tls.context())
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        client.will_set(topic(settings.device_id, Channel.PRESENCE), OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        return client

    async def open(self) -> bool:
        """Dial, log in, subscribe and say `online`; False when any of that fails or takes too long."""
        Thread(target=self._dial, name="mqtt-dial", daemon=True).start()
        try:
            async with asyncio.timeout(2 * self._settings.connect_timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        if not self._subscribed or self.lost.is_set():
            return False
        await self.publish(Channel.PRESENCE, ONLINE, retain=True)
        return True

    async def publish(self, channel: str, payload: bytes, *, retain: bool) -> None:
        """Hand over; QoS 1 messages first wait for room. paho's return code is not asked: it is no truth."""
        qos = CHANNELS[Channel(channel)].qos
        if qos:
            await self._room.acquire()
        if self.lost.is_set():
            raise LinkDown("the link was lost", where="mqtt", remedy="The link reconnects by itself.")
        info = self._client.publish(topic(self._settings.device_id, channel), payload, qos=qos, retain=retain)
        if qos:
            self._open_mids.add(info.mid)
            self._drained.clear()

    async def goodbye(self) -> None:
        """Say `offline` ourselves if the link still stands: a clean end sends no will."""
        try:
            async with asyncio.timeout(GOODBYE_S):
                await self.publish(Channel.PRESENCE, OFFLINE, retain=True)
                await self._drained.wait()
        except (TimeoutError, LinkDown):
            return

    def close(self) -> None:
        """End the client; a thread sees to the socket, because a dead peer must not hold the loop."""
        self._end()
        Thread(target=self._hang_up, name="mqtt-hang-up", daemon=True).start()

    # --- on the loop -------------------------------------------------------------------------------------------

    def _end(self, failure: str = "the connection was lost") -> None:
        """Wake everybody who waits; they find the link lost."""
        if self.lost.is_set():
            return
        self.failure = failure
        self.lost.set()
        self._news.set()
        self._drained.set()
        for _ in range(MAX_WAITERS):
            self._room.release()

    def _stand(self) -> None:
        self._subscribed = True
        self._news.set()

    def _acknowledged(self, mid: int) -> None:
        self._open_mids.discard(mid)
        self._room.release()
        if not self._open_mids:
            self._drained.set()

    def _arrived(self, channel: str, payload: bytes, retained: bool) -> None:
        if not self.lost.is_set():
            self._received(channel, payload, retained)

    # --- on other threads --------------------------------------------------------------------------------------

    def _dial(self) -> None:
        settings = self._settings
        try:
            self._client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._call(self._end, str(error))
        else:
            self._client.loop_start()

    def _hang_up(self) -> None:
        self._client.disconnect()
        with suppress(RuntimeError):  # the dialling thread is about to start it: it ends at once, as it was told to
            self._client.loop_stop()

    def _call(self, function: Callable[..., object], *args: object) -> None:
        """Over to the loop; a loop that is already closed needs nothing more."""
        try:
            self._loop.call_soon_threadsafe(function, *args)
        except RuntimeError:
            return

    def _on_connect(self, client: Client, _data: Any, _flags: ConnectFlags, code: ReasonCode, _props: Any) -> None:
        if code.is_failure:
            self._call(self._end, f"refused: {code}")
            return
        client.subscribe([(name, 1) for name in device_filters(self._settings.device_id)])

    def _on_subscribe(self, _c: Client, _d: Any, _mid: int, codes: list[ReasonCode], _p: Properties | None) -> None:
        if any(code.is_failure for code in codes):
            self._call(self._end, "a subscription was refused")
        else:
            self._call(self._stand)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        channel = self._topics.get(message.topic)
        if channel is not None:
            self._call(self._arrived, channel.value, bytes(message.payload), message.retain)

    def _on_publish(self, _client: Client, _data: Any, mid: int, _code: ReasonCode, _props: Any) -> None:
        self._call(self._acknowledged, mid)

    def _on_disconnect(self, _c: Client, _d: Any, _f: DisconnectFlags, _code: ReasonCode, _p: Any) -> None:
        self._call(self._end)
