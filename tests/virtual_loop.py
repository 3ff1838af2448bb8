"""An event loop whose time only passes when nothing is left to do: hours of waiting take no time at all."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
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
    """`time()` in virtual seconds, from 1,000 on."""

    def __init__(self) -> None:
        self._leap = _Leap()
        super().__init__(self._leap)

    def time(self) -> float:
        return self._leap.now_s

    def now_ms(self) -> int:
        return int(self._leap.now_s * 1000)


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
