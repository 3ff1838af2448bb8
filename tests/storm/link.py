"""A device's link as light as it gets: one asyncio connection, and the product's own rule for coming back."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from edge.core.sync.rto import full_jitter
from edge.errors import LinkDown
from edge.link.mqtt import OFFLINE, ONLINE, LinkListeners
from edge.link.mqtt_settings import MqttSettings
from edge.ports import Random
from edge.wire.topics import CHANNELS, Channel, device_filters, topic
from tests.storm import packets


@dataclass(frozen=True, slots=True)
class Noted:
    """Told of every dial and of every connection that stood."""

    dialled: Callable[[], None]
    stood: Callable[[], None]


class LeanLink:
    """The `Bus` of one simulated device. Waits, retries and topics are those of `edge.link.mqtt.MqttLink`."""

    def __init__(
        self, settings: MqttSettings, context: ssl.SSLContext, random: Random, listeners: LinkListeners, noted: Noted
    ) -> None:
        self._settings, self._context, self._random = settings, context, random
        self._listeners, self._noted = listeners, noted
        self._names = {topic(settings.device_id, channel): channel.value for channel in Channel}
        self._writer: asyncio.StreamWriter | None = None
        self._packet_id = 0

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        """See `edge.ports.Bus`."""
        if self._writer is None:
            raise LinkDown("not connected", where="storm", remedy="The link reconnects by itself.")
        self._send(self._writer, channel, payload, retain)

    async def run(self) -> None:
        attempts = 0
        while True:
            wait = full_jitter(attempts, first_ms=self._settings.first_retry_ms, max_ms=self._settings.max_retry_ms)
            await asyncio.sleep((wait.delay_ms + self._random.fraction() * wait.jitter_ms) / 1000)
            attempts = 0 if await self._connect_once() else attempts + 1

    async def _connect_once(self) -> bool:
        self._noted.dialled()
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_timeout_s):
                reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=self._context)
        except (OSError, TimeoutError):
            return False
        try:
            return await self._converse(reader, writer)
        finally:
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        name = self._settings.device_id
        writer.write(packets.connect(name, self._settings.keepalive_s, topic(name, Channel.PRESENCE), OFFLINE))
        buffer = bytearray()
        try:
            while data := await self._read(reader, writer):
                buffer += data
                for packet in packets.take_packets(buffer):
                    self._take(packet, writer)
        except (OSError, TimeoutError):
            pass
        stood, self._writer = self._writer is writer, None
        if stood:
            self._listeners.disconnected()
        return stood

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Data, with a ping for every keepalive without any; two in a row end it."""
        for _ in range(2):
            try:
                async with asyncio.timeout(self._settings.keepalive_s):
                    return await reader.read(65536)
            except TimeoutError:
                writer.write(packets.PING)
        raise TimeoutError

    def _take(self, packet: packets.Packet, writer: asyncio.StreamWriter) -> None:
        if packet.type == packets.CONNACK:
            if packet.body[1]:
                raise ConnectionRefusedError(f"code {packet.body[1]}")
            writer.write(packets.subscribe(1, list(device_filters(self._settings.device_id))))
        elif packet.type == packets.SUBACK:
            self._writer = writer
            self._send(writer, Channel.PRESENCE, ONLINE, True)
            self._noted.stood()
            self._listeners.connected()
        elif packet.type == packets.PUBLISH:
            name, payload, packet_id, retained = packet.message()
            if packet_id:
                writer.write(packets.acknowledge(packet_id))
            if name in self._names:
                self._listeners.received(self._names[name], payload, retained)

    def _send(self, writer: asyncio.StreamWriter, channel: str, payload: bytes, retain: bool) -> None:
        packet_id = 0
        if CHANNELS[Channel(channel)].qos:
            packet_id = self._packet_id = self._packet_id % 65535 + 1
        writer.write(packets.publish(topic(self._settings.device_id, channel), payload, packet_id, retain=retain))
