"""Reads the sensors again and again, and tells what has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from edge.ports import SensorKind, SensorReading, Sensors

WORTH_TELLING_MC = 100
AT_LEAST_EVERY_S = 60.0
_DEGREES = (SensorKind.TEMPERATURE, SensorKind.AMBIENT)
LOST_AFTER = 3


class Sensing:
    """Tells a reading when its value changed (a temperature by a tenth of a degree), or after a minute.

    One unanswered reading is no lost sensor: None is told when three in a row came.
    """

    def __init__(self, sensors: Sensors, tell: Callable[[SensorReading], None], poll_ms: int) -> None:
        self._sensors = sensors
        self._tell = tell
        self._poll_s = poll_ms / 1000
        self._told: dict[tuple[SensorKind, str], tuple[int | None, float]] = {}
        self._missed: dict[tuple[SensorKind, str], int] = {}

    async def run(self) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(self._poll_s)

    async def poll(self) -> None:
        for reading in await self._sensors.poll():
            if self._is_believed(reading) and self._is_news(reading):
                self._told[reading.kind, reading.subject] = reading.value, asyncio.get_running_loop().time()
                self._tell(reading)

    def _is_believed(self, reading: SensorReading) -> bool:
        key = reading.kind, reading.subject
        self._missed[key] = self._missed.get(key, 0) + 1 if reading.value is None else 0
        return reading.value is not None or self._missed[key] >= LOST_AFTER

    def _is_news(self, reading: SensorReading) -> bool:
        told = self._told.get((reading.kind, reading.subject))
        if told is None:
            return True
        value, told_at_s = told
        if value is None or reading.value is None:
            return value is not reading.value
        least = WORTH_TELLING_MC if reading.kind in _DEGREES else 1
        if abs(value - reading.value) >= least:
            return True
        return reading.kind in _DEGREES and asyncio.get_running_loop().time() - told_at_s >= AT_LEAST_EVERY_S
