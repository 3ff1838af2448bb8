"""A cabinet's mechanics: latches, doors, springs, items, and the hands of a person. The oracle of what happened.

Time is an input (`at_ms`, monotonic) and may run ahead of the present: a board that answers in half a second asks now
what the sensor will say then. Every physical fact goes into one trace, which no code under test can touch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from firmware_sim.errors import NotPossible, UnknownTarget

SWING_MS = 60
RELEASE_MS = 5_000
BOUNCE_MS = 80
BOUNCE_STEP_MS = 7


class FactKind(StrEnum):
    PULSE = "pulse"
    DOOR_OPENED = "door_opened"
    DOOR_CLOSED = "door_closed"
    ITEM_PUT = "item_put"
    ITEM_TAKEN = "item_taken"
    UNPLUGGED = "unplugged"
    PLUGGED = "plugged"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that physically happened. `moved` is False for a pulse against a jammed latch."""

    at_ms: int
    kind: FactKind
    module: str
    channel: int
    moved: bool = True


@dataclass(frozen=True, slots=True)
class Wiring:
    """How an installer wired a board: which door each input feels, and what is not there.

    Args:
        contacts: input → the channel whose door it feels, 0 for an open end; inputs not named feel their own door.
        inverted: inputs whose contact is of the other kind (open where the rest close).
        missing_locks: channels without a coil.
    """

    contacts: Mapping[int, int] = field(default_factory=dict)
    inverted: frozenset[int] = frozenset()
    missing_locks: frozenset[int] = frozenset()


@dataclass(slots=True)
class Compartment:
    """One space with its door, latch and sensor. `stuck_closed`: what a broken contact says for ever, None: sound."""

    spring: bool
    occupied: bool = False
    jammed: bool = False
    bouncing: bool = False
    inverted: bool = False
    stuck_closed: bool | None = None
    door_open: bool = False
    swings_at_ms: int | None = None
    released_until_ms: int = -1
    door_moved_at_ms: int = -1_000_000

    def opens_by(self, at_ms: int) -> bool:
        """Whether the door stands open at that time if nobody touches it until then."""
        return self.door_open or (self.swings_at_ms is not None and self.swings_at_ms <= at_ms)

    def moved_by(self, at_ms: int) -> int:
        """When the door last moved, seen from that time."""
        if self.swings_at_ms is not None and self.swings_at_ms <= at_ms:
            return self.swings_at_ms
        return self.door_moved_at_ms


@dataclass(frozen=True, slots=True)
class DoorView:
    """What a person in front of the cabinet sees."""

    module: str
    channel: int
    open: bool
    occupied: bool
    jammed: bool
    bouncing: bool


