"""What the service side needs from the world: time and randomness come in through these, never from a library call."""

from __future__ import annotations

import secrets
import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        ...


class Random(Protocol):
    def token(self, size_bytes: int) -> bytes:
        """Unpredictable bytes, for ids and nonces."""
        ...


class SystemClock:
    """The machine's clock; the service side runs on machines with NTP."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SystemRandom:
    """The operating system's generator."""

    def token(self, size_bytes: int) -> bytes:
        return secrets.token_bytes(size_bytes)
