"""Firmware of a KERONG CU48 lock board: 48 locks, no answer to an unlock, a reply without an end byte."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

FRAME_GAP_MS = 25


@dataclass(slots=True)
class KerongCu48Board:
    """A 48-lock board; bit 1 = closed. `address` is its device byte, 0..255."""

    cabinet: Cabinet
    address: int
    reply_ms: int = 20
    _pending: bytearray = field(default_factory=bytearray)
    _heard_at_ms: int = 0

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        if now_ms - self._heard_at_ms > FRAME_GAP_MS:
            self._pending.clear()
        self._heard_at_ms = now_ms
        self._pending += data
        sent: list[Sent] = []
        while len(self._pending) >= 6:
            frame = bytes(self._pending[:6])
            if frame[0] != 0x02 or frame[4] != 0x03 or sum(frame[:5]) % 256 != frame[5]:
                del self._pending[0]
                continue
            del self._pending[:6]
            if frame[1] == self.address:
                sent += self._obey(frame[2], frame[3], now_ms)
        return sent

    def _obey(self, lock_index: int, command: int, now_ms: int) -> list[Sent]:
        if command == 0x61 and lock_index < self.cabinet.channels:
            self.cabinet.pulse(lock_index + 1, now_ms)
        if command != 0x60:
            return []
        at_ms = now_ms + self.reply_ms
        closed = 0
        for lock in self.cabinet.compartments:
            closed |= self.cabinet.input_bit(lock, at_ms, 1) << (lock - 1)
        body = bytes((0x02, self.address, 0x00, 0x75, 0x06)) + closed.to_bytes(6, "little")
        return [(at_ms, body + bytes((sum(body) % 256,)))]
