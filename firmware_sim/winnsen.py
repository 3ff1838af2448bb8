"""Firmware of a Winnsen lock board: written from the protocol's description, independent of the driver's codec."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

FRAME_GAP_MS = 25


@dataclass(slots=True)
class WinnsenBoard:
    """A board of six-byte requests without a checksum; 1 = open or done, 0 = closed or failed, 2 = coil still hot.

    Args:
        address: station, 0..31.
        status_first: the answer to a query has the status before the lock, as some firmwares do.
        cooling_ms: how long a coil is refused after its last pulse.
    """

    cabinet: Cabinet
    address: int
    status_first: bool = False
    cooling_ms: int = 1_000
    closed_bit: int = 0
    reply_ms: int = 20
    unlock_reply_ms: int = 200
    _pending: bytearray = field(default_factory=bytearray)
    _heard_at_ms: int = 0
    _cool_at_ms: dict[int, int] = field(default_factory=dict)

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        if now_ms - self._heard_at_ms > FRAME_GAP_MS:
            self._pending.clear()
        self._heard_at_ms = now_ms
        self._pending += data
        sent: list[Sent] = []
        while len(self._pending) >= 6:
            frame = bytes(self._pending[:6])
            if frame[:2] != b"\x90\x06" or frame[5] != 0x03:
                del self._pending[0]
                continue
            del self._pending[:6]
            if frame[3] == self.address and frame[4] in self.cabinet.compartments:
                sent += self._obey(frame[2], frame[4], now_ms)
        return sent

    def _obey(self, function: int, lock: int, now_ms: int) -> list[Sent]:
        if function == 0x05:
            at_ms = now_ms + self.unlock_reply_ms
            return [self._say(at_ms, 0x85, lock, self._unlock(lock, now_ms, at_ms))]
        if function == 0x12:
            at_ms = now_ms + self.reply_ms
            return [self._say(at_ms, 0x92, lock, self.cabinet.input_bit(lock, at_ms, self.closed_bit))]
        return []

    def _unlock(self, lock: int, now_ms: int, at_ms: int) -> int:
        if now_ms < self._cool_at_ms.get(lock, 0):
            return 2
        self._cool_at_ms[lock] = now_ms + self.cooling_ms
        self.cabinet.pulse(lock, now_ms)
        return 0 if self.cabinet.senses_closed(lock, at_ms) else 1

    def _say(self, at_ms: int, function: int, lock: int, status: int) -> Sent:
        fields = (status, lock) if self.status_first and function == 0x92 else (lock, status)
        return at_ms, bytes((0x90, 0x07, function, self.address, *fields, 0x03))
