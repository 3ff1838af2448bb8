"""What a simulated lock board looks like from its bus."""

from __future__ import annotations

from typing import Protocol

from firmware_sim.doors import Cabinet

Sent = tuple[int, bytes]
"""Bytes that a board puts on the line, and when: `(at_ms, data)`."""


class Board(Protocol):
    """The firmware of one board, wired to one cabinet."""

    @property
    def cabinet(self) -> Cabinet: ...

    def receive(self, data: bytes, now_ms: int) -> list[Sent]:
        """Take what came over the bus; the coils move at once, the answers leave at their times."""
        ...
