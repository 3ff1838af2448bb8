"""Boards as the walk sees them: raw levels of their inputs, and one pulse at a time."""

from __future__ import annotations

from typing import Protocol

from edge.core.wiring.findings import Levels, Site
from edge.core.wiring.sections import PINS
from edge.drivers.board import Board
from edge.drivers.pin_bank import PinBank, PinBoardConfig
from edge.errors import LineLost
from edge.ports import Channel, DoorState, PulseReply


class Bench(Protocol):
    """One board under the installer's hands."""

    @property
    def module(self) -> str: ...

    @property
    def site(self) -> Site: ...

    async def read(self) -> Levels | None:
        """All inputs once; None when the board does not answer."""
        ...

    async def pulse(self, number: int) -> PulseReply:
        """Exactly one pulse, when coil and supply have rested. Raises CoilBusy or LineLost when none was sent."""
        ...


class SerialBench:
    """A board on a port; its driver was told that a set bit means closed, so what it reads are the bits."""

    def __init__(self, site: Site, board: Board) -> None:
        self.site = site
        self._board = board

    @property
    def module(self) -> str:
        return self._board.config.module

    async def read(self) -> Levels | None:
        try:
            status = await self._board.read_status()
        except LineLost:
            return None
        return None if status is None else status.closed

    async def pulse(self, number: int) -> PulseReply:
        return await self._board.pulse(number)


class PinBench:
    """Locks on own pins. An input's level is by its stated polarity: True is what the configuration calls closed."""

    def __init__(self, config: PinBoardConfig, bank: PinBank) -> None:
        self.module = config.module
        self._numbers = [channel.number for channel in config.channels]
        self.site = Site("", PINS, 0, max(self._numbers))
        self._bank = bank

    async def read(self) -> Levels | None:
        doors = {reading.channel.number: reading.door for reading in await self._bank.poll()}
        return tuple(_level(doors.get(number, DoorState.UNKNOWN)) for number in range(1, self.site.inputs + 1))

    async def pulse(self, number: int) -> PulseReply:
        return await self._bank.pulse(Channel(self.module, number))

    def has(self, number: int) -> bool:
        return number in self._numbers


def _level(door: DoorState) -> bool | None:
    return None if door is DoorState.UNKNOWN else door is DoorState.CLOSED
