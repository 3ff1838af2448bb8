"""`edge.ports.LockBank` over all boards of a locker: several families, several ports, each failing on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.drivers.board import Board, BoardStatus
from edge.drivers.board_bus import BoardBus, OpenLine
from edge.drivers.board_config import BoardConfig, LockBankConfig
from edge.drivers.board_family import BoardFamily
from edge.drivers.kerong_cu import KerongCuDriver
from edge.drivers.kerong_cu48 import KerongCu48Driver
from edge.drivers.modbus_relay import ModbusRelayDriver
from edge.drivers.serial_line import PySerialLine
from edge.drivers.winnsen import WinnsenDriver
from edge.drivers.wkly import WklyDriver
from edge.drivers.xor_8a import Xor8aDriver
from edge.errors import CoilBusy, ConfigError, LineLost
from edge.ports import Channel, ChannelReading, DoorState, PulseReply

DRIVERS: dict[BoardFamily, Callable[[BoardConfig, BoardBus], Board]] = {
    BoardFamily.XOR_8A: Xor8aDriver,
    BoardFamily.KERONG_CU: KerongCuDriver,
    BoardFamily.KERONG_CU48: KerongCu48Driver,
    BoardFamily.WKLY: WklyDriver,
    BoardFamily.WINNSEN: WinnsenDriver,
    BoardFamily.MODBUS_RELAY: ModbusRelayDriver,
}


class Presence(StrEnum):
    LOST = "lost"
    FOUND = "found"


@dataclass(frozen=True, slots=True)
class BoardNotice:
    """A board stopped or resumed answering; `reason` is `line_lost`, `silent` or, when found, `answered`."""

    module: str
    presence: Presence
    reason: str


class _Watched:
    """A board with what is known about it: its last believed status, and whether it answers."""

    def __init__(self, board: Board, bus: BoardBus) -> None:
        self.board = board
        self.bus = bus
        self.believed: BoardStatus | None = None
        self.missed = 0
        self.lost = False
        self.probe_at_s = 0.0


class SerialLockBank:
    """All lock boards of a locker.

    Args:
        config: buses and boards.
        on_notice: called on the event loop when a board is lost or found again.
        open_line: opens a port; the simulation passes its own.
    """

    def __init__(
        self,
        config: LockBankConfig,
        on_notice: Callable[[BoardNotice], None] = lambda notice: None,
        open_line: OpenLine = PySerialLine.open,
    ) -> None:
        self._config = config
        self._on_notice = on_notice
        self._buses: list[list[_Watched]] = []
        self._by_module: dict[str, _Watched] = {}
        for bus_config in config.buses:
            bus = BoardBus(bus_config, open_line)
            watched = [_Watched(DRIVERS[board.family](board, bus), bus) for board in bus_config.boards]
            self._buses.append(watched)
            self._by_module.update({item.board.config.module: item for item in watched})

    async def pulse(self, channel: Channel) -> PulseReply:
        """Send exactly one unlock request; FAULT means that none left this device.

        Raises:
            ConfigError: no such module or channel in the configuration, or no lock on it.
        """
        watched = self._by_module.get(channel.module)
        if watched is None or not watched.board.config.has_lock(channel.number):
            where = f"{channel.module}/{channel.number}"
            raise ConfigError("no such channel", where=where, remedy="Correct the compartment map.")
        try:
            return await watched.board.pulse(channel.number)
        except LineLost:
            self._miss(watched, "line_lost")
            return PulseReply.FAULT
        except CoilBusy:
            return PulseReply.FAULT

    async def poll(self) -> Sequence[ChannelReading]:
        """Read every board once, the buses side by side; UNKNOWN for boards that do not answer.

        A change is reported when two answers in a row agree on it: neither checksum sees swapped bytes.
        """
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._poll_bus(bus)) for bus in self._buses]
        return [reading for task in tasks for reading in task.result()]

    async def close(self) -> None:
        """Release every port."""
        for bus in {watched.bus for watched in self._by_module.values()}:
            await bus.close()

    def garbage_bytes(self) -> int:
        """Bytes of line noise since the start, for telemetry."""
        return sum(bus[0].bus.garbage_bytes for bus in self._buses)

    def answers(self) -> bool:
        """Whether at least one board gave a whole answer when it was last asked."""
        return any(watched.believed is not None for watched in self._by_module.values())

    def lost_modules(self) -> tuple[str, ...]:
        return tuple(module for module, watched in self._by_module.items() if watched.lost)

    async def _poll_bus(self, bus: list[_Watched]) -> list[ChannelReading]:
        readings: list[ChannelReading] = []
        for watched in bus:
            readings += _readings(watched.board.config, *await self._poll_board(watched))
        return readings

    async def _poll_board(self, watched: _Watched) -> tuple[BoardStatus | None, BoardStatus | None]:
        """The newest status and the one that confirms it."""
        now_s = asyncio.get_running_loop().time()
        if watched.lost and watched.bus.is_open and now_s < watched.probe_at_s:
            return None, None
        try:
            status = await watched.board.read_status()
            if status is None:
                self._miss(watched, "silent")
                return None, None
            confirming = watched.believed
            if status != confirming:
                confirming = await watched.board.read_status()
        except LineLost:
            self._miss(watched, "line_lost")
            return None, None
        self._hit(watched, confirming)
        return status, confirming

    def _hit(self, watched: _Watched, status: BoardStatus | None) -> None:
        watched.missed = 0
        watched.believed = status
        if watched.lost:
            watched.lost = False
            self._on_notice(BoardNotice(watched.board.config.module, Presence.FOUND, "answered"))

    def _miss(self, watched: _Watched, reason: str) -> None:
        watched.missed += 1
        watched.believed = None
        if reason == "silent":
            watched.probe_at_s = asyncio.get_running_loop().time() + self._config.probe_ms / 1000
        if not watched.lost and (watched.missed >= self._config.lost_after or reason == "line_lost"):
            watched.lost = True
            self._on_notice(BoardNotice(watched.board.config.module, Presence.LOST, reason))


def _readings(config: BoardConfig, status: BoardStatus | None, confirming: BoardStatus | None) -> list[ChannelReading]:
    """Channels on which both answers agree; the others are UNKNOWN this time, as are those without a contact."""
    return [
        ChannelReading(channel, _door(config, channel.number, status, confirming), _item(channel, status, confirming))
        for channel in config.all_channels()
    ]


def _door(config: BoardConfig, number: int, status: BoardStatus | None, confirming: BoardStatus | None) -> DoorState:
    at = config.input_of(number) - 1
    if status is None or confirming is None or at < 0:
        return DoorState.UNKNOWN
    closed = status.closed[at]
    if closed is None or closed != confirming.closed[at]:
        return DoorState.UNKNOWN
    return DoorState.CLOSED if closed != (number in config.inverted) else DoorState.OPEN


def _item(channel: Channel, status: BoardStatus | None, confirming: BoardStatus | None) -> bool | None:
    if status is None or confirming is None or not status.occupied:
        return None
    seen = status.occupied[channel.number - 1]
    return seen if seen == confirming.occupied[channel.number - 1] else None
