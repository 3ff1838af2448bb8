"""`hil.protocols.LineToHost`: a serial line of a guest whose other end is a pipe of the host."""

from __future__ import annotations

import asyncio
import os


class LinePipe:
    """What the guest has written is in the pipe, whatever becomes of the guest at the next instant."""

    def __init__(self, device_path: str) -> None:
        self._device_path = device_path
        self._read_fd, self.write_fd = os.pipe()
        self._reader = asyncio.StreamReader()
        self._transport: asyncio.ReadTransport | None = None

    @property
    def device_path(self) -> str:
        return self._device_path

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(self._read_fd, "rb", buffering=0)
        self._transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), pipe)

    async def next_line(self, timeout_s: float) -> str | None:
        """The next whole line; None when none came in time. A line that a plug pull broke off is dropped."""
        try:
            async with asyncio.timeout(timeout_s):
                return (await self._reader.readline()).decode("utf-8", "replace").strip()
        except TimeoutError:
            return None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
        os.close(self.write_fd)
