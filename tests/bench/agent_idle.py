"""`agent_idle`: what a locker agent costs while nothing happens: memory, processor, bytes written."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Any

from tests.bench.demo_rig import Usage, demo_world

ROUNDS, ROUND_S, SETTLE_S = 5, 20.0, 15.0
GOAL_RSS_BYTES, GOAL_CPU = 80_000_000, 0.01


def run() -> dict[str, Any]:
    """Five windows of 20 s of a connected agent that polls 24 doors four times a second."""
    began_s = time.perf_counter()
    windows = asyncio.run(_windows())
    rss, cpu, written = (statistics.median(column) for column in zip(*windows, strict=True))
    return {
        "name": "agent_idle",
        "value": round(rss / 1e6, 1),
        "unit": "MB resident",
        "limit": GOAL_RSS_BYTES / 1e6,
        "ratio": round(rss / GOAL_RSS_BYTES, 3),
        "goal": "<= 80 MB, <= 1 % of a core, 0 bytes written per poll",
        "met": rss <= GOAL_RSS_BYTES and cpu <= GOAL_CPU and written == 0,
        "seconds": round(time.perf_counter() - began_s, 1),
        "cpu_percent": round(100 * cpu, 2),
        "cpu_percent_spread": [round(100 * min(w[1] for w in windows), 2), round(100 * max(w[1] for w in windows), 2)],
        "written_bytes_per_minute": round(written),
        "note": f"{ROUNDS} windows of {ROUND_S:.0f} s after {SETTLE_S:.0f} s of rest; a process with the real link, "
        "event log, kiosk server and two lock boards of 12 doors each on ptys, every board read four times a second",
    }


async def _windows() -> list[tuple[float, float, float]]:
    """(resident bytes, share of a core, bytes written a minute) of each window."""
    found = []
    async with demo_world() as world:
        await asyncio.sleep(SETTLE_S)
        pid = world.processes["locker"].pid
        assert pid is not None
        for _ in range(ROUNDS):
            before, began_s = Usage.of(pid), time.monotonic()
            await asyncio.sleep(ROUND_S)
            after, span_s = Usage.of(pid), time.monotonic() - began_s
            written = (after.written_bytes - before.written_bytes) * 60 / span_s
            found.append((float(after.rss_bytes), (after.cpu_s - before.cpu_s) / span_s, written))
    return found
