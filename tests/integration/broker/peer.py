"""A paho client that waits: for its CONNACK, its SUBACK, its PUBACK, and for what it expects to receive."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as mqtt

from tests.integration.brokers import RunningBroker, wait_until


class Peer:
    """`received` holds (topic, payload, retained) in order."""

    def __init__(self, client: mqtt.Client) -> None:
        self.client = client
        self.received: list[tuple[str, bytes, bool]] = []
        self.verdict: str | None = None
        self.gone = threading.Event()
        self._codes: dict[int, list[Any]] = {}
        client.on_connect = self._on_connect
        client.on_message = lambda _c, _u, m: self.received.append((m.topic, m.payload, m.retain))
        client.on_subscribe = lambda _c, _u, mid, codes, _p: self._codes.update({mid: codes})
        client.on_disconnect = lambda *_: self.gone.set()

    def _on_connect(self, _c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        self.verdict = str(code)

    def connect(self, broker: RunningBroker, keepalive_s: int = 60) -> bool:
        """Whether the broker let it in."""
        try:
            self.client.connect(broker.host, broker.port, keepalive_s)
        except (ssl.SSLError, ConnectionError):
            return False
        self.client.loop_start()
        wait_until(lambda: self.verdict is not None or self.gone.is_set(), timeout_s=5)
        return self.verdict == "Success" and not self.gone.is_set()

    def subscribe(self, *topic_filters: str) -> list[bool]:
        """For each filter whether it was granted."""
        granted = []
        for topic_filter in topic_filters:
            _, mid = self.client.subscribe(topic_filter, 1)
            assert wait_until(lambda mid=mid: mid in self._codes or self.gone.is_set())
            granted.append(not any(code.is_failure for code in self._codes.get(mid, [])) and mid in self._codes)
        return granted

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        info = self.client.publish(topic, payload, qos, retain)
        if qos:
            wait_until(lambda: info.is_published() or self.gone.is_set())

    def payloads(self) -> list[bytes]:
        return [payload for _, payload, _ in self.received]

    def got(self, payload: bytes, *, timeout_s: float = 10) -> bool:
        return wait_until(lambda: payload in self.payloads(), timeout_s=timeout_s)

    def vanish(self) -> None:
        """Drop the connection without DISCONNECT."""
        raw = self.client.socket()
        if raw is not None:
            raw.shutdown(2)
        self.gone.wait(5)
        self.client.loop_stop()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@contextmanager
def peer(
    broker: RunningBroker, name: str, *filters: str, will: tuple[str, bytes, bool] | None = None
) -> Iterator[Peer]:
    """A connected peer under its own name with these filters."""
    one = Peer(broker.client(name))
    if will:
        one.client.will_set(will[0], will[1], 1, will[2])
    assert one.connect(broker), one.verdict
    one.subscribe(*filters)
    try:
        yield one
    finally:
        one.close()
