"""The steel: doors, locks, parcels and lock boards of one locker. It outlives every crash of its controller."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from edge.ports import Channel, ChannelReading, DoorState, PulseReply
from tests.simulation.weather import Weather
from tests.virtual_loop import VirtualLoop

MODULE = "a"


@dataclass(slots=True)
class Compartment:
    """`parcels`: what lies in it now."""

    no: int
    open: bool = False
    parcels: list[str] = field(default_factory=list)


class Cabinet:
    """`on_change` is told of every door that moved and every board that came or went."""

    def __init__(self, device_id: str, weather: Weather, loop: VirtualLoop, dice: random.Random) -> None:
        self.device_id = device_id
        self.compartments = {no: Compartment(no) for no in range(1, weather.compartments + 1)}
        self.board_answers = True
        self.shut: Counter[int] = Counter()  # how often each door was shut
        self.on_change: Callable[[], None] = lambda: None
        self._weather, self._loop, self._dice = weather, loop, dice

    def put(self, no: int, parcel_id: str) -> None:
        self.compartments[no].parcels.append(parcel_id)

    def take(self, no: int) -> list[str]:
        taken, self.compartments[no].parcels = self.compartments[no].parcels, []
        return taken

    def where(self, parcel_id: str) -> int | None:
        return next((item.no for item in self.compartments.values() if parcel_id in item.parcels), None)

    def close(self, no: int) -> None:
        if self.compartments[no].open:
            self.compartments[no].open = False
            self.shut[no] += 1
            self.on_change()

    def force(self, no: int) -> None:
        """A crowbar, or a spring that gave way."""
        self._open(no)

    def _open(self, no: int) -> None:
        if not self.compartments[no].open:
            self.compartments[no].open = True
            self.on_change()

    async def pulse(self, no: int) -> PulseReply:
        """What lock and board do with one request."""
        dice, weather = self._dice, self._weather
        moves = dice.random() >= weather.jam
        reply = PulseReply.ACKED
        if not self.board_answers:
            moves, reply = False, PulseReply.NO_REPLY
        elif dice.random() < weather.refused:
            moves, reply = False, dice.choice((PulseReply.REFUSED, PulseReply.FAULT))
        elif dice.random() < weather.no_reply:
            moves, reply = moves and dice.random() < 0.5, PulseReply.NO_REPLY
        if moves:
            self._loop.call_later(dice.uniform(0.05, 0.4), self._open, no)
        answer_s = 0.5 if reply is PulseReply.NO_REPLY else 0.03
        await asyncio.sleep(dice.uniform(1, 5) if dice.random() < weather.late_reply else answer_s)
        return reply

    def read(self) -> list[ChannelReading]:
        if not self.board_answers:
            return [ChannelReading(Channel(MODULE, no), DoorState.UNKNOWN) for no in self.compartments]
        sensors = self._weather.sensors
        return [
            ChannelReading(
                Channel(MODULE, item.no),
                DoorState.OPEN if item.open else DoorState.CLOSED,
                bool(item.parcels) if sensors else None,
            )
            for item in self.compartments.values()
        ]
