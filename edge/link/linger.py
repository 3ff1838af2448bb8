"""A call that waits a while, so that what follows can go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Linger:
    """`within` makes one call at the earliest time asked for since the last one; `now` makes it at once."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._timer: asyncio.TimerHandle | None = None

    def within(self, delay_s: float) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + delay_s
        if self._timer is not None and self._timer.when() <= due_s:
            return
        self.cancel()
        self._timer = loop.call_at(due_s, self.now)

    def now(self) -> None:
        self.cancel()
        self._call()

    def cancel(self) -> None:
        """Forget a call that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
