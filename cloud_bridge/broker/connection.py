"""One client's connection: packets in their order to one worker, messages out through a bounded window.

It keeps the packet codecs and session of `amqtt` and replaces its loop of a task per packet, in which packets overtook
each other, acknowledged messages were dropped at a disconnect, and nothing bounded the memory of a slow peer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from amqtt.errors import AMQTTError, CodecError, MQTTError, NoDataError, ProtocolHandlerError
from amqtt.mqtt import packet_class
from amqtt.mqtt.connack import NOT_AUTHORIZED, ConnackPacket
from amqtt.mqtt.disconnect import DisconnectPacket
from amqtt.mqtt.packet import MQTTFixedHeader, MQTTPacket
from amqtt.mqtt.pingreq import PingReqPacket
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket

from cloud_bridge.broker.framed_reader import BoundedWriter, FramedReader

Packet = MQTTPacket[Any, Any, Any]
Work = Callable[["Connection", Packet], Awaitable[None]]
BAD_PACKET = (AMQTTError, CodecError, MQTTError, NoDataError, ProtocolHandlerError, ValueError, LookupError, TypeError)
_FROM_CLIENT = (PublishPacket, SubscribePacket, UnsubscribePacket, PubackPacket, PingReqPacket, DisconnectPacket)
_INBOX = 64
_OUTBOX = 1024
_OUTBOX_BYTES = 32 * 1024 * 1024
_WINDOW = 512


class Connection(BrokerProtocolHandler):
    """Speaks MQTT 3.1.1 with one authenticated client until it goes."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._inbox: asyncio.Queue[Packet | None] = asyncio.Queue(_INBOX)
        self._outbox: asyncio.Queue[tuple[str, bytes, int, bool]] = asyncio.Queue()
        self._outbox_bytes = 0
        self._room = asyncio.Event()
        self._window = asyncio.Semaphore(_WINDOW)
        self._unacknowledged: set[int] = set()
        self._last_packet_id = 0
        self._said_goodbye = False
        self.finished = asyncio.Event()

    async def serve(self, work: Work) -> bool:
        """Do `work` on each packet in order until the client goes; True when it said DISCONNECT."""
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read_packets())
                sender = group.create_task(self._send_messages())
                while (packet := await self._inbox.get()) is not None:
                    await work(self, packet)
                reader.cancel()
                sender.cancel()
        finally:
            self.cut()
        return self._said_goodbye

    async def deliver(self, topic: str, data: bytes, qos: int, *, retain: bool, patience_s: float) -> bool:
        """Queue one message for the client; a client that leaves no room for `patience_s` is cut off."""
        try:
            async with asyncio.timeout(patience_s):
                while self._outbox.qsize() >= _OUTBOX or self._outbox_bytes + len(data) > _OUTBOX_BYTES:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            self.cut()
            return False
        self._outbox_bytes += len(data)
        self._outbox.put_nowait((topic, data, qos, retain))
        return True

    async def acknowledge(self, packet_id: int) -> None:
        """PUBACK: the message has been routed."""
        await self._send_packet(PubackPacket.build(packet_id))

    async def refuse(self, writer: BoundedWriter) -> None:
        """CONNACK: not authorised."""
        await ConnackPacket.build(0, NOT_AUTHORIZED).to_stream(writer)

    def cut(self) -> None:
        """End the connection now; its worker still finishes what was read."""
        if isinstance(self.reader, FramedReader):
            self.reader.close()
        if isinstance(self.writer, BoundedWriter) and not self.writer.is_closed:
            self.writer.abort()

    async def stop(self) -> None:
        """Cut, and wait until the worker has finished."""
        self.cut()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.finished.wait(), 10)

    async def _read_packets(self) -> None:
        try:
            while not self._said_goodbye and (packet := await self._next_packet()) is not None:
                if isinstance(packet, PubackPacket):
                    self._note_acknowledged(packet.variable_header.packet_id)
                elif isinstance(packet, PingReqPacket):
                    await self.handle_pingreq(packet)
                elif isinstance(packet, DisconnectPacket):
                    self._said_goodbye = True
                else:
                    await self._inbox.put(packet)
        except (*BAD_PACKET, OSError) as error:
            self.logger.debug("stream ended by a bad packet: %s", type(error).__name__)
        await self._inbox.put(None)

    async def _next_packet(self) -> Packet | None:
        """The client's next packet; None at the end, and for a packet that a client may not send."""
        header = await MQTTFixedHeader.from_stream(self.reader)
        if header is None:
            return None
        kind = packet_class(header)
        if kind not in _FROM_CLIENT:
            return None
        packet = await kind.from_stream(self.reader, fixed_header=header)
        return packet if self.reader.between_packets else None

    async def _send_messages(self) -> None:
        while True:
            topic, data, qos, retain = await self._outbox.get()
            self._outbox_bytes -= len(data)
            self._room.set()
            packet_id = await self._claim_packet_id() if qos else None
            try:
                await self._send_packet(PublishPacket.build(topic, data, packet_id, False, qos, retain))
            except (OSError, ProtocolHandlerError):
                return self.cut()

    async def _claim_packet_id(self) -> int:
        await self._window.acquire()
        while True:
            self._last_packet_id = self._last_packet_id % 65535 + 1
            if self._last_packet_id not in self._unacknowledged:
                self._unacknowledged.add(self._last_packet_id)
                return self._last_packet_id

    def _note_acknowledged(self, packet_id: int) -> None:
        if packet_id in self._unacknowledged:
            self._unacknowledged.remove(packet_id)
            self._window.release()
