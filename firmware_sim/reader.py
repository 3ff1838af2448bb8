"""Barcode readers as they behave on their port: plain lines, and Zebra's packets with ACK, NAK and repeats. Pure.

Written from the protocol's description, independent of the driver's codec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from firmware_sim.board import Sent

PATIENCE_MS = 2_000
REPEATS_MAX = 3
CHUNK_BYTES = 248
CODE_39 = 0x01


class Reader(Protocol):
    """A reader on its port."""

    def show(self, code: bytes, now_ms: int) -> list[Sent]:
        """Somebody holds a code in front of it."""
        ...

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        """Take what the host sends."""
        ...

    def wake(self, now_ms: int) -> list[Sent]:
        """Time has passed: what is said because of that."""
        ...

    @property
    def wakes_at_ms(self) -> int | None:
        """When it wants to be woken."""
        ...


@dataclass(slots=True)
class LineReader:
    """Sends each code with a line end; hears nothing."""

    line_end: bytes = b"\r\n"
    wakes_at_ms: int | None = None

    def show(self, code: bytes, now_ms: int) -> list[Sent]:
        return [(now_ms, code + self.line_end)]

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        return []

    def wake(self, now_ms: int) -> list[Sent]:
        return []


@dataclass(slots=True)
class SsiReader:
    """Sends packets, one after the other's ACK; repeats on NAK and on silence.

    Args:
        deaf_for: how many of the host's answers it will not hear.
        damages: how many of its packets arrive with a changed byte.
    """

    deaf_for: int = 0
    damages: int = 0
    wakes_at_ms: int | None = None
    given_up: int = 0
    _queue: list[bytes] = field(default_factory=list)
    _tries: int = 0
    _heard: bytearray = field(default_factory=bytearray)

    def show(self, code: bytes, now_ms: int) -> list[Sent]:
        chunks = [code[at : at + CHUNK_BYTES] for at in range(0, len(code), CHUNK_BYTES)] or [b""]
        for chunk in chunks[:-1]:
            self._queue.append(_packet(0xF3, 0x02, bytes((CODE_39,)) + chunk))
        self._queue.append(_packet(0xF3, 0x00, bytes((CODE_39,)) + chunks[-1]))
        return self._send(now_ms) if self._tries == 0 else []

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        self._heard += data
        sent: list[Sent] = []
        while self._heard and len(self._heard) >= self._heard[0] + 2:
            size_bytes = self._heard[0] + 2
            opcode = self._heard[1]
            del self._heard[:size_bytes]
            if self.deaf_for:
                self.deaf_for -= 1
            elif opcode == 0xD0 and self._queue:
                self._queue.pop(0)
                self._tries = 0
                self.wakes_at_ms = None
                sent += self._send(now_ms) if self._queue else []
            elif opcode == 0xD1 and self._queue:
                sent += self._send(now_ms)
        return sent

    def wake(self, now_ms: int) -> list[Sent]:
        if self.wakes_at_ms is None or now_ms < self.wakes_at_ms or not self._queue:
            return []
        return self._send(now_ms)

    def _send(self, now_ms: int) -> list[Sent]:
        if self._tries > REPEATS_MAX:
            self.given_up += 1
            self._queue.clear()
            self._tries, self.wakes_at_ms = 0, None
            return []
        packet = self._queue[0]
        if self._tries:
            packet = _packet(packet[1], packet[3] | 0x01, packet[4:-2])
        self._tries += 1
        self.wakes_at_ms = now_ms + PATIENCE_MS
        if self.damages:
            self.damages -= 1
            packet = packet[:-1] + bytes((packet[-1] ^ 0x20,))
        return [(now_ms, packet)]


def _packet(opcode: int, status: int, data: bytes) -> bytes:
    body = bytes((4 + len(data), opcode, 0x00, status)) + data
    total = (0x10000 - sum(body) % 0x10000) % 0x10000
    return body + bytes((total >> 8, total & 0xFF))
