"""A deployable as a child process: started, watched, killed on purpose, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hil.errors import ProcessFailed

_PR_SET_PDEATHSIG = 1
READY_S = 60.0
STOP_S = 0.7


def die_with_parent() -> None:
    """Linux ends this child when its parent dies, however that happens (prctl(2), PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Deployable:
    """One `python -m PACKAGE …` with its own log file. It is ready when it prints one JSON line on stdout."""

    def __init__(self, name: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str] = {}) -> None:
        self.name = name
        self._arguments = tuple(arguments)
        self._log = log
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        self._process: asyncio.subprocess.Process | None = None
        self._drains: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running and self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> dict[str, Any]:
        """Start it and return its ready line.

        Raises:
            ProcessFailed: it ended or said nothing for a minute; the end of its log is quoted.
        """
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *self._arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
            env=self._environment,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        loop = asyncio.get_running_loop()
        self._drains = [loop.create_task(self._keep(process.stderr))]
        try:
            line = await asyncio.wait_for(self._ready_line(), READY_S)
        except TimeoutError:
            await self.stop()
            raise ProcessFailed("said nothing for a minute", where=self.name, remedy=await self._tail()) from None
        self._drains.append(loop.create_task(_drop(process.stdout)))
        return line

    async def _ready_line(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    return found
        code = await self._process.wait()
        raise ProcessFailed(f"ended with code {code} before it was ready", where=self.name, remedy=await self._tail())

    async def _keep(self, stream: asyncio.StreamReader) -> None:
        """Write what it says into its log: by this process, so that a full disk of the child's is not one of ours."""
        with self._log.open("ab", buffering=0) as log:
            while data := await stream.read(65536):
                log.write(data)

    async def kill(self) -> None:
        """Pull the plug: SIGKILL, no goodbye."""
        if self._process is not None and self.running:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL soon after: the demo as a whole ends within two seconds."""
        if self._process is None or not self.running:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            await self.kill()

    async def _tail(self) -> str:
        await asyncio.wait(self._drains, timeout=1)
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return f"Its log {self._log} ends: …{text[-1500:]}"


async def _drop(stream: asyncio.StreamReader) -> None:
    """Empty a stream, so that a chatty child never blocks."""
    while await stream.read(65536):
        pass
