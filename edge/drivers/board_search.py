"""Looks for lock boards on a port: questions of every family at every address, never a pulse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from edge.drivers.board_bus import BoardBus, OpenLine
from edge.drivers.board_config import BoardConfig, BusConfig
from edge.drivers.board_family import FACTS, KERONG_LOCKS_PER_ADDRESS, BoardFamily
from edge.drivers.lock_bank import DRIVERS
from edge.ports import SerialLine

ECHO_WAIT_S = 0.06
WINNSEN_LOCK = 4  # an answer about lock 4 cannot be read both ways round, and every board has one


@dataclass(frozen=True, slots=True)
class FoundBoard:
    """A board that answered. `inputs`: for how many doors it does."""

    port: str
    family: BoardFamily
    address: int
    inputs: int
    baud: int
    echo: bool
    groups: int = 3
    status_first: bool = False


@dataclass(frozen=True, slots=True)
class Dialect:
    """How firmwares of one family differ in what they answer."""

    groups: int = 3
    status_first: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """How thoroughly: which addresses are asked, and how long each has to answer."""

    addresses: range = range(9)
    patience_ms: int = 150


async def search_port(port: str, open_line: OpenLine, search: Search = Search()) -> tuple[FoundBoard, ...]:
    """All boards that answer on this port, at the first speed at which one does.

    Raises:
        LineLost: the port cannot be opened, or went away.
    """
    for baud in sorted({facts.baud for facts in FACTS.values()}):
        echo = await _echoes(open_line(port, baud))
        if found := await _search_at(port, baud, echo, open_line, search):
            return found
    return ()


async def _echoes(line: SerialLine) -> bool:
    """Whether the adapter returns what it sends. One zero byte begins no family's request."""
    heard = b""
    try:
        await line.write(b"\0")
        with suppress(TimeoutError):
            async with asyncio.timeout(ECHO_WAIT_S):
                heard = await line.read()
    finally:
        await line.close()
    return b"\0" in heard


async def _search_at(port: str, baud: int, echo: bool, open_line: OpenLine, search: Search) -> tuple[FoundBoard, ...]:
    found: list[FoundBoard] = []
    probe = _Probe(port, baud, echo, open_line, search.patience_ms)
    try:
        for family in BoardFamily:
            for address in search.addresses:
                if address in FACTS[family].addresses and (board := await probe.look(family, address)) is not None:
                    found.append(board)
    finally:
        await probe.close()
    return tuple(found)


class _Probe:
    """Asks boards that may not be there."""

    def __init__(self, port: str, baud: int, echo: bool, open_line: OpenLine, patience_ms: int) -> None:
        self._port, self._baud, self._echo, self._patience_ms = port, baud, echo, patience_ms
        placeholder = BoardConfig("probe", BoardFamily.KERONG_CU48, 0, 1)
        self._bus = BoardBus(BusConfig(port, (placeholder,), echo, baud), open_line)

    async def close(self) -> None:
        await self._bus.close()

    async def look(self, family: BoardFamily, address: int) -> FoundBoard | None:
        """The board of this family at this address, or None. Its dialect is asked for only when something spoke."""
        for dialect in _dialects(family):
            noise_bytes = self._bus.garbage_bytes
            if await self._answers(family, address, _least(family), dialect):
                inputs = await self._count(family, address, dialect)
                return FoundBoard(
                    self._port, family, address, inputs, self._baud, self._echo, dialect.groups, dialect.status_first
                )
            if self._bus.garbage_bytes == noise_bytes:
                return None
        return None

    async def _answers(self, family: BoardFamily, address: int, inputs: int, dialect: Dialect) -> bool:
        lone = range(1, inputs) if family is BoardFamily.WINNSEN else ()
        board = BoardConfig(
            "probe",
            family,
            address,
            inputs,
            closed_bit=1,
            groups=dialect.groups,
            status_first=dialect.status_first,
            unpopulated=frozenset(lone),
            query_timeout_ms=self._patience_ms,
        )
        return await DRIVERS[family](board, self._bus).read_status() is not None

    async def _count(self, family: BoardFamily, address: int, dialect: Dialect) -> int:
        match family:
            case BoardFamily.XOR_8A:
                return dialect.groups * 8
            case BoardFamily.KERONG_CU:
                return KERONG_LOCKS_PER_ADDRESS
            case BoardFamily.KERONG_CU48:
                return FACTS[family].channels_max

        async def answers(inputs: int) -> bool:
            return await self._answers(family, address, inputs, dialect)

        return await _largest(_least(family), FACTS[family].channels_max, answers)


def _dialects(family: BoardFamily) -> tuple[Dialect, ...]:
    """The most telling first: a shorter answer is never taken for a longer one."""
    if family is BoardFamily.XOR_8A:
        return tuple(Dialect(groups=groups) for groups in (3, 2, 1))
    if family is BoardFamily.WINNSEN:
        return Dialect(), Dialect(status_first=True)
    return (Dialect(),)


def _least(family: BoardFamily) -> int:
    return WINNSEN_LOCK if family is BoardFamily.WINNSEN else 1


async def _largest(low: int, high: int, holds: Callable[[int], Awaitable[bool]]) -> int:
    """The largest number for which it holds, given that it does for `low` and for none above one that fails."""
    while low < high:
        middle = (low + high + 1) // 2
        if await holds(middle):
            low = middle
        else:
            high = middle - 1
    return low
