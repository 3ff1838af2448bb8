"""What the cabinet's own sensors say while the log takes nothing is written down once there is space, in its order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.ports import SensorKind, SensorReading
from tests.unit.edge.locker_world import LockerWorld
from tests.virtual_loop import run_virtual


def reading(kind: SensorKind, value: int | None) -> SensorReading:
    return SensorReading(kind, "lid" if kind is SensorKind.TAMPER else "x", value)


@pytest.mark.parametrize(
    ("kind", "values", "recorded"),
    [
        (SensorKind.TAMPER, (1,), ["alarm_raised enclosure_tampered"]),
        (SensorKind.TAMPER, (1, 0), ["alarm_raised enclosure_tampered", "alarm_cleared enclosure_tampered"]),
        (SensorKind.MAINS, (0,), ["alarm_raised mains_lost"]),
        (SensorKind.BATTERY, (15, 80), ["alarm_raised battery_low", "alarm_cleared battery_low"]),
    ],
    ids=["lid opened", "lid opened and shut", "mains lost", "battery low and charged"],
)
def test_reading_over_a_full_log_is_written_when_there_is_space(
    tmp_path: Path, kind: SensorKind, values: tuple[int, ...], recorded: list[str]
) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.restore()
            await asyncio.sleep(0.1)
            world.log.full = True
            for value in values:
                world.agent.reading(reading(kind, value))
            await asyncio.sleep(60)
            assert not [name for name, data in world.events() if "alarm" in data and data["alarm"] != "storage_full"]
            world.log.full = False
            await asyncio.sleep(20)
            told = [f"{name} {data['alarm']}" for name, data in world.events() if "alarm" in data]
            assert [line for line in told if "storage_full" not in line] == recorded

    run_virtual(story())


def test_temperatures_over_a_full_log_do_not_pile_up(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.restore(zones=[{"zone": "x", "compartments": [1], "low_mc": 0, "high_mc": 8000, "max_s": 600}])
            await asyncio.sleep(0.1)
            world.log.full = True
            for value in range(2_000, 3_000, 10):
                world.agent.reading(reading(SensorKind.TEMPERATURE, value))
            await asyncio.sleep(30)
            assert len(world.agent.runtime._held_back) < 5

    run_virtual(story())
