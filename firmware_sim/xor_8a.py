"""Firmware of an XOR "8A" lock board: written from the protocol's description, independent of the driver's codec."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

FRAME_GAP_MS = 25
COIL_STEP_MS = 400


@dataclass(slots=True)
class Xor8aBoard:
    """A board that gathers five bytes, checks the XOR and its own number, and answers.

    Args:
        address: DIP switch, 1..31.
        groups: status bytes in a query-all reply, whatever the number of wired channels.
        closed_bit: 1 with door-closing feedback, 0 with door-opening feedback; inputs without a wire read 0.
    """

    cabinet: Cabinet
    address: int
    groups: int = 3
    closed_bit: int = 1
    reply_ms: int = 20
    unlock_reply_ms: int = 200
    _pending: bytearray = field(default_factory=bytearray)
    _heard_at_ms: int = 0

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        if now_ms - self._heard_at_ms > FRAME_GAP_MS:
            self._pending.clear()
        self._heard_at_ms = now_ms
        self._pending += data
        sent: list[Sent] = []
        while len(self._pending) >= 5:
            frame = bytes(self._pending[:5])
            if frame[0] ^ frame[1] ^ frame[2] ^ frame[3] != frame[4] or frame[0] not in (0x80, 0x8A):
                del self._pending[0]
                continue
            del self._pending[:5]
            if frame[1] == self.address:
                sent += self._obey(frame, now_ms)
        return sent

    def _obey(self, frame: bytes, now_ms: int) -> list[Sent]:
        command, _, channel, last, _ = frame
        if command == 0x8A and last == 0x11:
            return self._unlock(channel, now_ms)
        if command == 0x80 and last == 0x33 and channel == 0:
            at_ms = now_ms + self.reply_ms
            return [(at_ms, self._seal([0x80, self.address, *self._groups(at_ms), 0x33]))]
        if command == 0x80 and last == 0x33 and channel <= self.cabinet.channels:
            at_ms = now_ms + self.reply_ms
            return [(at_ms, self._seal([0x80, self.address, channel, self._status(channel, at_ms)]))]
        return []

    def _unlock(self, channel: int, now_ms: int) -> list[Sent]:
        if channel == 0:
            for step, number in enumerate(self.cabinet.compartments):
                self.cabinet.pulse(number, now_ms + step * COIL_STEP_MS)
            at_ms = now_ms + self.cabinet.channels * COIL_STEP_MS
            return [(at_ms, self._seal([0x8A, self.address, 0, 0]))]
        if channel > self.cabinet.channels:
            return []
        self.cabinet.pulse(channel, now_ms)
        at_ms = now_ms + self.unlock_reply_ms
        return [(at_ms, self._seal([0x8A, self.address, channel, self._status(channel, at_ms)]))]

    def _status(self, channel: int, at_ms: int) -> int:
        return 0x11 if self._bit(channel, at_ms) else 0x00

    def _bit(self, channel: int, at_ms: int) -> int:
        return self.cabinet.input_bit(channel, at_ms, self.closed_bit)

    def _groups(self, at_ms: int) -> list[int]:
        status = [0] * self.groups
        for channel in range(1, min(self.cabinet.channels, self.groups * 8) + 1):
            group, bit = divmod(channel - 1, 8)
            status[self.groups - 1 - group] |= self._bit(channel, at_ms) << bit
        return status

    @staticmethod
    def _seal(body: list[int]) -> bytes:
        check = 0
        for byte in body:
            check ^= byte
        return bytes([*body, check])
