"""What the benchmarks of running processes share: the demo's processes on a real disk, and their books in /proc."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hil.demo.folder import Folder
from hil.demo.world import DemoWorld
from tests.bench.device_log import ROOT


@asynccontextmanager
async def demo_world() -> AsyncIterator[DemoWorld]:
    """Broker, bridge on SQLite, two simulated boards on ptys and the locker agent, each a process; gone afterwards."""
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="rig-", dir=cache))
    world = DemoWorld(Folder(folder), lambda text: None)
    try:
        await world.start()
        yield world
    finally:
        await world.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used so far."""

    rss_bytes: int
    cpu_s: float
    written_bytes: int

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Read from /proc; `written_bytes` are pages dirtied on their way to storage."""
        folder = Path(f"/proc/{pid}")
        after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        io = dict(line.split(": ") for line in (folder / "io").read_text().splitlines())
        ticks = int(after_name[11]) + int(after_name[12])
        return cls(int(status["VmRSS"].split()[0]) * 1024, ticks / os.sysconf("SC_CLK_TCK"), int(io["write_bytes"]))


def stored_events(world: DemoWorld) -> int:
    """How many events the bridge has, read beside it."""
    with sqlite3.connect(f"file:{world.folder.bridge / 'bridge.db'}?mode=ro", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
