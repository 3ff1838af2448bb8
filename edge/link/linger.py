"""A call that waits a short moment, so that what follows at once can go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Linger:
    """`soon` makes one call after `delay_s`, however often it is asked meanwhile; `now` makes it at once instead."""

    def __init__(self, delay_s: float, call: Callable[[], None]) -> None:
        self._delay_s = delay_s
        self._call = call
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay_s, self.now)

    def now(self) -> None:
        self.cancel()
        self._call()

    def cancel(self) -> None:
        """Forget a call that waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
