"""Firmware of a WKLY lock board: written from the protocol's description, independent of the driver's codec."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

FRAME_GAP_MS = 25
COIL_STEP_MS = 400
START = bytes((0x57, 0x4B, 0x4C, 0x59))
LONGEST = 64


@dataclass(slots=True)
class WklyBoard:
    """A board that trusts a frame's own length byte and the XOR over everything before it.

    Args:
        address: DIP switch, 0..31.
        answers_unlock: some firmwares never answer 82.
        odd_start: replies begin with 53 instead of 57.
        counts_only: the answer to query all has no status byte before its count.
        tells_changes: sends 85 by itself when a pulse has moved a door.
    """

    cabinet: Cabinet
    address: int
    closed_bit: int = 1
    answers_unlock: bool = True
    odd_start: bool = False
    counts_only: bool = False
    tells_changes: bool = False
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
            size_bytes = self._pending[4]
            if not self._pending.startswith(START) or not 8 <= size_bytes <= LONGEST:
                del self._pending[0]
                continue
            if len(self._pending) < size_bytes:
                break
            frame = bytes(self._pending[:size_bytes])
            if _xor(frame[:-1]) != frame[-1]:
                del self._pending[0]
                continue
            del self._pending[:size_bytes]
            if frame[5] == self.address:
                sent += self._obey(frame[6], frame[7:-1], now_ms)
        return sent

    def _obey(self, command: int, data: bytes, now_ms: int) -> list[Sent]:
        at_ms = now_ms + self.reply_ms
        if command == 0x82 and len(data) == 1:
            return self._unlock(data[0], now_ms)
        if command == 0x83 and len(data) == 1 and data[0] in self.cabinet.compartments:
            return [self._say(at_ms, 0x83, bytes((0x00, data[0], self._bit(data[0], at_ms))))]
        if command == 0x84 and not data:
            doors = bytes(self._bit(channel, at_ms) for channel in self.cabinet.compartments)
            head = (len(doors),) if self.counts_only else (0x00, len(doors))
            return [self._say(at_ms, 0x84, bytes(head) + doors)]
        if command in (0x80, 0x87) and data and data[0] == len(data) - 1:
            step_ms = COIL_STEP_MS if command == 0x87 else 0
            return self._unlock_many(command, list(data[1:]), step_ms, now_ms)
        if command == 0x86 and not data:
            return self._unlock_many(command, list(self.cabinet.compartments), COIL_STEP_MS, now_ms)
        return []

    def _unlock(self, channel: int, now_ms: int) -> list[Sent]:
        at_ms = now_ms + self.unlock_reply_ms
        if channel not in self.cabinet.compartments:
            return [self._say(at_ms, 0x82, bytes((0xFF, channel, 0)))] if self.answers_unlock else []
        moved = self.cabinet.pulse(channel, now_ms)
        bit = self._bit(channel, at_ms)
        sent = [self._say(at_ms, 0x82, bytes((0x00, channel, bit)))] if self.answers_unlock else []
        if self.tells_changes and moved:
            sent.insert(0, self._say(at_ms - 50, 0x85, bytes((channel, bit))))
        return sent

    def _unlock_many(self, command: int, channels: list[int], step_ms: int, now_ms: int) -> list[Sent]:
        for step, channel in enumerate(number for number in channels if number in self.cabinet.compartments):
            self.cabinet.pulse(channel, now_ms + step * step_ms)
        return [self._say(now_ms + self.unlock_reply_ms + len(channels) * step_ms, command, b"\x00")]

    def _bit(self, channel: int, at_ms: int) -> int:
        return self.cabinet.input_bit(channel, at_ms, self.closed_bit)

    def _say(self, at_ms: int, command: int, data: bytes) -> Sent:
        start = bytes((0x53, *START[1:])) if self.odd_start else START
        body = start + bytes((len(data) + 8, self.address, command)) + data
        return at_ms, body + bytes((_xor(body),))


def _xor(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte
    return check
