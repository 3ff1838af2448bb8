"""The randomness adapter: the operating system's generator."""

from __future__ import annotations

import secrets

_SYSTEM = secrets.SystemRandom()


class SystemRandom:
    """Implements `edge.ports.Random`."""

    def token(self, size_bytes: int) -> bytes:
        return secrets.token_bytes(size_bytes)

    def fraction(self) -> float:
        return _SYSTEM.random()
