"""Finds frames in a byte stream that may hold anything: the one scanner under every lock-board codec.

Noise is a value (`Garbage`), never an exception. A codec supplies `recognise`, a pure look at the bytes from one
offset on; the scanner supplies buffering, resynchronising by one byte, and the end-of-burst rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

F = TypeVar("F")

MAX_FRAME_BYTES = 32


@dataclass(frozen=True, slots=True)
class Garbage:
    """Bytes that belong to no frame, in the order in which they came."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Found(Generic[F]):
    """A frame that starts at the offset looked at and is `size_bytes` long."""

    frame: F
    size_bytes: int


class Scan(Enum):
    """What `recognise` says when there is no whole frame: more bytes may still complete one, or nothing can."""

    MORE = "more"
    NOTHING = "nothing"


Recognise = Callable[[bytes], "Found[F] | Scan"]


class FrameDecoder(Generic[F]):
    """Bytes in, frames and garbage out, sans-IO; never raises on any input. `max_frame_bytes`: the longest frame."""

    def __init__(self, recognise: Recognise[F], max_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        self._recognise = recognise
        self._max_frame_bytes = max_frame_bytes
        self._buffer = bytearray()
        self._quiet = False

    def receive_data(self, data: bytes) -> None:
        """Append what came from the line."""
        self._buffer += data
        if data:
            self._quiet = False

    def receive_quiet(self) -> None:
        """The line went silent: what is buffered will not be completed, so a false start must not hide a frame."""
        self._quiet = True

    def next_frame(self) -> F | Garbage | None:
        """The next frame, or the garbage before it; None when more bytes are needed."""
        skipped = 0
        while skipped < len(self._buffer):
            seen = self._recognise(bytes(self._buffer[skipped : skipped + self._max_frame_bytes]))
            if isinstance(seen, Found):
                return self._take(seen) if skipped == 0 else self._drop(skipped)
            if seen is Scan.MORE and not self._quiet:
                break
            skipped += 1
        return self._drop(skipped) if skipped else None

    def _take(self, found: Found[F]) -> F:
        del self._buffer[: found.size_bytes]
        return found.frame

    def _drop(self, size_bytes: int) -> Garbage:
        data = bytes(self._buffer[:size_bytes])
        del self._buffer[:size_bytes]
        return Garbage(data)


class EchoFilter:
    """Takes the adapter's echo of our own request out of the stream; what follows it comes from the boards.

    Some RS-485 adapters return every byte they send. On families whose answer may equal the request, only the
    position tells them apart: the first copy is the echo. Nothing passes until the echo was seen, so an adapter that
    is configured to echo and does not looks silent instead of confirming something.
    """

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._held: bytearray | None = bytearray()

    def receive_data(self, data: bytes) -> bytes:
        """The bytes of `data` that follow the echo."""
        if self._held is None:
            return data
        self._held += data
        at = self._held.find(self._request)
        if at < 0:
            return b""
        rest = bytes(self._held[at + len(self._request) :])
        self._held = None
        return rest


def bits(data: bytes) -> tuple[bool, ...]:
    """The bits of `data`, first byte first, least significant bit first: index 0 is channel 1."""
    return tuple(bool(byte >> bit & 1) for byte in data for bit in range(8))


def pack_bits(flags: tuple[bool, ...]) -> bytes:
    """Inverse of `bits`; the last byte is filled up with zeros."""
    out = bytearray((len(flags) + 7) // 8)
    for index, flag in enumerate(flags):
        if flag:
            out[index // 8] |= 1 << index % 8
    return bytes(out)


def sum_of(data: bytes) -> int:
    """Sum of all bytes mod 256 (KERONG checksum; blind to swapped bytes)."""
    return sum(data) & 0xFF


def xor_of(data: bytes) -> int:
    """XOR of all bytes ("8A" checksum; blind to swapped bytes)."""
    value = 0
    for byte in data:
        value ^= byte
    return value
