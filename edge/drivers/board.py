"""What every lock-board driver offers, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from edge.drivers.board_config import BoardConfig
from edge.ports import PulseReply


@dataclass(frozen=True, slots=True)
class BoardStatus:
    """One answer of a board; index 0 is input 1. `occupied` is empty where the board has no such sensors.

    `closed` is by the board's stated polarity; None for an input of which this answer says nothing.
    """

    closed: tuple[bool | None, ...]
    occupied: tuple[bool, ...] = ()


class Board(Protocol):
    """One lock board on its bus."""

    @property
    def config(self) -> BoardConfig: ...

    async def pulse(self, number: int) -> PulseReply:
        """Send exactly one unlock request for a channel. Raises LineLost or CoilBusy when none was sent."""
        ...

    async def read_status(self) -> BoardStatus | None:
        """Ask for all channels; None when the board did not answer. Raises LineLost."""
        ...
