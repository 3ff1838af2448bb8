"""What the benchmarks of running processes share: the demo's processes on a real disk, and their books in /proc."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.storage.event_store import EventStore
from edge.storage.key_file import KeyFile
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.event import EventDraft
from hil.demo import folder as places
from hil.demo.folder import Folder
from hil.demo.world import DemoWorld
from tests.bench.device_log import ROOT, SeededRandom

BACKLOG, GROUP = 10_000, 50


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


async def restart_with_backlog(world: DemoWorld) -> tuple[int, int]:
    """Stop the agent, write 10,000 events into its log as it would have offline, start it.

    Returns how many the bridge has, and how many it will have.
    """
    await world.processes["locker"].stop()
    before = stored_events(world)
    log = _device_log(world)
    held = log.head().size
    at_ms = _now_ms()
    for first in range(0, BACKLOG, GROUP):
        log.append([EventDraft("heartbeat", {"uptime_s": first + i}, at_ms) for i in range(GROUP)])
    log.close()
    await world.processes["locker"].start()
    return before, max(before, held) + BACKLOG


def _device_log(world: DemoWorld) -> EventStore:
    keys = KeyFile(world.folder.keys, places.DEVICE_ID)
    owner = Owner(places.FLEET, places.DEVICE_ID, keys)
    opened = open_event_log(
        world.folder.device / "log", owner, Start(SeededRandom(), _now_ms()), lambda store: store, LogLimits()
    )
    return opened.log


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
