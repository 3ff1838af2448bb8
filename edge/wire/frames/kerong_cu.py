"""The KERONG CU lock-board family (16 locks a board): `02 ADDR CMD [data] 03 SUM`, factory line 19200 8N1.

    ADDR            high nibble board 0..15, low nibble lock − 1; F0 with command 32 asks all boards
    status          02 b0 30 03 sum             → 02 b0 35 hook₁₋₈ hook₉₋₁₆ item₁₋₈ item₉₋₁₆ 03 sum
    unlock          02 bl 31 03 sum             → some firmwares send a status reply, some nothing
    pulse length    02 b0 37 hi lo 03 sum       in units of 10 ms

A hook bit 1 means locked; an item bit 1 means that the infrared sensor sees something. The end byte 03 may stand
inside the data, so only the length by command counts. Lock 17 would become board 1 lock 1: every encoder checks.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan, bits, pack_bits, sum_of

STX = 0x02
ETX = 0x03
STATUS = 0x30
UNLOCK = 0x31
BUS_STATUS = 0x32
UNLOCK_ALL = 0x33
STATUS_REPLY = 0x35
SET_PULSE = 0x37
ALL_BOARDS = 0xF0
BOARDS = range(16)
LOCKS = 16
REPLY_BYTES = 9
PULSE_UNIT_MS = 10
REQUEST_BYTES = {STATUS: 5, UNLOCK: 5, BUS_STATUS: 5, UNLOCK_ALL: 5, SET_PULSE: 7}


@dataclass(frozen=True, slots=True)
class StatusReply:
    """`locked[0]` and `occupied[0]` belong to lock 1."""

    board: int
    locked: tuple[bool, ...]
    occupied: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent; `lock` counts from 1 and means nothing but with UNLOCK; `data` is the pulse length's."""

    command: int
    board: int
    lock: int
    data: bytes = b""


def encode_status(board: int) -> bytes:
    return _request(_address(board, 1), STATUS)


def encode_unlock(board: int, lock: int) -> bytes:
    """Pulse one lock. Raises Malformed outside board 0..15 and lock 1..16."""
    return _request(_address(board, lock), UNLOCK)


def encode_unlock_all(board: int) -> bytes:
    """Pulse every lock of a board. For a technician's bench only."""
    return _request(_address(board, 1), UNLOCK_ALL)


def encode_bus_status() -> bytes:
    """Ask all boards of the bus at once; they answer one after another."""
    return _request(ALL_BOARDS, BUS_STATUS)


def encode_set_pulse(board: int, pulse_ms: int) -> bytes:
    """Store the coil's pulse length: 10 ms to 655,350 ms in steps of 10 ms."""
    units, rest = divmod(pulse_ms, PULSE_UNIT_MS)
    if rest or not 1 <= units <= 0xFFFF:
        raise Malformed(f"pulse of {pulse_ms} ms is no multiple of 10 ms in 10..655350", where="kerong_cu")
    return _request(_address(board, 1), SET_PULSE, units.to_bytes(2, "big"))


def encode_status_reply(reply: StatusReply) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if len(reply.locked) != LOCKS or len(reply.occupied) != LOCKS:
        raise Malformed("a status reply carries 16 hooks and 16 items", where="kerong_cu")
    data = pack_bits(reply.locked) + pack_bits(reply.occupied)
    return _request(_address(reply.board, 1), STATUS_REPLY, data)


def reply_decoder() -> FrameDecoder[StatusReply]:
    """Decoder of what boards answer."""

    def recognise(window: bytes) -> Found[StatusReply] | Scan:
        size_bytes = REPLY_BYTES
        if window[0] != STX or (len(window) > 1 and window[1] & 0x0F):
            return Scan.NOTHING
        if len(window) > 2 and window[2] != STATUS_REPLY:
            return Scan.NOTHING
        if len(window) < size_bytes:
            return Scan.MORE
        if not _sealed_well(window, size_bytes):
            return Scan.NOTHING
        return Found(StatusReply(window[1] >> 4, bits(window[3:5]), bits(window[5:7])), size_bytes)

    return FrameDecoder(recognise)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        if window[0] != STX:
            return Scan.NOTHING
        if len(window) < 3:
            return Scan.MORE
        size_bytes = REQUEST_BYTES.get(window[2])
        if size_bytes is None:
            return Scan.NOTHING
        if len(window) < size_bytes:
            return Scan.MORE
        if not _sealed_well(window, size_bytes):
            return Scan.NOTHING
        address, data = window[1], window[3 : size_bytes - 2]
        return Found(Request(window[2], address >> 4, (address & 0x0F) + 1, data), size_bytes)

    return FrameDecoder(recognise)


def _sealed_well(window: bytes, size_bytes: int) -> bool:
    return window[size_bytes - 2] == ETX and window[size_bytes - 1] == sum_of(window[: size_bytes - 1])


def _request(address: int, command: int, data: bytes = b"") -> bytes:
    body = bytes((STX, address, command)) + data + bytes((ETX,))
    return body + bytes((sum_of(body),))


def _address(board: int, lock: int) -> int:
    if board not in BOARDS:
        raise Malformed(f"board {board} is outside 0..15", where="kerong_cu", remedy="Set the DIP switch's number.")
    if not 1 <= lock <= LOCKS:
        raise Malformed(f"lock {lock} is outside 1..16", where="kerong_cu", remedy="Name one lock of the board.")
    return board << 4 | (lock - 1)