@dataclass(slots=True)
class Cabinet:
    """One module: its compartments by channel (from 1). A spring door opens by itself when its latch lets go."""

    module: str
    channels: int
    spring: bool = True
    record: Callable[[Fact], None] = lambda fact: None
    wiring: Wiring = field(default_factory=Wiring)
    compartments: dict[int, Compartment] = field(init=False)

    def __post_init__(self) -> None:
        self.compartments = {number: Compartment(self.spring) for number in range(1, self.channels + 1)}

    def pulse(self, channel: int, at_ms: int) -> bool:
        """Energise a coil; True when the latch let go. Always recorded."""
        place = self._settled(channel, at_ms)
        moved = not place.jammed and channel not in self.wiring.missing_locks
        self.record(Fact(at_ms, FactKind.PULSE, self.module, channel, moved))
        if moved and not place.door_open:
            place.released_until_ms = at_ms + RELEASE_MS
            place.swings_at_ms = at_ms + SWING_MS if place.spring else None
        return moved

    def open_by_hand(self, channel: int, at_ms: int, *, force: bool = False) -> None:
        """Pull the door. Raises NotPossible while the latch holds it, unless `force` (a crowbar)."""
        place = self._settled(channel, at_ms)
        if place.door_open:
            raise NotPossible("the door is open already", where=self._name(channel))
        if at_ms > place.released_until_ms and not force:
            raise NotPossible("the latch holds the door", where=self._name(channel), remedy="Pulse its lock first.")
        self._open(channel, place, at_ms)

    def close_by_hand(self, channel: int, at_ms: int) -> None:
        """Push the door shut; the latch catches. Raises NotPossible when it is shut already."""
        place = self._settled(channel, at_ms)
        if not place.door_open:
            raise NotPossible("the door is closed already", where=self._name(channel))
        place.door_open = False
        place.released_until_ms = -1
        place.door_moved_at_ms = at_ms
        self.record(Fact(at_ms, FactKind.DOOR_CLOSED, self.module, channel))

    def put(self, channel: int, at_ms: int) -> None:
        """Lay an item in. Raises NotPossible through a closed door or into a full compartment."""
        self._handle(channel, at_ms, occupied=True)

    def take(self, channel: int, at_ms: int) -> None:
        """Take the item out. Raises NotPossible through a closed door or from an empty compartment."""
        self._handle(channel, at_ms, occupied=False)

    def senses_closed(self, channel: int, at_ms: int) -> bool:
        """What the door contact says at that time, contact bounce included."""
        place = self._place(channel)
        if place.stuck_closed is not None:
            return place.stuck_closed
        closed = not place.opens_by(at_ms)
        since_ms = at_ms - place.moved_by(at_ms)
        if place.bouncing and 0 <= since_ms < BOUNCE_MS and since_ms // BOUNCE_STEP_MS % 2 == 0:
            return not closed
        return closed

    def input_bit(self, number: int, at_ms: int, closed_bit: int) -> int:
        """The level of one of the board's inputs at that time; an open end reads 0."""
        channel = self.wiring.contacts.get(number, number)
        if channel == 0:
            return 0
        inverted = self._place(channel).inverted != (number in self.wiring.inverted)
        return closed_bit if self.senses_closed(channel, at_ms) != inverted else 1 - closed_bit

    def occupied(self, channel: int) -> bool:
        return self._place(channel).occupied

    def set_jam(self, channel: int, *, jammed: bool) -> None:
        self._place(channel).jammed = jammed

    def set_bounce(self, channel: int, *, bouncing: bool) -> None:
        self._place(channel).bouncing = bouncing

    def set_inverted(self, channel: int, *, inverted: bool) -> None:
        self._place(channel).inverted = inverted

    def set_stuck(self, channel: int, *, closed: bool | None) -> None:
        self._place(channel).stuck_closed = closed

    def settle(self, at_ms: int) -> None:
        """Let every spring that is due by now swing its door, so that the trace is complete up to `at_ms`."""
        for channel in self.compartments:
            self._settled(channel, at_ms)

    def view(self, at_ms: int) -> tuple[DoorView, ...]:
        self.settle(at_ms)
        return tuple(
            DoorView(self.module, channel, place.door_open, place.occupied, place.jammed, place.bouncing)
            for channel, place in self.compartments.items()
        )

    def _handle(self, channel: int, at_ms: int, *, occupied: bool) -> None:
        place = self._settled(channel, at_ms)
        if not place.door_open:
            raise NotPossible("the door is closed", where=self._name(channel), remedy="Open the door first.")
        if place.occupied == occupied:
            raise NotPossible("already full" if occupied else "already empty", where=self._name(channel))
        place.occupied = occupied
        kind = FactKind.ITEM_PUT if occupied else FactKind.ITEM_TAKEN
        self.record(Fact(at_ms, kind, self.module, channel))

    def _settled(self, channel: int, at_ms: int) -> Compartment:
        place = self._place(channel)
        if place.swings_at_ms is not None and place.swings_at_ms <= at_ms:
            self._open(channel, place, place.swings_at_ms)
        return place

    def _open(self, channel: int, place: Compartment, at_ms: int) -> None:
        place.door_open = True
        place.swings_at_ms = None
        place.door_moved_at_ms = at_ms
        self.record(Fact(at_ms, FactKind.DOOR_OPENED, self.module, channel))

    def _place(self, channel: int) -> Compartment:
        try:
            return self.compartments[channel]
        except KeyError:
            raise UnknownTarget(f"no channel {channel}", where=self.module) from None

    def _name(self, channel: int) -> str:
        return f"{self.module}/{channel}"
