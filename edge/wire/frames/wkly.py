"""The WKLY lock-board family: `57 4B 4C 59 LEN BOARD CMD DATA XOR`, LEN the whole frame, 9600 8N1.

    unlock          … 09 board 82 channel xor    → … 0B board 82 status channel door xor   (some firmwares: silence)
    query one       … 09 board 83 channel xor    → … 0B board 83 status channel door xor
    query all       … 08 board 84 xor            → … board 84 [status] count door₁ … doorₙ xor
    door change     by itself, between replies:    … 0A board 85 channel door xor

A door byte 01 means closed, 00 open; status 00 is done, FF failed. The XOR runs over every byte before it: the four
start bytes and a length of 09 cancel each other, so a sum over the data alone would pass on requests and fail on
replies. Some firmwares begin their replies with 53. A reply is longer than its request, so no echo reads as one.
Commands 88 and 89 hold an output on: they would burn a lock's coil, and nothing here can encode them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan, xor_of

START = b"\x57\x4b\x4c\x59"
REPLY_STARTS = (START, b"\x53" + START[1:])
UNLOCK_MANY = 0x80
UNLOCK = 0x82
QUERY_ONE = 0x83
QUERY_ALL = 0x84
DOOR_CHANGE = 0x85
BOARDS = range(32)
CHANNELS = 48
DONE, FAILED = 0x00, 0xFF
HEAD_BYTES = 7
MAX_BYTES = HEAD_BYTES + 3 + CHANNELS


@dataclass(frozen=True, slots=True)
class ChannelReply:
    """Answer to unlock or query one (`command` tells which); `door_bit` raw: 1 is closed by the family's habit."""

    command: int
    board: int
    channel: int
    done: bool
    door_bit: int


@dataclass(frozen=True, slots=True)
class StatusReply:
    """Answer to query all; `door_bits[0]` is channel 1."""

    board: int
    door_bits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DoorChange:
    """A board tells by itself that a door moved."""

    board: int
    channel: int
    door_bit: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent; no channels means all."""

    command: int
    board: int
    channels: tuple[int, ...]


Reply = ChannelReply | StatusReply | DoorChange


def encode_unlock(board: int, channel: int) -> bytes:
    """Pulse one lock. Raises Malformed outside board 0..31 and channel 1..48."""
    return _frame(board, UNLOCK, bytes((_checked_channel(channel),)))


def encode_unlock_many(board: int, channels: Sequence[int]) -> bytes:
    """Pulse several locks at the same moment. For a technician's bench only: the supply feeds them all."""
    numbers = bytes(_checked_channel(channel) for channel in channels)
    if not numbers or len(set(numbers)) != len(numbers):
        raise Malformed("name each channel once, at least one", where="wkly")
    return _frame(board, UNLOCK_MANY, bytes((len(numbers),)) + numbers)


def encode_query_one(board: int, channel: int) -> bytes:
    return _frame(board, QUERY_ONE, bytes((_checked_channel(channel),)))


def encode_query_all(board: int) -> bytes:
    return _frame(board, QUERY_ALL)


def encode_reply(reply: Reply) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if isinstance(reply, StatusReply):
        if not 1 <= len(reply.door_bits) <= CHANNELS:
            raise Malformed("a status reply carries 1 to 48 doors", where="wkly")
        return _frame(reply.board, QUERY_ALL, bytes((DONE, len(reply.door_bits), *map(_checked_bit, reply.door_bits))))
    data = bytes((_checked_channel(reply.channel), _checked_bit(reply.door_bit)))
    if isinstance(reply, DoorChange):
        return _frame(reply.board, DOOR_CHANGE, data)
    return _frame(reply.board, reply.command, bytes((DONE if reply.done else FAILED,)) + data)


def reply_decoder() -> FrameDecoder[Reply]:
    """Decoder of what boards say, asked or not."""

    def recognise(window: bytes) -> Found[Reply] | Scan:
        framed = _framed(window, REPLY_STARTS)
        if isinstance(framed, Scan):
            return framed
        reply = _reply(*framed)
        return Scan.NOTHING if reply is None else Found(reply, window[4])

    return FrameDecoder(recognise, MAX_BYTES)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        framed = _framed(window, (START,))
        if isinstance(framed, Scan):
            return framed
        board, command, data = framed
        counted = command == UNLOCK_MANY and len(data) > 1 and data[0] == len(data) - 1
        single = command in (UNLOCK, QUERY_ONE) and len(data) == 1
        if not (counted or single or (command == QUERY_ALL and not data)):
            return Scan.NOTHING
        channels = data[1:] if counted else data
        if not all(1 <= channel <= CHANNELS for channel in channels):
            return Scan.NOTHING
        return Found(Request(command, board, tuple(channels)), window[4])

    return FrameDecoder(recognise, MAX_BYTES)


def _framed(window: bytes, starts: Sequence[bytes]) -> tuple[int, int, bytes] | Scan:
    """Board, command and data of a whole, well-sealed frame at the beginning of the window."""
    if not any(window[:4] == start[: len(window)] for start in starts):
        return Scan.NOTHING
    if len(window) < 5:
        return Scan.MORE
    size_bytes = window[4]
    if not HEAD_BYTES + 1 <= size_bytes <= MAX_BYTES or (len(window) > 5 and window[5] not in BOARDS):
        return Scan.NOTHING
    if len(window) < size_bytes:
        return Scan.MORE
    if xor_of(window[: size_bytes - 1]) != window[size_bytes - 1]:
        return Scan.NOTHING
    return window[5], window[6], window[HEAD_BYTES : size_bytes - 1]


def _reply(board: int, command: int, data: bytes) -> Reply | None:
    if command in (UNLOCK, QUERY_ONE) and len(data) == 3 and data[0] in (DONE, FAILED) and _is_door(data[1:]):
        return ChannelReply(command, board, data[1], data[0] == DONE, data[2])
    if command == DOOR_CHANGE and len(data) == 2 and _is_door(data):
        return DoorChange(board, *data)
    if command == QUERY_ALL:
        # With the status byte or without it: a count is never 00, so one look tells them apart.
        doors = data[2:] if data[:1] == bytes((DONE,)) else data[1:]
        count = data[-len(doors) - 1] if doors else 0
        if doors and count == len(doors) and all(bit in (0, 1) for bit in doors):
            return StatusReply(board, tuple(doors))
    return None


def _is_door(data: bytes) -> bool:
    return 1 <= data[0] <= CHANNELS and data[1] in (0, 1)


def _frame(board: int, command: int, data: bytes = b"") -> bytes:
    if board not in BOARDS:
        raise Malformed(f"board {board} is outside 0..31", where="wkly", remedy="Set the DIP switch's number.")
    body = START + bytes((HEAD_BYTES + len(data) + 1, board, command)) + data
    return body + bytes((xor_of(body),))


def _checked_channel(channel: int) -> int:
    if not 1 <= channel <= CHANNELS:
        raise Malformed(f"channel {channel} is outside 1..48", where="wkly", remedy="Name one channel of the board.")
    return channel


def _checked_bit(bit: int) -> int:
    if bit not in (0, 1):
        raise Malformed(f"a door is 0 or 1, not {bit}", where="wkly")
    return bit
