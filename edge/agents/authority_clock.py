"""The clock adapter: the one place of the device that reads a clock, and it reads the monotonic one only."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.core.authority_time import AuthorityTime
from edge.ports import Now


def system_mono_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class AuthorityClock:
    """Implements `edge.ports.Clock`. `floor_at_ms`: the persisted floor, Unix ms."""

    def __init__(self, floor_at_ms: int, mono_ms: Callable[[], int] = system_mono_ms) -> None:
        self._mono_ms = mono_ms
        self._time = AuthorityTime.at_boot(floor_at_ms, mono_ms())

    def now(self) -> Now:
        return self._time.now(self._mono_ms())

    def signed(self, cloud_at_ms: int) -> int:
        """Take a verified signed cloud time; returns by how many ms authority time moved."""
        mono_ms = self._mono_ms()
        before = self._time.now(mono_ms).at_ms
        self._time = self._time.signed(cloud_at_ms, mono_ms)
        return self._time.now(mono_ms).at_ms - before
