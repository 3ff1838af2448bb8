"""The locker's buzzer: one pattern at a time, the newest wins, and it is silent at birth and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from edge.drivers.gpio_pins import OutputPin

PAUSE_MS = 120
PATTERNS: Mapping[str, tuple[int, ...]] = {"ok": (80,), "refused": (150, 150), "attention": (400, 400, 400), "off": ()}


class Buzzer:
    """Plays the machine's signals: `ok`, `refused`, `attention`, `off`. Unknown patterns are silent."""

    def __init__(self, output: OutputPin) -> None:
        self._output = output
        self._wanted: asyncio.Queue[str] = asyncio.Queue()

    def sound(self, pattern: str) -> None:
        self._wanted.put_nowait(pattern)

    async def run(self) -> None:
        """Play until cancelled; the output is inactive afterwards."""
        try:
            while True:
                pattern = await self._wanted.get()
                while not self._wanted.empty():
                    pattern = self._wanted.get_nowait()
                for duration_ms in PATTERNS.get(pattern, ()):
                    await self._output.pulse(duration_ms)
                    await asyncio.sleep(PAUSE_MS / 1000)
        finally:
            self._output.close()
