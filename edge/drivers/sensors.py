"""`edge.ports.Sensors` over thermometers, contacts and the kernel's power-supply files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edge.drivers.gpio_pins import Reed
from edge.ports import DoorState, SensorKind, SensorReading

READ_TIMEOUT_S = 3.0
MAX_FILE_BYTES = 64
ReadValue = Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Sensor:
    """One sensor: what it measures, of what, and how it is read. `blocking`: on a thread of its own."""

    kind: SensorKind
    subject: str
    read: ReadValue
    blocking: bool = False


class SensorGroup:
    """All sensors of a locker. One that hangs or fails reads None, and holds up no other."""

    def __init__(self, sensors: Sequence[Sensor], read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._sensors = sensors
        self._read_timeout_s = read_timeout_s
        blocking = sum(sensor.blocking for sensor in sensors)
        self._threads = ThreadPoolExecutor(max(1, blocking), "sensor")
        self._busy: set[int] = set()

    async def poll(self) -> Sequence[SensorReading]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._read(index)) for index in range(len(self._sensors))]
        return [task.result() for task in tasks]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _read(self, index: int) -> SensorReading:
        sensor = self._sensors[index]
        value = await self._on_thread(index, sensor.read) if sensor.blocking else sensor.read()
        return SensorReading(sensor.kind, sensor.subject, value)

    async def _on_thread(self, index: int, read: ReadValue) -> int | None:
        """A reading that hangs keeps its one thread and is not started again until it has ended."""
        if index in self._busy:
            return None
        self._busy.add(index)
        running = asyncio.get_running_loop().run_in_executor(self._threads, read)
        running.add_done_callback(lambda _: self._busy.discard(index))
        try:
            async with asyncio.timeout(self._read_timeout_s):
                return await asyncio.shield(running)
        except TimeoutError:
            return None


def contact(reed: Reed) -> ReadValue:
    """A contact that counts 1 when it is in its active state (the `closed` of a reed), 0 otherwise."""
    return lambda: int(reed.state() is DoorState.CLOSED)


def kernel_number(path: Path, allowed: range) -> ReadValue:
    """A whole number in a kernel file, such as a battery's `capacity` or a supply's `online`."""

    def read() -> int | None:
        try:
            with path.open("rb") as file:
                text = file.read(MAX_FILE_BYTES).strip()
        except OSError:
            return None
        value = int(text) if text.isdigit() and len(text) <= 9 else -1
        return value if value in allowed else None

    return read
