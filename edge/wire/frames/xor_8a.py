"""The XOR "8A" lock-board family: five-byte requests, XOR of all preceding bytes at the end, 9600 8N1.

    unlock          8A board channel 11 xor     → 8A board channel status xor
    query one       80 board channel 33 xor     → 80 board channel status xor
    query all       80 board 00      33 xor     → 80 board g(n) … g1 33 xor      (one byte per group of 8 channels)

Facts that decide how this is used: status (and bit) 11 means *closed* on boards with door-closing feedback and *open*
on boards with door-opening feedback, so a status is handed on raw; one of the two answers to an unlock has the very
bytes of the request; a query-all reply may begin with the bytes of a query-one reply, so a decoder must be told which
one was asked for; XOR does not see swapped bytes, so board, channel and status are range-checked.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan, bits, pack_bits, xor_of

UNLOCK = 0x8A
QUERY = 0x80
PULL = 0x11
ASK = 0x33
ALL = 0x00
STATUS_SET = 0x11
STATUS_CLEAR = 0x00
BOARDS = range(1, 32)
MAX_GROUPS = 3
CHANNELS_PER_GROUP = 8
SHORT_BYTES = 5


@dataclass(frozen=True, slots=True)
class UnlockReply:
    """Status after the pulse; `status_set` is the raw 11, open or closed by the board's configured polarity."""

    board: int
    channel: int
    status_set: bool


@dataclass(frozen=True, slots=True)
class ChannelReply:
    """Answer to query one; `status_set` raw as in `UnlockReply`."""

    board: int
    channel: int
    status_set: bool


@dataclass(frozen=True, slots=True)
class StatusReply:
    """Answer to query all; `bits_set[0]` is channel 1, raw; inputs that are not wired read False."""

    board: int
    bits_set: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent; `command` is UNLOCK or QUERY, `channel` 0 means all."""

    command: int
    board: int
    channel: int


Reply = UnlockReply | ChannelReply | StatusReply


def encode_unlock(board: int, channel: int) -> bytes:
    """Pulse one lock. Raises Malformed outside board 1..31 and channel 1..24, so 0 (all) cannot slip through."""
    return _request(UNLOCK, board, _checked_channel(channel), PULL)


def encode_unlock_all(board: int) -> bytes:
    """Pulse every lock of a board, one after another (up to 10 s). For a technician's bench only."""
    return _request(UNLOCK, board, ALL, PULL)


def encode_query_one(board: int, channel: int) -> bytes:
    return _request(QUERY, board, _checked_channel(channel), ASK)


def encode_query_all(board: int) -> bytes:
    return _request(QUERY, board, ALL, ASK)


def encode_reply(reply: Reply) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if isinstance(reply, StatusReply):
        groups = pack_bits(reply.bits_set)
        if not 1 <= len(groups) <= MAX_GROUPS:
            raise Malformed("a status reply has 1 to 3 groups of 8 channels", where="xor_8a")
        return _sealed(bytes((QUERY, _checked_board(reply.board))) + groups[::-1] + bytes((ASK,)))
    command = UNLOCK if isinstance(reply, UnlockReply) else QUERY
    status = STATUS_SET if reply.status_set else STATUS_CLEAR
    return _request(command, reply.board, _checked_channel(reply.channel), status)


def reply_decoder(*, groups: int = MAX_GROUPS, query_one: bool = False) -> FrameDecoder[Reply]:
    """Decoder of what boards answer.

    Args:
        groups: status bytes in a query-all reply (an 8-channel board may well send three).
        query_one: the request on the line was query one, so `80` frames are `ChannelReply`, not `StatusReply`.
    """
    if not 1 <= groups <= MAX_GROUPS:
        raise Malformed(f"groups {groups} is outside 1..{MAX_GROUPS}", where="xor_8a")

    def recognise(window: bytes) -> Found[Reply] | Scan:
        if window[0] == UNLOCK or (window[0] == QUERY and query_one):
            return _short_reply(window)
        return _status_reply(window, groups) if window[0] == QUERY else Scan.NOTHING

    return FrameDecoder(recognise)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        tail = {UNLOCK: PULL, QUERY: ASK}.get(window[0])
        if tail is None or not _addressed(window):
            return Scan.NOTHING
        if len(window) < SHORT_BYTES:
            return Scan.MORE
        command, board, channel, last, check = window[:SHORT_BYTES]
        if last != tail or channel > MAX_GROUPS * CHANNELS_PER_GROUP or check != xor_of(window[:4]):
            return Scan.NOTHING
        return Found(Request(command, board, channel), SHORT_BYTES)

    return FrameDecoder(recognise)


def _addressed(window: bytes) -> bool:
    return len(window) < 2 or window[1] in BOARDS


def _short_reply(window: bytes) -> Found[Reply] | Scan:
    if not _addressed(window):
        return Scan.NOTHING
    if len(window) < SHORT_BYTES:
        return Scan.MORE
    command, board, channel, status, check = window[:SHORT_BYTES]
    if check != xor_of(window[:4]) or status not in (STATUS_SET, STATUS_CLEAR):
        return Scan.NOTHING
    if not 1 <= channel <= MAX_GROUPS * CHANNELS_PER_GROUP:
        return Scan.NOTHING
    kind = UnlockReply if command == UNLOCK else ChannelReply
    return Found(kind(board, channel, status == STATUS_SET), SHORT_BYTES)


def _status_reply(window: bytes, groups: int) -> Found[Reply] | Scan:
    size_bytes = 4 + groups
    if not _addressed(window):
        return Scan.NOTHING
    if len(window) < size_bytes:
        return Scan.MORE
    if window[size_bytes - 2] != ASK or window[size_bytes - 1] != xor_of(window[: size_bytes - 1]):
        return Scan.NOTHING
    return Found(StatusReply(window[1], bits(window[2 : 2 + groups][::-1])), size_bytes)


def _request(command: int, board: int, channel: int, last: int) -> bytes:
    return _sealed(bytes((command, _checked_board(board), channel, last)))


def _sealed(body: bytes) -> bytes:
    return body + bytes((xor_of(body),))


def _checked_board(board: int) -> int:
    if board not in BOARDS:
        raise Malformed(f"board {board} is outside 1..31", where="xor_8a", remedy="Set the DIP switch's number.")
    return board


def _checked_channel(channel: int) -> int:
    if not 1 <= channel <= MAX_GROUPS * CHANNELS_PER_GROUP:
        raise Malformed(f"channel {channel} is outside 1..24", where="xor_8a", remedy="Name one channel of the board.")
    return channel
