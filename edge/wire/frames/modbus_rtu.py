"""The part of Modbus RTU that a relay board with inputs needs (Modbus application protocol 1.1b3, serial line 1.02).

    read coils    unit 01 start₂ count₂ crc₂    → unit 01 n bits crc₂
    read inputs   unit 02 start₂ count₂ crc₂    → unit 02 n bits crc₂
    write coil    unit 05 address₂ value₂ crc₂  → the same bytes back
    refusal                                     → unit function|80 code crc₂

Numbers go high byte first, the CRC low byte first. A write is confirmed by its own bytes, so an adapter that echoes
looks like a board that obeys: whoever pulses has to read the coil back to know. Values other than FF00 and 0000 in a
write are the vendors' own, such as "on for n tenths of a second" at an address range of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan, bits, pack_bits

READ_COILS = 0x01
READ_INPUTS = 0x02
WRITE_COIL = 0x05
ERROR_BIT = 0x80
UNITS = range(1, 248)
COUNT_MAX = 2_000
FIXED_BYTES = 8
ERROR_BYTES = 5
MAX_BYTES = 256
_FUNCTIONS = (READ_COILS, READ_INPUTS, WRITE_COIL)


@dataclass(frozen=True, slots=True)
class BitsReply:
    """Answer to a read; the last byte's unused bits are there, too, so there are at least as many as asked for."""

    unit: int
    function: int
    values: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class WriteReply:
    """Answer to a write: what was asked for."""

    unit: int
    address: int
    value: int


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The board refuses a function; `code` 1 unknown function, 2 unknown address, 3 bad value, 4 failed, 6 busy."""

    unit: int
    function: int
    code: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent; `value` is the count of a read."""

    function: int
    unit: int
    address: int
    value: int


Reply = BitsReply | WriteReply | ErrorReply


def encode_read(unit: int, function: int, start: int, count: int) -> bytes:
    """Ask for `count` coils or inputs from `start` on. Raises Malformed outside unit 1..247 and count 1..2000."""
    if function not in (READ_COILS, READ_INPUTS) or not 1 <= count <= COUNT_MAX or start + count > 0x10000:
        raise Malformed(f"cannot read {count} bits from {start} with function {function}", where="modbus_rtu")
    return _numbers(unit, function, start, count)


def encode_write_coil(unit: int, address: int, value: int) -> bytes:
    """Write one coil; `value` FF00 on, 0000 off, or what the vendor defines at that address."""
    return _numbers(unit, WRITE_COIL, address, value)


def encode_reply(reply: Reply) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if isinstance(reply, WriteReply):
        return encode_write_coil(reply.unit, reply.address, reply.value)
    if isinstance(reply, ErrorReply):
        return _sealed(bytes((_checked_unit(reply.unit), reply.function | ERROR_BIT, reply.code)))
    data = pack_bits(reply.values)
    if not data or len(data) > COUNT_MAX // 8:
        raise Malformed("a read answers with 1 to 2000 bits", where="modbus_rtu")
    return _sealed(bytes((_checked_unit(reply.unit), reply.function, len(data))) + data)


def reply_decoder() -> FrameDecoder[Reply]:
    """Decoder of what boards answer."""

    def recognise(window: bytes) -> Found[Reply] | Scan:
        size_bytes = _reply_bytes(window)
        if isinstance(size_bytes, Scan):
            return size_bytes
        if len(window) < size_bytes:
            return Scan.MORE
        body, seal = window[: size_bytes - 2], window[size_bytes - 2 : size_bytes]
        return Found(_reply(body), size_bytes) if crc_of(body) == seal else Scan.NOTHING

    return FrameDecoder(recognise, MAX_BYTES)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        if window[0] not in UNITS or (len(window) > 1 and window[1] not in _FUNCTIONS):
            return Scan.NOTHING
        if len(window) < FIXED_BYTES:
            return Scan.MORE
        body = window[: FIXED_BYTES - 2]
        if crc_of(body) != window[FIXED_BYTES - 2 : FIXED_BYTES]:
            return Scan.NOTHING
        return Found(Request(body[1], body[0], _number(body[2:4]), _number(body[4:6])), FIXED_BYTES)

    return FrameDecoder(recognise, MAX_BYTES)


def crc_of(data: bytes) -> bytes:
    """CRC-16/MODBUS (reflected polynomial A001, start FFFF), as it goes over the line."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def _reply_bytes(window: bytes) -> int | Scan:
    if window[0] not in UNITS:
        return Scan.NOTHING
    if len(window) < 3:
        return Scan.MORE if len(window) < 2 or window[1] & ~ERROR_BIT in _FUNCTIONS else Scan.NOTHING
    function, count = window[1:3]
    if function & ERROR_BIT:
        return ERROR_BYTES if function & ~ERROR_BIT in _FUNCTIONS else Scan.NOTHING
    if function == WRITE_COIL:
        return FIXED_BYTES
    known = function in (READ_COILS, READ_INPUTS) and 1 <= count <= COUNT_MAX // 8
    return 3 + count + 2 if known else Scan.NOTHING


def _reply(body: bytes) -> Reply:
    unit, function = body[:2]
    if function & ERROR_BIT:
        return ErrorReply(unit, function & ~ERROR_BIT, body[2])
    if function == WRITE_COIL:
        return WriteReply(unit, _number(body[2:4]), _number(body[4:6]))
    return BitsReply(unit, function, bits(body[3:]))


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _numbers(unit: int, function: int, first: int, second: int) -> bytes:
    if not (0 <= first <= 0xFFFF and 0 <= second <= 0xFFFF):
        raise Malformed(f"{first} or {second} has more than 16 bits", where="modbus_rtu")
    return _sealed(bytes((_checked_unit(unit), function)) + first.to_bytes(2, "big") + second.to_bytes(2, "big"))


def _sealed(body: bytes) -> bytes:
    return body + crc_of(body)


def _checked_unit(unit: int) -> int:
    if unit not in UNITS:
        raise Malformed(f"unit {unit} is outside 1..247", where="modbus_rtu", remedy="Set the board's unit number.")
    return unit
