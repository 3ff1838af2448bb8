"""What a technician states about lock boards and their buses; nothing of it is ever guessed from the line."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.drivers.board_family import FACTS, KERONG_LOCKS_PER_ADDRESS, BoardFamily, UnlockAnswer
from edge.errors import ConfigError
from edge.ports import Channel


@dataclass(frozen=True, slots=True)
class BoardConfig:
    """One lock board: the module it drives, how it is wired, and how its firmware speaks.

    Args:
        module: the name under which channels of this board are addressed.
        address: number on the bus; a KERONG board with more than 16 locks takes the next one, too.
        channels: how many outputs there are, counted from 1.
        closed_bit: which bit says "closed"; None takes the family's habit, where it has one.
        door_inputs: entry n is the input that feels door n, 0 where no contact is wired; empty: each its own.
        inverted: channels whose contact is of the other kind than `closed_bit` says.
        unpopulated: channels without a lock; they are neither pulsed nor read.
        groups: xor_8a only: status bytes in a query-all reply.
        unlock_answer: None takes the family's usual behaviour.
        item_sensors: kerong_cu only: infrared sensors are fitted.
        status_first: winnsen only: the answer to a query has the status before the lock.
        pulse_ms, pulse_base: modbus_relay only: how long the board switches a relay on, at which coil addresses.
        unlock_timeout_ms, query_timeout_ms: how long an answer may take.
        coil_rest_ms: least time between two pulses of one coil.
    """

    module: str
    family: BoardFamily
    address: int
    channels: int
    closed_bit: int | None = None
    groups: int = 3
    unlock_answer: UnlockAnswer | None = None
    item_sensors: bool = False
    unlock_timeout_ms: int = 1_500
    query_timeout_ms: int = 500
    door_inputs: tuple[int, ...] = ()
    inverted: frozenset[int] = frozenset()
    unpopulated: frozenset[int] = frozenset()
    status_first: bool = False
    pulse_ms: int = 500
    pulse_base: int = 0x0200
    coil_rest_ms: int = 1_500

    def __post_init__(self) -> None:
        where, facts = f"board {self.module!r}", FACTS[self.family]
        _check(bool(self.module), where, "module", "Give the board a name.")
        _check(self.addresses[-1] in facts.addresses, where, "address", f"Use {facts.addresses}.")
        _check(self.address in facts.addresses, where, "address", f"Use {facts.addresses}.")
        _check(1 <= self.groups <= 3, where, "groups", "Use 1 to 3.")
        _check(1 <= self.channels <= self._most, where, "channels", f"Use 1 to {self._most}.")
        stated = facts.closed_bit is not None or self.closed_bit is not None
        _check(stated, where, "closed_bit", "State which level a closed door has; this family has no habit.")
        _check(self.closed_bit in (0, 1, None), where, "closed_bit", "Use 0 or 1.")
        timing_ok = self.unlock_timeout_ms > 0 and self.query_timeout_ms > 0
        _check(timing_ok, where, "timeout", "Use at least 1 ms.")
        _check(0 <= self.coil_rest_ms <= 5_000, where, "coil_rest_ms", "Use 0 to 5000.")
        _check(100 <= self.pulse_ms <= 3_000 and self.pulse_ms % 100 == 0, where, "pulse_ms", "Use 100, 200 … 3000.")
        self._check_wiring(where)

    def _check_wiring(self, where: str) -> None:
        inputs, numbers = self.door_inputs, range(1, self.channels + 1)
        wired = [number for number in inputs if number]
        _check(len(inputs) in (0, self.channels), where, "door_inputs", f"Give {self.channels} numbers, 0 for none.")
        _check(all(0 < number <= self._most for number in wired), where, "door_inputs", f"Use 0 to {self._most}.")
        _check(len(set(wired)) == len(wired), where, "door_inputs", "Name each input once.")
        _check(set(self.inverted) <= set(numbers), where, "inverted", f"Use 1 to {self.channels}.")
        _check(set(self.unpopulated) <= set(numbers), where, "unpopulated", f"Use 1 to {self.channels}.")

    @property
    def _most(self) -> int:
        return self.groups * 8 if self.family is BoardFamily.XOR_8A else FACTS[self.family].channels_max

    @property
    def addresses(self) -> tuple[int, ...]:
        """All bus numbers to which this board answers."""
        second = self.family is BoardFamily.KERONG_CU and self.channels > KERONG_LOCKS_PER_ADDRESS
        return (self.address, self.address + 1) if second else (self.address,)

    @property
    def answer(self) -> UnlockAnswer:
        return self.unlock_answer or FACTS[self.family].answer

    @property
    def bit_when_closed(self) -> bool:
        """The stated polarity, or the family's habit."""
        return bool(FACTS[self.family].closed_bit if self.closed_bit is None else self.closed_bit)

    @property
    def inputs(self) -> int:
        """How many door inputs have to be read."""
        return max((self.channels, *self.door_inputs))

    def input_of(self, number: int) -> int:
        """The input that feels the door of a channel, 0 for none."""
        return self.door_inputs[number - 1] if self.door_inputs else number

    def has_lock(self, number: int) -> bool:
        return 1 <= number <= self.channels and number not in self.unpopulated

    def all_channels(self) -> tuple[Channel, ...]:
        """Every channel with a lock."""
        return tuple(Channel(self.module, n) for n in range(1, self.channels + 1) if n not in self.unpopulated)


@dataclass(frozen=True, slots=True)
class BusConfig:
    """One serial port with its boards. All share one line, so all share its speed.

    Args:
        port: stable path, `/dev/serial/by-id/…`.
        echo: the adapter returns every byte that it sends.
        baud: None takes the families' factory speed.
        quiet_ms: a pause of this length ends a burst.
        gap_ms: silence before each request: boards turn their drivers round, and Modbus tells frames apart by it.
        coil_rest_ms: least time between two pulses on this bus, so that the supply feeds one coil at a time.
        wait_max_ms: a pulse that would have to wait longer for coil and bus is not sent at all.
        reopen_ms: least time between two attempts at a port that is gone.
    """

    port: str
    boards: tuple[BoardConfig, ...]
    echo: bool = False
    baud: int | None = None
    quiet_ms: int = 25
    gap_ms: int = 5
    coil_rest_ms: int = 700
    wait_max_ms: int = 10_000
    reopen_ms: int = 1_000

    def __post_init__(self) -> None:
        where = f"port {self.port!r}"
        _check(self.port.startswith("/"), where, "port", "Use the absolute /dev/serial/by-id path.")
        _check(bool(self.boards), where, "boards", "List at least one board.")
        addresses = [(board.family, address) for board in self.boards for address in board.addresses]
        _check(len(set(addresses)) == len(addresses), where, "address", "Give each board its own address.")
        speeds = {FACTS[board.family].baud for board in self.boards}
        _check(self.baud is not None or len(speeds) == 1, where, "baud", "Set one speed that all boards use.")
        least = min(self.quiet_ms, self.gap_ms, self.coil_rest_ms, self.wait_max_ms, self.reopen_ms)
        _check(least >= 0, where, "*_ms", "Use 0 or more.")

    @property
    def speed_baud(self) -> int:
        return self.baud or FACTS[self.boards[0].family].baud


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
