"""The part of MQTT 3.1.1 that a simulated device speaks: packets to bytes, and bytes to packets. Pure.

Written because paho runs one thread for each client, and two thousand threads measure the threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 2, 3, 4, 9, 13
PING = b"\xc0\x00"
DISCONNECT = b"\xe0\x00"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet from the broker: its type, the flags of its first byte, and what follows the length."""

    type: int
    flags: int
    body: bytes

    def message(self) -> tuple[str, bytes, int, bool]:
        """Topic, payload, packet id (0 at QoS 0) and retain flag of a PUBLISH."""
        length = int.from_bytes(self.body[:2], "big")
        topic, rest = self.body[2 : 2 + length].decode(), self.body[2 + length :]
        if not self.flags & 0x06:
            return topic, rest, 0, bool(self.flags & 1)
        return topic, rest[2:], int.from_bytes(rest[:2], "big"), bool(self.flags & 1)


def connect(client_id: str, keepalive_s: int, will_topic: str, will: bytes) -> bytes:
    """Clean session, a retained will at QoS 1, no user name: the certificate is the name."""
    head = _text("MQTT") + bytes([4, 0b0010_1110]) + keepalive_s.to_bytes(2, "big")
    return _packet(0x10, head + _text(client_id) + _text(will_topic) + len(will).to_bytes(2, "big") + will)


def subscribe(packet_id: int, filters: Sequence[str]) -> bytes:
    """Each at QoS 1."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + b"".join(_text(name) + b"\x01" for name in filters))


def publish(topic: str, payload: bytes, packet_id: int, *, retain: bool) -> bytes:
    """QoS 1, or QoS 0 where the packet id is 0."""
    head = _text(topic) + (packet_id.to_bytes(2, "big") if packet_id else b"")
    return _packet(0x30 | (2 if packet_id else 0) | int(retain), head + payload)


def acknowledge(packet_id: int) -> bytes:
    return b"\x40\x02" + packet_id.to_bytes(2, "big")


def take_packets(buffer: bytearray) -> Iterator[Packet]:
    """Every whole packet at the buffer's beginning; it is removed from there."""
    while (found := _length(buffer)) is not None:
        start, length = found
        if len(buffer) < start + length:
            return
        packet = Packet(buffer[0] >> 4, buffer[0] & 15, bytes(buffer[start : start + length]))
        del buffer[: start + length]
        yield packet


def _length(buffer: bytearray) -> tuple[int, int] | None:
    """Where the body begins and how long it is; None while the length itself is not there."""
    value = 0
    for place, byte in enumerate(buffer[1:5]):
        value |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return place + 2, value
    return None


def _packet(first: int, body: bytes) -> bytes:
    length, size = b"", len(body)
    while True:
        size, digit = size >> 7, size & 0x7F
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([first]) + length + body


def _text(value: str) -> bytes:
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw
