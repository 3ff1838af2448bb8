"""What there is to walk along: the boards that the configuration names, or those that answer on the ports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from edge.agents.doctor.benches import Bench, PinBench, SerialBench
from edge.agents.layout import lock_bank_config
from edge.agents.pins import OpenChip, pin_board_config
from edge.config import AgentConfig
from edge.core.wiring.findings import Site
from edge.drivers.board_bus import BoardBus, OpenLine
from edge.drivers.board_config import BoardConfig, BusConfig
from edge.drivers.board_search import FoundBoard, Search, search_port
from edge.drivers.lock_bank import DRIVERS
from edge.drivers.pin_bank import PinBank
from edge.errors import ConfigError, LineLost

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ways:
    """How ports and pins are opened; a simulation passes its own."""

    open_line: OpenLine
    open_pins: OpenChip


class Bay:
    """All boards of one locker, opened for a walk."""

    def __init__(self) -> None:
        self.benches: list[Bench] = []
        self._buses: list[BoardBus] = []
        self._pins: PinBank | None = None

    async def close(self) -> None:
        for bus in self._buses:
            await bus.close()
        if self._pins is not None:
            await self._pins.close()

    def add_bus(self, config: BusConfig, sites: Iterable[Site], open_line: OpenLine) -> None:
        """Boards that share a port share its coils' rest, too."""
        bus = BoardBus(config, open_line)
        self._buses.append(bus)
        self.benches += [
            SerialBench(site, DRIVERS[board.family](board, bus))
            for board, site in zip(config.boards, sites, strict=True)
        ]

    def add_pins(self, config: AgentConfig, open_pins: OpenChip) -> None:
        """
        Raises:
            ConfigError: there are no pins, or no library for them.
        """
        assert config.pin_board is not None
        board = pin_board_config(config.pin_board)
        try:
            self._pins = PinBank(board, open_pins(config.gpio.chip_label))
        except ImportError as error:
            raise ConfigError("lgpio is missing", where="pin_board", remedy="Install lgpio.") from error
        self.benches.append(PinBench(board, self._pins))


def stated_boards(config: AgentConfig, ways: Ways) -> Bay:
    """The boards that the configuration names, their wiring forgotten: it is what the walk finds out."""
    bay = Bay()
    for bus in lock_bank_config(config).buses:
        plain = replace(bus, boards=tuple(_unwired(board) for board in bus.boards))
        bay.add_bus(plain, [_site(bus, board) for board in plain.boards], ways.open_line)
    if config.pin_board is not None:
        bay.add_pins(config, ways.open_pins)
    return bay


async def found_boards(config: AgentConfig, ports: Iterable[Path], search: Search, tell: Tell, ways: Ways) -> Bay:
    """Every board that answers on these ports, called m1, m2, … in their order."""
    bay = Bay()
    count = 0
    for port in ports:
        tell(f"{port}: asking boards of every family at addresses {search.addresses.start} to {search.addresses[-1]} …")
        try:
            found = await search_port(str(port), ways.open_line, search)
        except LineLost as error:
            tell(f"{error}. {error.remedy}")
            continue
        tell(f"{port}: " + ("; ".join(map(_spoken, found)) or "nothing answers. Check power, wires and switches."))
        if found:
            boards = tuple(_as_config(f"m{count + place}", board) for place, board in enumerate(found, 1))
            bus = BusConfig(str(port), boards, found[0].echo, found[0].baud)
            bay.add_bus(bus, [_site(bus, board) for board in boards], ways.open_line)
            count += len(found)
    if config.pin_board is not None:
        bay.add_pins(config, ways.open_pins)
    return bay


def _unwired(board: BoardConfig) -> BoardConfig:
    return replace(
        board, channels=board.inputs, closed_bit=1, door_inputs=(), inverted=frozenset(), unpopulated=frozenset()
    )


def _as_config(module: str, found: FoundBoard) -> BoardConfig:
    return BoardConfig(
        module,
        found.family,
        found.address,
        found.inputs,
        closed_bit=1,
        groups=found.groups,
        status_first=found.status_first,
    )


def _site(bus: BusConfig, board: BoardConfig) -> Site:
    family = board.family.value
    return Site(bus.port, family, board.address, board.channels, board.groups, board.status_first, bus.echo, bus.baud)


def _spoken(board: FoundBoard) -> str:
    return f"{board.family.value} at address {board.address}, {board.inputs} inputs"
