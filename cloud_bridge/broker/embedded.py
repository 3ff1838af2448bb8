"""The embedded broker: amqtt hardened by subclassing, for the demo, tests and sites of up to about 200 devices.

Hole of amqtt 0.12.1, and what stands here instead:

- a CONNECT with a wrong password silences its victim: authentication comes before anything is taken over
- keepalive is not enforced, so wills do not fire: silence of 1.5 keepalives ends a connection
- retained messages pass by the access rules: every delivery asks `topics.may`
- a right to `a/+` gives `a/#`: only the exact filters of `topics` can be subscribed
- wills are not checked: a CONNECT with a will that `may` refuses is refused
- no limit of packet size, queues or connections: 256 KiB, bounded in and out, `max_connections`
- messages acknowledged just before a disconnect are lost: a message is acknowledged after it was routed
- no redelivery after a disconnect: not mended, sessions are always clean; a device's own log resends

MQTT 3.1.1 at QoS 0 and 1. A message that `may` refuses is dropped and acknowledged, as mosquitto does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.subscribe import SubscribePacket
from amqtt.mqtt.unsubscribe import UnsubscribePacket
from amqtt.session import Session

from cloud_bridge.broker.connection import BAD_PACKET, Connection, Packet
from cloud_bridge.broker.credentials import certificate_name
from cloud_bridge.broker.embedded_config import EmbeddedConfig
from cloud_bridge.broker.framed_reader import BoundedWriter, FramedReader
from edge.wire.topics import ROOT, Action, is_bridge_name, may

logger = structlog.get_logger("broker")
_LISTENER = "default"
_REFUSED = 0x80
_CONNECT_BYTES = 8 * 1024
_BRIDGE_PATIENCE_S = 5.0


class HardenedBroker(Broker):
    """amqtt's listeners, codecs and tables under the rules of `edge.wire.topics`."""

    def __init__(self, config: EmbeddedConfig) -> None:
        self._embedded = config
        self._tls = config.tls.context() if config.tls else None
        self._writers: set[BoundedWriter] = set()
        logging.getLogger("amqtt").setLevel(logging.ERROR)
        logging.getLogger("transitions").setLevel(logging.ERROR)
        host = f"[{config.listen_host}]" if ":" in config.listen_host else config.listen_host
        listener = ListenerConfig(bind=f"{host}:{config.listen_port}", max_connections=-1)
        super().__init__(BrokerConfig(listeners={_LISTENER: listener}, plugins={}))

    @property
    def port(self) -> int:
        """The port that is really bound."""
        return int(self._servers[_LISTENER].instance.sockets[0].getsockname()[1])

    async def shutdown(self) -> None:
        for server in self._servers.values():
            server.instance.close()
        for writer in list(self._writers):
            if not any(handler.writer is writer for _, handler in self._sessions.values()):
                writer.abort()
        await super().shutdown()

    async def _create_server_instance(self, *_: Any) -> asyncio.Server:
        return await asyncio.start_server(
            self._accept, self._embedded.listen_host, self._embedded.listen_port, reuse_address=True, ssl=self._tls
        )

    async def _accept(self, stream: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        """One connection to its end. Python 3.11 would print a cancelled one as an error nobody handled."""
        with suppress(asyncio.CancelledError):
            await self._hold(stream, out)

    async def _hold(self, stream: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        writer = BoundedWriter(out)
        if len(self._writers) >= self._embedded.max_connections:
            logger.warning("connection refused", reason="too many connections")
            return writer.abort()
        limit_s = self._embedded.connect_timeout_s
        reader = FramedReader(stream, max_packet_bytes=_CONNECT_BYTES, idle_s=limit_s)
        self._writers.add(writer)
        try:
            await self._client_connected(_LISTENER, reader, writer)
        finally:
            reader.close()
            with suppress(asyncio.CancelledError):
                await writer.close()
            self._writers.discard(writer)

    async def _client_connected(self, listener_name: str, reader: ReaderAdapter, writer: WriterAdapter) -> None:
        try:
            connection, session = await Connection.init_from_connect(reader, writer, self.plugins_manager)
        except (*BAD_PACKET, OSError) as error:
            logger.debug("no usable CONNECT", reason=type(error).__name__)
            return
        name = self._name_of(session)
        if name is None or not self._may_connect(name, session):
            logger.warning("connect refused", client_id=repr(session.client_id)[:60], name=repr(name)[:60])
            return await connection.refuse(writer)
        keepalive_s = min(session.keep_alive or self._embedded.max_keepalive_s, self._embedded.max_keepalive_s)
        reader.permit(max_packet_bytes=self._embedded.max_packet_bytes, idle_s=1.5 * keepalive_s)
        session.keep_alive, session.clean_session, session.password = 0, True, None
        await self._take_over(name)
        await self._serve(connection, session, reader, writer)

    def _name_of(self, session: Session) -> str | None:
        """The proven name of a client, None for a stranger."""
        if self._tls is not None:
            return certificate_name(session.ssl_object)
        return session.username if self._embedded.credentials.hold(session.username, session.password) else None

    def _may_connect(self, name: str, session: Session) -> bool:
        if session.client_id != name:
            return False
        wishes = [Action.WILL] * bool(session.will_flag) + [Action.RETAIN] * bool(
            session.will_flag and session.will_retain
        )
        return all(may(name, wish, session.will_topic or "") for wish in wishes)

    async def _take_over(self, name: str) -> None:
        """End this client's former connection, its will included, before the new one begins."""
        while (former := self._sessions.get(name)) is not None:
            await former[1].stop()

    async def _serve(
        self, connection: Connection, session: Session, reader: FramedReader, writer: BoundedWriter
    ) -> None:
        connection.attach(session, reader, writer)
        session.transitions.connect()
        self._sessions[session.client_id] = (session, connection)
        clean = False
        try:
            await connection.mqtt_connack_authorize(True)
            clean = await connection.serve(self._act)
        except* (*BAD_PACKET, OSError) as group:
            logger.warning("connection failed", client_id=session.client_id, reason=repr(group.exceptions[0]))
        finally:
            session.transitions.disconnect()
            await self._del_all_subscriptions(session)
            if reader.breach:
                logger.warning("connection ended", client_id=session.client_id, reason=reader.breach)
            if session.will_flag and not clean:
                await self._publish(
                    session, session.will_topic, session.will_message, session.will_qos, session.will_retain
                )
            self._sessions.pop(session.client_id, None)
            connection.finished.set()

    async def _act(self, connection: Connection, packet: Packet) -> None:
        session = connection.session
        if isinstance(packet, PublishPacket):
            await self._receive(connection, session, packet)
        elif isinstance(packet, SubscribePacket):
            wanted = packet.payload.topics
            codes = [await self.add_subscription(one, session) for one in wanted]
            await connection.mqtt_acknowledge_subscription(packet.variable_header.packet_id, codes)
            for one, code in zip(wanted, codes, strict=True):
                if code != _REFUSED:
                    await self._publish_retained_messages_for_subscription((one[0], code), session)
        elif isinstance(packet, UnsubscribePacket):
            for topic_filter in packet.payload.topics:
                self._del_subscription(topic_filter, session)
            await connection.mqtt_acknowledge_unsubscription(packet.variable_header.packet_id)

    async def _receive(self, connection: Connection, session: Session, packet: PublishPacket) -> None:
        if (packet.qos or 0) > 1:
            logger.warning("connection ended", client_id=session.client_id, reason="QoS 2")
            return connection.cut()
        topic, retain = packet.topic_name or "", bool(packet.retain_flag)
        if may(session.client_id, Action.RETAIN if retain else Action.PUBLISH, topic):
            await self._publish(session, topic, bytes(packet.data or b""), packet.qos or 0, retain)
        else:
            logger.warning("publish refused", client_id=session.client_id, topic=repr(topic[:80]), retain=retain)
        if packet.qos:
            await connection.acknowledge(packet.packet_id)

    async def _publish(self, session: Session, topic: str, data: bytes, qos: int | None, retain: bool | None) -> None:
        await self._broadcast_message(session, topic, data, qos)
        if retain:
            await self.retain_message(session, topic, data, qos)

    async def _broadcast_message(
        self, session: Session | None, topic: str | None, data: bytes | None, force_qos: int | None = None
    ) -> None:
        """Queue a message for everyone who subscribed and may receive it."""
        for topic_filter in _filters_of(topic or ""):
            for receiver, qos in tuple(self._subscriptions.get(topic_filter, ())):
                await self._send(receiver, topic or "", bytes(data or b""), min(qos, force_qos or 0), retain=False)

    async def _send(self, receiver: Session, topic: str, data: bytes, qos: int, *, retain: bool) -> None:
        name, connection = receiver.client_id, self._get_handler(receiver)
        if connection is None or not may(name, Action.RECEIVE, topic):
            return
        patience_s = _BRIDGE_PATIENCE_S if is_bridge_name(name) else 0.0
        if not await connection.deliver(topic, data, qos, retain=retain, patience_s=patience_s):
            logger.warning("connection ended", client_id=name, reason="does not read")

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        topic_filter, qos = subscription
        for topic, kept in tuple(self._retained_messages.items()):
            if self._matches(topic, topic_filter):
                await self._send(session, topic, bytes(kept.data), min(qos, kept.qos or 0), retain=True)

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        topic_filter, qos = subscription
        if not may(session.client_id, Action.SUBSCRIBE, topic_filter):
            logger.warning("subscribe refused", client_id=session.client_id, topic_filter=repr(topic_filter[:80]))
            return _REFUSED
        return await super().add_subscription((topic_filter, min(qos, 1)), session)

    async def _session_monitor(self) -> None:
        """Nothing to expire: a session ends with its connection."""


def _filters_of(topic: str) -> tuple[str, ...]:
    """The only filters that anyone can hold on this topic."""
    levels = topic.split("/")
    if len(levels) != 5:
        return ()
    return topic, f"{ROOT}/{levels[2]}/+/{levels[4]}", f"{ROOT}/+/+/{levels[4]}"


async def run_embedded(
    config: EmbeddedConfig, *, stop: asyncio.Event, ready: Callable[[int], None] = lambda port: None
) -> None:
    """Serve until `stop` is set; `ready` is told the bound port once clients can connect."""
    broker = HardenedBroker(config)
    await broker.start()
    try:
        ready(broker.port)
        await stop.wait()
    finally:
        await broker.shutdown()
