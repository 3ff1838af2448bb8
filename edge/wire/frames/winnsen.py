"""The Winnsen lock-board family: fixed lengths, an end byte and no checksum, 9600 8N1.

    unlock     90 06 05 station lock 03    → 90 07 85 station lock status 03
    query      90 06 12 station lock 03    → 90 07 92 station lock status 03, or with status before lock

Status 01 is open or done, 00 closed or failed (the other way round than KERONG and WKLY), 02 refused because the coil
still cools. Sources disagree about the order of lock and status in the answer to a query, and 01 and 02 are both:
whoever decodes must be told. Without a checksum only the fixed bytes and the ranges guard a frame, so a reading
counts when two in a row agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.wire.errors import Malformed
from edge.wire.frames.frame import Found, FrameDecoder, Scan

START = 0x90
END = 0x03
UNLOCK = 0x05
QUERY = 0x12
REPLY_BIT = 0x80
REQUEST_BYTES = 6
REPLY_BYTES = 7
STATIONS = range(32)
LOCKS = 24
CLOSED_OR_FAILED, OPEN_OR_DONE, COOLING = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to `command` (UNLOCK or QUERY); `status` raw."""

    command: int
    station: int
    lock: int
    status: int


@dataclass(frozen=True, slots=True)
class Request:
    """What a host sent."""

    command: int
    station: int
    lock: int


def encode_unlock(station: int, lock: int) -> bytes:
    """Pulse one lock. Raises Malformed outside station 0..31 and lock 1..24."""
    return _request(UNLOCK, station, lock)


def encode_query(station: int, lock: int) -> bytes:
    """Ask for one door: the family has no question for all of them."""
    return _request(QUERY, station, lock)


def encode_reply(reply: Reply, *, status_first: bool = False) -> bytes:
    """The bytes a board sends; the inverse of the reply decoder."""
    if reply.command not in (UNLOCK, QUERY) or reply.status not in (0, 1, 2):
        raise Malformed("no such answer", where="winnsen")
    fields = bytes((_checked_lock(reply.lock), reply.status))
    if status_first and reply.command == QUERY:
        fields = fields[::-1]
    head = bytes((START, REPLY_BYTES, reply.command | REPLY_BIT, _checked_station(reply.station)))
    return head + fields + bytes((END,))


def reply_decoder(*, status_first: bool = False) -> FrameDecoder[Reply]:
    """Decoder of what boards answer.

    Args:
        status_first: this firmware sends the status before the lock in its answer to a query.
    """

    def recognise(window: bytes) -> Found[Reply] | Scan:
        if not _begins(window, REPLY_BYTES, (UNLOCK | REPLY_BIT, QUERY | REPLY_BIT)):
            return Scan.NOTHING
        if len(window) < REPLY_BYTES:
            return Scan.MORE
        command, (lock, status) = window[2] & ~REPLY_BIT, window[4:6]
        if status_first and command == QUERY:
            lock, status = status, lock
        if window[6] != END or not 1 <= lock <= LOCKS or status not in (0, 1, 2):
            return Scan.NOTHING
        return Found(Reply(command, window[3], lock, status), REPLY_BYTES)

    return FrameDecoder(recognise)


def request_decoder() -> FrameDecoder[Request]:
    """Decoder of what hosts send, for a bus monitor."""

    def recognise(window: bytes) -> Found[Request] | Scan:
        if not _begins(window, REQUEST_BYTES, (UNLOCK, QUERY)):
            return Scan.NOTHING
        if len(window) < REQUEST_BYTES:
            return Scan.MORE
        if window[5] != END or not 1 <= window[4] <= LOCKS:
            return Scan.NOTHING
        return Found(Request(window[2], window[3], window[4]), REQUEST_BYTES)

    return FrameDecoder(recognise)


def _begins(window: bytes, size_bytes: int, commands: tuple[int, ...]) -> bool:
    return (
        window[:2] == bytes((START, size_bytes))[: len(window)]
        and (len(window) < 3 or window[2] in commands)
        and (len(window) < 4 or window[3] in STATIONS)
    )


def _request(command: int, station: int, lock: int) -> bytes:
    return bytes((START, REQUEST_BYTES, command, _checked_station(station), _checked_lock(lock), END))


def _checked_station(station: int) -> int:
    if station not in STATIONS:
        raise Malformed(f"station {station} is outside 0..31", where="winnsen", remedy="Set the DIP switch's number.")
    return station


def _checked_lock(lock: int) -> int:
    if not 1 <= lock <= LOCKS:
        raise Malformed(f"lock {lock} is outside 1..24", where="winnsen", remedy="Name one lock of the board.")
    return lock
