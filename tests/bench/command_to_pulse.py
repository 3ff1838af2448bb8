"""`command_to_pulse`: from the call of the API to the coil, over every process in between."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from typing import Any

from cloud_bridge.fleet.twins import set_desired
from cloud_bridge.storage.engine import open_database
from hil.demo import folder as places
from hil.demo.world import DemoWorld
from tests.bench.demo_rig import BACKLOG, demo_world, restart_with_backlog, stored_events

IDLE, ROUNDS = 40, 10
GOAL_IDLE_MS, GOAL_DRAINING_MS = 150, 1_000
BETWEEN_S = 0.37  # two buses in turn, each coil rests 0.7 s
PATIENCE_S = 5
DEVICE = f"/v1/devices/{places.DEVICE_ID}"
LIMITS = {"openings_per_minute": 120}


def run() -> dict[str, Any]:
    """p95 of single openings while idle, and while the agent drains 10,000 events that it wrote offline."""
    began_s = time.perf_counter()
    asked_idle, asked_draining, drained_s = asyncio.run(_measure())
    idle = [ms for ms in asked_idle if ms is not None]
    draining = [ms for ms in asked_draining if ms is not None]
    refused = len(asked_idle) + len(asked_draining) - len(idle) - len(draining)
    p95_idle, p95_draining = _p95(idle), _p95(draining)
    return {
        "name": "command_to_pulse",
        "value": p95_idle,
        "unit": "ms p95 idle",
        "limit": None,
        "ratio": None,
        "goal": f"<= {GOAL_IDLE_MS} ms idle, <= {GOAL_DRAINING_MS} ms with {BACKLOG:,} events draining",
        "met": p95_idle <= GOAL_IDLE_MS and p95_draining <= GOAL_DRAINING_MS,
        "seconds": round(time.perf_counter() - began_s, 1),
        "idle_ms": _spread(idle),
        "draining_ms": _spread(draining),
        "refused": refused,
        "drained_s": [round(min(drained_s), 1), round(max(drained_s), 1)],
        "note": f"HTTP call to relay, both on the host's monotonic clock, the relay's instant from the simulator's "
        f"trace of physical facts; {len(idle)} openings idle, {len(draining)} while {ROUNDS} "
        "backlogs drained; a command whose session ended on its way is refused by the device, counted and left out",
    }


def _p95(values_ms: list[float]) -> float:
    return round(statistics.quantiles(values_ms, n=20)[18], 1)


def _spread(values_ms: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values_ms), 1), "p95": _p95(values_ms), "max": round(max(values_ms), 1),
        "openings": len(values_ms),
    }  # fmt: skip


async def _measure() -> tuple[list[float | None], list[float | None], list[float]]:
    async with demo_world() as world:
        await _lift_the_cap(world)
        doors = itertools.cycle([no for pair in zip(range(1, 13), range(13, 25), strict=True) for no in pair])
        await _ready(world)
        idle = [await _open(world, next(doors)) for _ in range(IDLE)]
        draining: list[float | None] = []
        drained_s = []
        for _ in range(ROUNDS):
            before, end = await restart_with_backlog(world)
            began_s = time.monotonic()
            await _draining(world, before)
            while stored_events(world) < end:
                draining.append(await _open(world, next(doors)))
            drained_s.append(time.monotonic() - began_s)
    return idle, draining, drained_s


async def _lift_the_cap(world: DemoWorld) -> None:
    """Twelve openings a minute are the locker's own limit; a benchmark asks for more, in the way an operator would."""
    db = open_database(f"sqlite:///{world.folder.bridge / 'bridge.db'}")
    try:
        await db.write(lambda conn: set_desired(conn, places.DEVICE_ID, "limits", LIMITS))
    finally:
        await db.close()


async def _ready(world: DemoWorld) -> None:
    """The device is online, has its session, and follows the newest desired state."""
    async with asyncio.timeout(60):
        while True:
            device = await world.bridge.call("GET", DEVICE)
            view = await world.kiosk.do("", "", lambda shown: True)
            if device["online"] and device["in_sync"] and view["online"]:
                return
            await asyncio.sleep(0.1)


async def _draining(world: DemoWorld, before: int) -> None:
    """The new session stands and the backlog has begun to arrive."""
    async with asyncio.timeout(60):
        while stored_events(world) <= before:  # noqa: ASYNC110  the bridge is another process
            await asyncio.sleep(0.005)


async def _open(world: DemoWorld, no: int) -> float | None:
    """Milliseconds from the call to the pulse in the trace; None when the device refused it. The door is shut again."""
    seen = len(await world.hands.ask("trace"))
    row = places.compartments()[no - 1]
    began_ms = time.monotonic() * 1000
    command = await world.bridge.call("POST", f"{DEVICE}/open", {"compartment_no": no, "reason": "benchmark"})
    pulses = await _first_pulse(world, seen, row)
    if not pulses:
        state = (await world.bridge.call("GET", f"/v1/commands/{command['command_id']}"))["state"]
        if state == "refused":
            return None
        raise TimeoutError(f"compartment {no}: no pulse within {PATIENCE_S} s, the command is {state}")
    await asyncio.sleep(BETWEEN_S)
    await world.hand("close", no)
    return float(pulses[0] - began_ms)


async def _first_pulse(world: DemoWorld, seen: int, row: dict[str, Any]) -> list[int]:
    end_s = time.monotonic() + PATIENCE_S
    while not (pulses := _pulses(await world.hands.ask("trace", after=seen), row)) and time.monotonic() < end_s:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    return pulses


def _pulses(facts: list[dict[str, Any]], row: dict[str, Any]) -> list[int]:
    wanted = ("pulse", row["module"], row["channel"])
    return [fact["at_ms"] for fact in facts if (fact["kind"], fact["module"], fact["channel"]) == wanted]
