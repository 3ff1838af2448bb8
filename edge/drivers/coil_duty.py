"""One coil at a time per supply, and a rest for each coil: who pulses waits here in turn, or is told not to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from edge.errors import CoilBusy


@dataclass(frozen=True, slots=True)
class Coil:
    """The coil that a pulse feeds, and how long it must rest before its next one."""

    module: str
    number: int
    rest_ms: int


class CoilDuty:
    """Guards the coils of one supply.

    Args:
        supply_rest_ms: least time between the beginnings of two pulses, whichever coils they feed.
        wait_max_ms: a pulse that would have to wait longer is not admitted: whoever asked may be gone.
    """

    def __init__(self, supply_rest_ms: int, wait_max_ms: int) -> None:
        self._supply_rest_s = supply_rest_ms / 1000
        self._wait_max_s = wait_max_ms / 1000
        self._turn = asyncio.Lock()
        self._supply_free_at_s = 0.0
        self._coil_free_at_s: dict[tuple[str, int], float] = {}

    @asynccontextmanager
    async def turn(self, coil: Coil) -> AsyncIterator[None]:
        """Within it, the coil and its supply have rested, and no other pulse of this supply is under way.

        Raises:
            CoilBusy: it would have to wait too long; nothing was sent.
        """
        asked_at_s = asyncio.get_running_loop().time()
        async with self._turn:
            await self._rest(coil, asked_at_s)
            yield

    def tire(self, coil: Coil) -> None:
        """The pulse begins now."""
        now_s = asyncio.get_running_loop().time()
        self._supply_free_at_s = now_s + self._supply_rest_s
        self._coil_free_at_s[coil.module, coil.number] = now_s + coil.rest_ms / 1000

    async def _rest(self, coil: Coil, asked_at_s: float) -> None:
        now_s = asyncio.get_running_loop().time()
        free_at_s = max(self._supply_free_at_s, self._coil_free_at_s.get((coil.module, coil.number), 0.0))
        if max(free_at_s, now_s) - asked_at_s > self._wait_max_s:
            raise CoilBusy("too many pulses wait", where=f"{coil.module}/{coil.number}", remedy="Open fewer at once.")
        await asyncio.sleep(max(0.0, free_at_s - now_s))
