"""Firmware of a KERONG CU lock board: written from the protocol's description, independent of the driver's codec."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

FRAME_GAP_MS = 25
COIL_STEP_MS = 400
LENGTHS = {0x30: 5, 0x31: 5, 0x32: 5, 0x33: 5, 0x37: 7}


@dataclass(slots=True)
class KerongCuBoard:
    """A board of up to 16 locks, or 24 over two board numbers; hook bit 1 = locked, item bit 1 = something inside.

    Args:
        address: board number 0..15; lock 17 and up answer to the next one.
        answers_unlock: whether this firmware sends a status reply after an unlock; both kinds are in the field.
        sees_items: whether infrared sensors are fitted.
    """

    cabinet: Cabinet
    address: int
    answers_unlock: bool = False
    sees_items: bool = True
    reply_ms: int = 20
    unlock_reply_ms: int = 200
    pulse_ms: int = 600
    _pending: bytearray = field(default_factory=bytearray)
    _heard_at_ms: int = 0

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        if now_ms - self._heard_at_ms > FRAME_GAP_MS:
            self._pending.clear()
        self._heard_at_ms = now_ms
        self._pending += data
        sent: list[Sent] = []
        while len(self._pending) >= 3:
            size_bytes = LENGTHS.get(self._pending[2], 0)
            if self._pending[0] != 0x02 or not size_bytes:
                del self._pending[0]
                continue
            if len(self._pending) < size_bytes:
                break
            frame = bytes(self._pending[:size_bytes])
            if frame[-2] != 0x03 or sum(frame[:-1]) % 256 != frame[-1]:
                del self._pending[0]
                continue
            del self._pending[:size_bytes]
            sent += self._obey(frame, now_ms)
        return sent

    def _obey(self, frame: bytes, now_ms: int) -> list[Sent]:
        address, command = frame[1], frame[2]
        banks = range((self.cabinet.channels + 15) // 16)
        if command == 0x32 and address == 0xF0:
            return [self._status(now_ms + self.reply_ms * (self.address + bank + 1), bank) for bank in banks]
        bank = (address >> 4) - self.address
        if bank not in banks:
            return []
        if command == 0x30:
            return [self._status(now_ms + self.reply_ms, bank)]
        if command == 0x37:
            self.pulse_ms = (frame[3] << 8 | frame[4]) * 10
            return []
        return self._unlock(command, bank, (address & 0x0F) + 1, now_ms)

    def _unlock(self, command: int, bank: int, lock: int, now_ms: int) -> list[Sent]:
        if command == 0x33:
            for step, number in enumerate(self._locks(bank)):
                self.cabinet.pulse(number, now_ms + step * COIL_STEP_MS)
        elif bank * 16 + lock <= self.cabinet.channels:
            self.cabinet.pulse(bank * 16 + lock, now_ms)
        return [self._status(now_ms + self.unlock_reply_ms, bank)] if self.answers_unlock else []

    def _locks(self, bank: int) -> range:
        return range(bank * 16 + 1, min(bank * 16 + 16, self.cabinet.channels) + 1)

    def _status(self, at_ms: int, bank: int) -> Sent:
        hooks = items = 0
        for bit, lock in enumerate(self._locks(bank)):
            hooks |= self.cabinet.input_bit(lock, at_ms, 1) << bit
            items |= (self.sees_items and self.cabinet.occupied(lock)) << bit
        body = [0x02, (self.address + bank) << 4, 0x35, hooks & 0xFF, hooks >> 8, items & 0xFF, items >> 8, 0x03]
        return at_ms, bytes([*body, sum(body) % 256])
