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
READY_S = 30.0
STOP_S = 1.0


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
        self._drain: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.running and self._process is not None else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> dict[str, Any]:
        """Start it and return its ready line.

        Raises:
            ProcessFailed: it ended or said nothing for 30 s; the end of its log is quoted.
        """
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *self._arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                stdin=asyncio.subprocess.DEVNULL,
                env=self._environment,
                preexec_fn=die_with_parent,
                start_new_session=True,
            )
        try:
            line = await asyncio.wait_for(self._ready_line(), READY_S)
        except TimeoutError:
            await self.stop()
            raise ProcessFailed("said nothing for 30 s", where=self.name, remedy=self._tail()) from None
        self._drain = asyncio.get_running_loop().create_task(self._read_on())
        return line

    async def _ready_line(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        while line := await self._process.stdout.readline():
            with contextlib.suppress(ValueError):
                found = json.loads(line)
                if isinstance(found, dict):
                    return found
        code = await self._process.wait()
        raise ProcessFailed(f"ended with code {code} before it was ready", where=self.name, remedy=self._tail())

    async def _read_on(self) -> None:
        """Empty its stdout, so that a chatty child never blocks."""
        assert self._process is not None and self._process.stdout is not None
        while await self._process.stdout.read(65536):
            pass

    async def kill(self) -> None:
        """Pull the plug: SIGKILL, no goodbye."""
        if self._process is not None and self.running:
            self._process.kill()
            await self._process.wait()

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after a second."""
        if self._process is None or not self.running:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            await self.kill()

    def _tail(self) -> str:
        text = self._log.read_text("utf-8", "replace") if self._log.exists() else ""
        return f"Its log {self._log} ends: …{text[-1500:]}"
