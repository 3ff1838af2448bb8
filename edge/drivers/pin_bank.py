"""Locks on the computer's own pins: relays or MOSFETs for the coils, reed contacts and light barriers for the doors.

The kernel may tell an edge late or never, and a filter may swallow the last one. So a change is only believed from
the level, after it has settled; every poll looks at all levels again; and a door that was open between two polls is
told open once before it is told closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gpiozero.pins import Factory

from edge.drivers.coil_duty import Coil, CoilDuty
from edge.drivers.gpio_pins import OutputPin, Reed
from edge.errors import CoilBusy, ConfigError
from edge.ports import Channel, ChannelReading, DoorState, PulseReply

Pull = Literal["up", "down"] | None
RESTLESS_MAX_MS = 1_000


@dataclass(frozen=True, slots=True)
class InputConfig:
    """An input pin: `active_high` is the level that means closed (door) or occupied (item); `pull` None: fitted."""

    pin: int
    active_high: bool = False
    pull: Pull = "up"


@dataclass(frozen=True, slots=True)
class PinChannel:
    """One lock with its sensors. Without a door input the door reads UNKNOWN, and every pulse is unverified."""

    number: int
    lock_pin: int
    lock_active_high: bool = True
    door: InputConfig | None = None
    item: InputConfig | None = None


@dataclass(frozen=True, slots=True)
class PinBoardConfig:
    """All locks on the computer's own pins.

    Args:
        pulse_ms: how long a coil is fed.
        rest_ms, coil_rest_ms: least time between two pulses of the supply, and of one coil.
        settle_ms: how long an input must have been left alone before its level is believed.
    """

    module: str
    channels: tuple[PinChannel, ...]
    pulse_ms: int = 500
    rest_ms: int = 700
    coil_rest_ms: int = 1_500
    wait_max_ms: int = 10_000
    settle_ms: int = 30

    def __post_init__(self) -> None:
        where = f"board {self.module!r}"
        numbers = [channel.number for channel in self.channels]
        if not numbers or len(set(numbers)) != len(numbers):
            raise ConfigError("channel is wrong", where=where, remedy="Give each channel its own number.")
        pins = [pin for channel in self.channels for pin in _pins(channel)]
        if len(set(pins)) != len(pins):
            raise ConfigError("a pin is named twice", where=where, remedy="Give each use its own pin.")


class PinBank:
    """`edge.ports.LockBank` over pins. Every output is claimed with its inactive level and released inactive."""

    def __init__(self, config: PinBoardConfig, factory: Factory) -> None:
        self._config = config
        self._duty = CoilDuty(config.rest_ms, config.wait_max_ms)
        self._locks = {
            channel.number: OutputPin(channel.lock_pin, factory=factory, active_high=channel.lock_active_high)
            for channel in config.channels
        }
        self._doors = {
            channel.number: _Watched(channel.door, factory, config.settle_ms)
            for channel in config.channels
            if channel.door is not None
        }
        self._items = {
            channel.number: _Watched(channel.item, factory, config.settle_ms)
            for channel in config.channels
            if channel.item is not None
        }

    @property
    def modules(self) -> frozenset[str]:
        return frozenset({self._config.module})

    def answers(self) -> bool:
        """The computer's own pins are there as long as it runs."""
        return True

    async def pulse(self, channel: Channel) -> PulseReply:
        """Feed one coil once; FAULT means that it was not fed.

        Raises:
            ConfigError: no such channel.
        """
        lock = self._locks.get(channel.number) if channel.module == self._config.module else None
        if lock is None:
            where = f"{channel.module}/{channel.number}"
            raise ConfigError("no such channel", where=where, remedy="Correct the compartment map.")
        coil = Coil(channel.module, channel.number, max(self._config.coil_rest_ms, self._config.pulse_ms))
        try:
            async with self._duty.turn(coil):
                self._duty.tire(coil)
                await lock.pulse(self._config.pulse_ms)
                return PulseReply.ACKED
        except CoilBusy:
            return PulseReply.FAULT

    async def poll(self) -> Sequence[ChannelReading]:
        """Look at every level now; one settled change of a door per poll, in the order in which they came."""
        return [self._reading(channel.number) for channel in self._config.channels]

    async def close(self) -> None:
        for lock in self._locks.values():
            lock.close()
        for item in (*self._doors.values(), *self._items.values()):
            item.close()

    def _reading(self, number: int) -> ChannelReading:
        door, item = self._doors.get(number), self._items.get(number)
        state = DoorState.UNKNOWN if door is None else door.next_state()
        occupied = None if item is None else _occupied(item.next_state())
        return ChannelReading(Channel(self._config.module, number), state, occupied)


class _Watched:
    """An input with the settled changes that no poll has fetched yet."""

    def __init__(self, config: InputConfig, factory: Factory, settle_ms: int) -> None:
        self._changes = deque[DoorState]()
        self._reed = Reed(
            config.pin,
            self._changes.append,
            factory=factory,
            closed_high=config.active_high,
            pull=config.pull,
            settle_ms=settle_ms,
        )
        self._told = self._reed.state()

    def next_state(self) -> DoorState:
        """The oldest settled change not yet told; else the state that holds, reconciled with the level.

        UNKNOWN while the level has not come to rest for a second: a contact that chatters says nothing.
        """
        self._reed.reconcile_settled()
        if self._reed.restless_ms > RESTLESS_MAX_MS:
            return DoorState.UNKNOWN
        while len(self._changes) > 2:  # open and closed again several times: once says as much
            self._changes.popleft()
            self._changes.popleft()
        if self._changes:
            self._told = self._changes.popleft()
        return self._told

    def close(self) -> None:
        self._reed.close()


def _occupied(state: DoorState) -> bool | None:
    return None if state is DoorState.UNKNOWN else state is DoorState.CLOSED


def _pins(channel: PinChannel) -> list[int]:
    sensed = [item.pin for item in (channel.door, channel.item) if item is not None]
    return [channel.lock_pin, *sensed]
