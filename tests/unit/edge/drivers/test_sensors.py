"""Sensors together: kernel files, contacts, and one that hangs."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from gpiozero.pins.mock import MockFactory

from edge.drivers.gpio_pins import Reed
from edge.drivers.sensors import Sensor, SensorGroup, contact, kernel_number
from edge.ports import SensorKind, SensorReading


@pytest.mark.parametrize(("text", "value"), [
    ("87\n", 87), ("0", 0), ("101", None), ("-1", None), ("", None), ("8 7", None), ("٣", None), ("9" * 60, None),
], ids=repr)  # fmt: skip
def test_kernel_number_is_a_whole_number_in_its_range_or_nothing(tmp_path: Path, text, value):
    (tmp_path / "capacity").write_text(text)
    assert kernel_number(tmp_path / "capacity", range(101))() == value
    assert kernel_number(tmp_path / "absent", range(101))() is None


async def test_a_contact_counts_one_in_its_active_state():
    factory = MockFactory()
    reed = Reed(4, lambda state: None, factory=factory, closed_high=True, pull=None)
    group = SensorGroup([Sensor(SensorKind.TAMPER, "lid", contact(reed))])
    seen = []
    for level in (factory.pin(4).drive_low, factory.pin(4).drive_high):
        level()
        seen += await group.poll()
    assert seen == [SensorReading(SensorKind.TAMPER, "lid", 0), SensorReading(SensorKind.TAMPER, "lid", 1)]
    group.close()
    reed.close()


async def test_a_sensor_that_hangs_reads_none_and_holds_up_no_other():
    let_go = threading.Event()
    calls = []

    def hangs() -> int:
        calls.append(1)
        let_go.wait(10)
        return 7

    sensors = [Sensor(SensorKind.TEMPERATURE, "cold", hangs, blocking=True), Sensor(SensorKind.MAINS, "m", lambda: 1)]
    group = SensorGroup(sensors, read_timeout_s=0.05)
    for _ in range(3):
        assert [reading.value for reading in await group.poll()] == [None, 1]
    assert calls == [1]
    let_go.set()
    async with asyncio.timeout(10):  # the thread that hung ends when the machine lets it
        while [reading.value for reading in await group.poll()] != [7, 1]:  # noqa: ASYNC110  a thread ends
            await asyncio.sleep(0)
    group.close()
