"""`hil.protocols.Boards`: simulated lock boards as a process of their own, each serial line a pty of the host."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from firmware_sim.control_client import ControlClient
from hil.process import Deployable
from hil.rig_file import SerialLine


class BoardLines:
    """Starts `pw-sim` for every line and thermometer.

    `ports` maps a line's name to its pty. `links` is a folder that the device sees: thermometers are files there.
    """

    def __init__(
        self, lines: Sequence[SerialLine], folder: Path, links: Path, thermometers: Sequence[str] = ()
    ) -> None:
        self.lines = tuple(lines)
        self.thermometers = tuple(thermometers)
        self._folder = folder
        self._links = links
        self._process: Deployable | None = None
        self._client: ControlClient | None = None
        self.ports: dict[str, str] = {}

    async def start(self) -> None:
        """
        Raises:
            ProcessFailed: the simulator refused the boards or did not start.
        """
        control = self._folder / "boards.sock"
        self._links.mkdir(parents=True, exist_ok=True)
        described = {
            "ports": [{"name": line.name, "boards": list(line.boards)} for line in self.lines if line.boards],
            "readers": [{"name": line.name, "protocol": line.reader} for line in self.lines if line.reader],
            "thermometers": list(self.thermometers),
        }
        config = self._folder / "boards.json"
        config.write_text(json.dumps(described), "utf-8")
        words = ["firmware_sim", "locker", "--config", str(config), "--links", str(self._links)]
        words += ["--control", str(control), "--json"]
        self._process = Deployable("boards", words, self._folder / "boards.log")
        ready = await self._process.start()
        self.ports = {name: str(Path(path).resolve()) for name, path in ready["ports"].items()}
        self._client = await ControlClient.connect(control)

    async def ask(self, op: str, **fields: object) -> Any:
        """One operation of the simulator's control socket: hands, faults, the doors, the trace."""
        assert self._client is not None
        return await self._client.ask(op, **fields)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
        if self._process is not None:
            await self._process.stop()
