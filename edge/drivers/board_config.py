"""What a technician states about lock boards and their buses; nothing of it is ever guessed from the line."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edge.errors import ConfigError
from edge.ports import Channel


class BoardFamily(StrEnum):
    XOR_8A = "xor_8a"
    KERONG_CU = "kerong_cu"
    KERONG_CU48 = "kerong_cu48"


class UnlockAnswer(StrEnum):
    """Whether this board's firmware answers an unlock request."""

    EXPECTED = "expected"
    OPTIONAL = "optional"
    NEVER = "never"


ADDRESSES = {
    BoardFamily.XOR_8A: range(1, 32),
    BoardFamily.KERONG_CU: range(16),
    BoardFamily.KERONG_CU48: range(256),
}
CHANNELS_MAX = {BoardFamily.XOR_8A: 24, BoardFamily.KERONG_CU: 16, BoardFamily.KERONG_CU48: 48}
BAUD_DEFAULT = {BoardFamily.XOR_8A: 9_600, BoardFamily.KERONG_CU: 19_200, BoardFamily.KERONG_CU48: 19_200}
ANSWER_DEFAULT = {
    BoardFamily.XOR_8A: UnlockAnswer.EXPECTED,
    BoardFamily.KERONG_CU: UnlockAnswer.OPTIONAL,
    BoardFamily.KERONG_CU48: UnlockAnswer.NEVER,
}


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """One lock board: the module it drives, and how its firmware speaks.

    Args:
        module: the name under which channels of this board are addressed.
        address: number on the bus: xor_8a 1..31, kerong_cu 0..15, kerong_cu48 0..255.
        channels: how many are wired, counted from 1.
        closed_bit: which bit says "closed". KERONG boards say 1; xor_8a depends on its feedback wiring.
        groups: xor_8a only: status bytes in a query-all reply.
        unlock_answer: None takes the family's usual behaviour.
        item_sensors: kerong_cu only: infrared sensors are fitted.
        unlock_timeout_ms, query_timeout_ms: how long an answer may take.
    """

    module: str
    family: BoardFamily
    address: int
    channels: int
    closed_bit: int = 1
    groups: int = 3
    unlock_answer: UnlockAnswer | None = None
    item_sensors: bool = False
    unlock_timeout_ms: int = 1_500
    query_timeout_ms: int = 500

    def __post_init__(self) -> None:
        where = f"board {self.module!r}"
        _check(bool(self.module), where, "module", "Give the board a name.")
        _check(self.address in ADDRESSES[self.family], where, "address", f"Use {ADDRESSES[self.family]}.")
        most = self.groups * 8 if self.family is BoardFamily.XOR_8A else CHANNELS_MAX[self.family]
        _check(1 <= self.groups <= 3, where, "groups", "Use 1 to 3.")
        _check(1 <= self.channels <= most, where, "channels", f"Use 1 to {most}.")
        _check(self.closed_bit in (0, 1), where, "closed_bit", "Use 0 or 1.")
        _check(self.unlock_timeout_ms > 0 and self.query_timeout_ms > 0, where, "timeout", "Use at least 1 ms.")

    @property
    def answer(self) -> UnlockAnswer:
        return self.unlock_answer or ANSWER_DEFAULT[self.family]

    def all_channels(self) -> tuple[Channel, ...]:
        return tuple(Channel(self.module, number) for number in range(1, self.channels + 1))


@dataclass(frozen=True, slots=True)
class BusConfig:
    """One serial port with its boards. All share one line, so all share its speed.

    Args:
        port: stable path, `/dev/serial/by-id/…`.
        echo: the adapter returns every byte that it sends.
        baud: None takes the family's factory speed.
        quiet_ms: a pause of this length ends a burst.
        coil_rest_ms: least time between two pulses on this bus, so that the supply feeds one coil at a time.
        reopen_ms: least time between two attempts at a port that is gone.
    """

    port: str
    boards: tuple[BoardConfig, ...]
    echo: bool = False
    baud: int | None = None
    quiet_ms: int = 25
    coil_rest_ms: int = 700
    reopen_ms: int = 1_000

    def __post_init__(self) -> None:
        where = f"port {self.port!r}"
        _check(self.port.startswith("/"), where, "port", "Use the absolute /dev/serial/by-id path.")
        _check(bool(self.boards), where, "boards", "List at least one board.")
        addresses = [(board.family, board.address) for board in self.boards]
        _check(len(set(addresses)) == len(addresses), where, "address", "Give each board its own address.")
        speeds = {BAUD_DEFAULT[board.family] for board in self.boards}
        _check(self.baud is not None or len(speeds) == 1, where, "baud", "Set one speed that all boards use.")
        _check(min(self.quiet_ms, self.coil_rest_ms, self.reopen_ms) >= 0, where, "*_ms", "Use 0 or more.")

    @property
    def speed_baud(self) -> int:
        return self.baud or BAUD_DEFAULT[self.boards[0].family]


@dataclass(frozen=True, slots=True)
class LockBankConfig:
    """All lock boards of one locker.

    Args:
        lost_after: unanswered polls in a row after which a board counts as lost.
        probe_ms: how often a lost board is asked whether it is back.
    """

    buses: tuple[BusConfig, ...] = field(default=())
    lost_after: int = 3
    probe_ms: int = 5_000

    def __post_init__(self) -> None:
        modules = [board.module for bus in self.buses for board in bus.boards]
        ports = [bus.port for bus in self.buses]
        _check(len(set(modules)) == len(modules), "lock bank", "module", "Give each board its own name.")
        _check(len(set(ports)) == len(ports), "lock bank", "port", "List each port once.")
        _check(self.lost_after >= 1, "lock bank", "lost_after", "Use at least 1.")
        _check(self.probe_ms >= 0, "lock bank", "probe_ms", "Use 0 or more.")


def _check(holds: bool, where: str, key: str, remedy: str) -> None:
    if not holds:
        raise ConfigError(f"{key} is wrong", where=where, remedy=remedy)
