"""A network cable that can be pulled: a TCP forwarder on loopback between a device and its broker."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, for no time: the kernel sends RST instead of FIN


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

    def reset(self) -> int:
        """Reset every connection that stands, at both ends (RST, as a dying router does); how many there were."""
        ends = tuple(self._writers)
        for writer in ends:
            with contextlib.suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            writer.transport.abort()
        return len(ends) // 2

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
