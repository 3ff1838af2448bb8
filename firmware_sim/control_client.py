"""The other end of the control socket, for whoever stands in for people and bad luck."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from firmware_sim.errors import ControlFailed

READ_LIMIT_BYTES = 16 * 1024 * 1024


class ControlClient:
    """One connection; requests are answered in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, socket_path: Path) -> ControlClient:
        return cls(*await asyncio.open_unix_connection(socket_path, limit=READ_LIMIT_BYTES))

    async def ask(self, op: str, **fields: object) -> Any:
        """Perform one operation of `control_requests`; returns its result.

        Raises:
            ControlFailed: the simulator refused.
            ConnectionError: the simulator is gone.
        """
        async with self._turn:
            self._writer.write(json.dumps({"op": op, **fields}).encode() + b"\n")
            await self._writer.drain()
            line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("the simulator closed the control socket")
        answer = json.loads(line)
        if not answer["ok"]:
            raise ControlFailed(answer["error"])
        return answer["result"]

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()
