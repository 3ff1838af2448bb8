"""A network cable that can be pulled: a TCP forwarder on loopback between a device and its broker."""

from __future__ import annotations

import asyncio
import contextlib


class Cable:
    """Forwards to `target_port`. While it is pulled, connections are reset and new ones refused."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.plugged = True
        self.port = 0

    async def open(self, port: int = 0) -> int:
        """Listen; returns the loopback port to give to the device."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    def pull(self) -> None:
        self.plugged = False
        self.reset()

    def plug(self) -> None:
        self.plugged = True

    def reset(self) -> None:
        """Reset every connection that stands (RST, as a dying router does)."""
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def close(self) -> None:
        self.reset()
        if self._server is not None:
            self._server.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.plugged:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        pair = {writer, far_writer}
        self._writers |= pair
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, far_writer))
                group.create_task(_copy(far_reader, writer))
        finally:
            self._writers -= pair
            for end in pair:
                end.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
