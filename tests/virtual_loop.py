"""An event loop whose time only passes when nothing is left to do: hours of waiting take no time at all."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections.abc import Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")
START_S = 1_000.0


class _Leap(selectors.SelectSelector):
    """Instead of waiting, adds the wait to `now_s`. Files and sockets are looked at only when nothing else is due."""

    now_s = START_S

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            if ready := super().select(0):
                return ready
            raise RuntimeError("every task waits for something that never comes")
        if timeout > 0:
            self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` in virtual seconds, from 1,000 on. Timers of one instant fire in the order they were set."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    def time(self) -> float:
        return self._leap.now_s

    def now_ms(self) -> int:
        return int(self._leap.now_s * 1000)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def _run_once(self) -> None:
        """One turn: without anything ready, time leaps to the next timer; then whatever is ready by now runs."""
        ready, timers, leap = self._ready, self._timers, self._leap  # type: ignore[attr-defined]
        if not ready:
            while timers and timers[0][2].cancelled():
                heapq.heappop(timers)
            if not timers or self._stopping:  # type: ignore[attr-defined]
                super()._run_once()  # type: ignore[misc]
                return
            leap.now_s = max(leap.now_s, timers[0][0])
        while timers and timers[0][0] <= leap.now_s:
            timer = heapq.heappop(timers)[2]
            if not timer.cancelled():
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
