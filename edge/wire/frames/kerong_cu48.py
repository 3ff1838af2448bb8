"""The KERONG CU48 variant: 48 locks a board, its own byte for the lock, and a reply without an end byte.

status          02 DEV 00   60 03 sum       → 02 DEV 00 75 06 b0 … b5 sum    (bit 1 = closed)
unlock          02 DEV lock 61 03 sum       lock 0..47 on the wire; nothing is promised in return
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan, bits, pack_bits, sum_of

STX = 0x02
ETX = 0x03
STATUS = 0x60
UNLOCK = 0x61
STATUS_REPLY = 0x75
DATA_BYTES = 6
BOARDS = range(256)
LOCKS = 48
REQUEST_BYTES = 6
REPLY_BYTES = 12


@dataclass(frozen=True, slots=True)
class StatusReply:
    """`closed[0]` belongs to lock 1."""

    board: int
    closed: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent; `lock` counts from 1 and means nothing but with UNLOCK."""

    command: int
    board: int
    lock: int


def encode_status(board: int) -> bytes:
    return _request(board, 1, STATUS)


def encode_unlock(board: int, lock: int) -> bytes:
    """Pulse one lock. Raises Malformed outside board 0..255 and lock 1..48; 49 is never clamped to 48."""
    return _request(board, lock, UNLOCK)


def encode_status_reply(reply: StatusReply) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if len(reply.closed) != LOCKS:
        raise Malformed("a status reply carries 48 locks", where="kerong_cu48")
    body = bytes((STX, _checked_board(reply.board), 0, STATUS_REPLY, DATA_BYTES)) + pack_bits(reply.closed)
    return body + bytes((sum_of(body),))


def reply_decoder() -> FrameDecoder[StatusReply]:
    """Decoder of what boards answer."""

    def recognise(window: bytes) -> Found[StatusReply] | Scan:
        expected = (STX, None, 0, STATUS_REPLY, DATA_BYTES)
        if any(want is not None and got != want for got, want in zip(window, expected, strict=False)):
            return Scan.NOTHING
        if len(window) < REPLY_BYTES:
            return Scan.MORE
        if window[REPLY_BYTES - 1] != sum_of(window[: REPLY_BYTES - 1]):
            return Scan.NOTHING
        return Found(StatusReply(window[1], bits(window[5:11])), REPLY_BYTES)

    return FrameDecoder(recognise)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        if window[0] != STX or (len(window) > 2 and window[2] >= LOCKS):
            return Scan.NOTHING
        if len(window) < REQUEST_BYTES:
            return Scan.MORE
        command, etx, check = window[3:REQUEST_BYTES]
        if command not in (STATUS, UNLOCK) or etx != ETX or check != sum_of(window[: REQUEST_BYTES - 1]):
            return Scan.NOTHING
        return Found(Request(command, window[1], window[2] + 1), REQUEST_BYTES)

    return FrameDecoder(recognise)


def _request(board: int, lock: int, command: int) -> bytes:
    if not 1 <= lock <= LOCKS:
        raise Malformed(f"lock {lock} is outside 1..48", where="kerong_cu48", remedy="Name one lock of the board.")
    body = bytes((STX, _checked_board(board), lock - 1, command, ETX))
    return body + bytes((sum_of(body),))


def _checked_board(board: int) -> int:
    if board not in BOARDS:
        raise Malformed(f"board {board} is outside 0..255", where="kerong_cu48", remedy="Set the board's number.")
    return board
