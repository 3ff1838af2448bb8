"""Firmware of a Modbus RTU relay board with inputs: written from the standard, independent of the driver's codec.

Relays are coils 0 and up, inputs are discrete inputs 0 and up. A write to `pulse_base + relay` with a value of n
switches that relay on for n tenths of a second by the board's own timer, as the common boards do.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_sim.board import Sent
from firmware_sim.doors import Cabinet

UNIT_MS = 100
HELD = 1 << 60


@dataclass(slots=True)
class ModbusRelayBoard:
    """A relay for each channel's coil, and an input for each door.

    Args:
        address: unit number 1..247.
        closed_bit: level of an input whose door is closed.
    """

    cabinet: Cabinet
    address: int
    closed_bit: int = 1
    pulse_base: int = 0x0200
    reply_ms: int = 20
    frame_gap_ms: int = 25
    _pending: bytearray = field(default_factory=bytearray)
    _heard_at_ms: int = 0
    _on_until_ms: dict[int, int] = field(default_factory=dict)

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        if now_ms - self._heard_at_ms > self.frame_gap_ms:
            self._pending.clear()
        self._heard_at_ms = now_ms
        self._pending += data
        sent: list[Sent] = []
        while len(self._pending) >= 8:
            frame = bytes(self._pending[:8])
            if _crc(frame[:6]) != frame[6:]:
                del self._pending[0]
                continue
            del self._pending[:8]
            if frame[0] == self.address:
                sent.append(self._obey(frame, now_ms))
        return sent

    def relay_on(self, channel: int, at_ms: int) -> bool:
        """Whether a coil is fed at that time."""
        return at_ms < self._on_until_ms.get(channel, -1)

    def _obey(self, frame: bytes, now_ms: int) -> Sent:
        at_ms = now_ms + self.reply_ms
        function, first, second = frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:6], "big")
        match function:
            case 0x01 | 0x02:
                if not second or first + second > self.cabinet.channels:
                    return self._refuse(at_ms, function, 2)
                levels = [self._level(function, first + step + 1, at_ms) for step in range(second)]
                packed = sum(level << step for step, level in enumerate(levels)).to_bytes((second + 7) // 8, "little")
                return self._say(at_ms, bytes((function, len(packed))) + packed)
            case 0x05:
                code = self._write(first, second, now_ms)
                return self._refuse(at_ms, function, code) if code else self._say(at_ms, frame[1:6])
        return self._refuse(at_ms, function, 1)

    def _write(self, address: int, value: int, now_ms: int) -> int:
        """Switch a relay; returns the Modbus exception code, 0 when done."""
        timed = address >= self.pulse_base
        channel = (address - self.pulse_base if timed else address) + 1
        if channel not in self.cabinet.compartments:
            return 2
        if not timed and value not in (0xFF00, 0x0000):
            return 3
        until_ms = now_ms + value * UNIT_MS if timed else HELD if value else now_ms
        if until_ms > now_ms and not self.relay_on(channel, now_ms):
            self.cabinet.pulse(channel, now_ms)
        self._on_until_ms[channel] = until_ms
        return 0

    def _level(self, function: int, channel: int, at_ms: int) -> int:
        if function == 0x01:
            return int(self.relay_on(channel, at_ms))
        return self.cabinet.input_bit(channel, at_ms, self.closed_bit)

    def _refuse(self, at_ms: int, function: int, code: int) -> Sent:
        return self._say(at_ms, bytes((function | 0x80, code)))

    def _say(self, at_ms: int, body: bytes) -> Sent:
        whole = bytes((self.address,)) + body
        return at_ms, whole + _crc(whole)


def _crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return bytes((crc & 0xFF, crc >> 8))
