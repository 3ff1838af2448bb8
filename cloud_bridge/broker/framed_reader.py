"""One client's byte stream with its limits: no packet over the cap is read, and silence ends the stream."""

from __future__ import annotations

import asyncio

from amqtt.adapters import ReaderAdapter, StreamWriterAdapter

_FLUSH_S = 1.0
_MAX_LENGTH_BYTES = 4


class FramedReader(ReaderAdapter):
    """Follows the packet boundaries beside the parser, so that neither a length nor a field can ask for more.

    Past the end, at a breach and after silence every read answers `b""`, which the parser takes for a closed stream.
    """

    def __init__(self, stream: asyncio.StreamReader, *, max_packet_bytes: int, idle_s: float) -> None:
        self._stream = stream
        self._loop = asyncio.get_running_loop()
        self._header = bytearray()
        self._left_bytes = 0
        self._ended = False
        self._timer: asyncio.TimerHandle | None = None
        self.breach = ""
        self.permit(max_packet_bytes=max_packet_bytes, idle_s=idle_s)

    def permit(self, *, max_packet_bytes: int, idle_s: float) -> None:
        """Set the limits from now on: a stranger's are tighter than a known client's."""
        self._max_packet_bytes = max_packet_bytes
        self._idle_s = idle_s
        self._heard_at_s = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._watch()

    @property
    def between_packets(self) -> bool:
        """True when every byte of the packet that was begun has been read."""
        return not self._header and self._left_bytes == 0

    async def read(self, n: int = -1) -> bytes:
        """Exactly `n` bytes, or none."""
        if n <= 0 or self._ended:
            return b""
        if n > (self._left_bytes or 1):
            return self._end("a field reaches past its packet")
        try:
            data = await self._stream.readexactly(n)
        except (asyncio.IncompleteReadError, OSError):
            return self._end("")
        if self._left_bytes:
            self._left_bytes -= n
        else:
            self._follow_header(data[0])
        if self.between_packets:
            self._heard_at_s = self._loop.time()
        return b"" if self._ended else data

    def feed_eof(self) -> None:
        """End the stream for the parser, whatever the peer still sends."""
        self._end("")

    def close(self) -> None:
        """Stop the watch."""
        self._end("")
        if self._timer is not None:
            self._timer.cancel()

    def _follow_header(self, byte: int) -> None:
        self._header.append(byte)
        if len(self._header) == 1 or byte & 0x80:
            if len(self._header) > _MAX_LENGTH_BYTES:
                self._end("length of more than four bytes")
            return
        length = sum((part & 0x7F) << (7 * place) for place, part in enumerate(self._header[1:]))
        if length + len(self._header) > self._max_packet_bytes:
            self._end(f"packet of {length} bytes")
        self._left_bytes = length
        self._header.clear()

    def _watch(self) -> None:
        """Fire once per idle span: a timer per packet would cost more than the packet."""
        if self._ended:
            return
        left_s = self._heard_at_s + self._idle_s - self._loop.time()
        if left_s <= 0:
            self._end("silent for too long")
        else:
            self._timer = self._loop.call_later(left_s, self._watch)

    def _end(self, breach: str) -> bytes:
        if not self._ended:
            self._ended = True
            self.breach = breach
            if self._stream.exception() is None:
                self._stream.set_exception(ConnectionAbortedError())
        return b""


class BoundedWriter(StreamWriterAdapter):
    """A stream writer whose close does not wait for a peer that stopped reading."""

    async def close(self) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        try:
            async with asyncio.timeout(_FLUSH_S):
                await self._writer.drain()
                self._writer.close()
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            self.abort()

    def abort(self) -> None:
        """Drop the connection with whatever is unsent."""
        self.is_closed = True
        self._writer.transport.abort()
