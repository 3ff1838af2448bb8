"""The last metres: real drivers on one bus of simulated boards, wired as installers wire them, on a bad line.

One seed draws boards, wiring, adapter and troubles, pulses doors at random and looks at what the bank says, against
what the steel did. Planted faults of drivers are caught here; the fleet's cabinets have no wires.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from edge.drivers.board import Board, BoardStatus
from edge.drivers.board_bus import BoardBus
from edge.drivers.board_config import BoardConfig, BusConfig, LockBankConfig
from edge.drivers.board_family import FACTS, BoardFamily
from edge.drivers.lock_bank import DRIVERS, SerialLockBank
from edge.ports import Channel, DoorState, PulseReply
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.faults import Fault, FaultName
from tests.locker_line import LockerPorts
from tests.simulation.oracle import Violation
from tests.virtual_loop import VirtualLoop

ROUNDS, CHANNELS = 12, 4
Plant = Callable[[BoardConfig, BoardBus], Board]
BOARD_TROUBLES = (FaultName.NO_REPLY, FaultName.LATE_REPLY, FaultName.DEAD_BOARD, FaultName.SWAPPED_BYTES)
PORT_TROUBLES = (FaultName.SPLIT, FaultName.NOISE)


def honest(config: BoardConfig, bus: BoardBus) -> Board:
    return DRIVERS[config.family](config, bus)


class RepeatsOnSilence:
    """No answer, so it did not arrive: send it again."""

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        self.config = config
        self._inner = honest(config, bus)

    async def pulse(self, number: int) -> PulseReply:
        reply = await self._inner.pulse(number)
        return await self._inner.pulse(number) if reply is PulseReply.NO_REPLY else reply

    async def read_status(self) -> BoardStatus | None:
        return await self._inner.read_status()


class BelievesEcho(RepeatsOnSilence):
    """Bytes came back within a moment, so the board has spoken."""

    def __init__(self, config: BoardConfig, bus: BoardBus) -> None:
        super().__init__(config, bus)
        self._bus = bus

    async def pulse(self, number: int) -> PulseReply:
        before = self._bus.garbage_bytes
        reply = await self._inner.pulse(number)
        heard = self._bus.garbage_bytes > before
        return PulseReply.ACKED if heard and reply is PulseReply.NO_REPLY else reply


def assumes_polarity(config: BoardConfig, bus: BoardBus) -> Board:
    """Everybody's contacts are wired the family's way."""
    usual = FACTS[config.family].closed_bit
    return honest(replace(config, closed_bit=1 if usual is None else usual), bus)


PLANTS: Mapping[str, tuple[str, Plant]] = {
    "pulse_twice_on_lost_reply": ("no answer means that it did not arrive", RepeatsOnSilence),
    "echo_taken_as_answer": ("something came back at once", BelievesEcho),
    "polarity_assumed": ("contacts are wired the family's way", assumes_polarity),
}


@dataclass(frozen=True, slots=True)
class Site:
    """What a seed draws: simulated boards, and the same as an installer states them."""

    simulated: list[dict[str, object]]
    stated: tuple[BoardConfig, ...]
    echo: bool
    echo_stated: bool


def run_wires(seed: int, plant: Plant = honest) -> Violation | None:
    """The first rule that broke, or None."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_Bench(seed, plant).live())


class _Bench:
    def __init__(self, seed: int, plant: Plant) -> None:
        self._dice = random.Random(f"wires/{seed}")
        self._plant = plant

    async def live(self) -> Violation | None:
        dice, loop = self._dice, asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        site = _draw(dice)
        file = LockerFile.model_validate({"ports": [{"name": "one", "boards": site.simulated}]})
        self._loop, self._ports = loop, LockerPorts(file.build(), loop)
        bus = BusConfig("/sim/one", site.stated, site.echo and site.echo_stated, baud=9_600)
        bank = SerialLockBank(LockBankConfig((bus,)), open_line=self._ports.open_line)
        for watched in bank._by_module.values():
            watched.board = self._plant(watched.board.config, watched.bus)
        self._trouble_free(site)
        for _ in range(ROUNDS):
            violation = await self._round(bank, site)
            if violation is not None:
                return violation
        await bank.close()
        return None

    def _trouble_free(self, site: Site) -> None:
        self._ports.locker.clear_fault()
        if site.echo:
            self._ports.locker.set_fault(Fault(FaultName.ECHO, "one"))

    async def _round(self, bank: SerialLockBank, site: Site) -> Violation | None:
        """One pulse under one trouble, then a look at the doors without it."""
        dice, locker = self._dice, self._ports.locker
        board = dice.choice(site.stated)
        channel = Channel(board.module, dice.randint(1, CHANNELS))
        if dice.random() < 0.7:
            trouble = dice.choice((*BOARD_TROUBLES, *PORT_TROUBLES))
            locker.set_fault(Fault(trouble, "one" if trouble in PORT_TROUBLES else board.module))
        before = len(self._pulses())
        reply = await bank.pulse(channel)
        await asyncio.sleep(3)
        driven = self._pulses()[before:]
        if driven not in ([], [(channel.module, channel.number)]):
            return Violation("one_pulse_each", board.module, f"{channel} asked once, driven: {driven}")
        if reply is PulseReply.ACKED and not driven:
            return Violation("acked_was_driven", board.module, f"{channel} acknowledged, and no coil was fed")
        self._trouble_free(site)
        await asyncio.sleep(12)
        return await self._doors(bank)

    async def _doors(self, bank: SerialLockBank) -> Violation | None:
        """On a good line, what is read is what the doors are; then they are shut."""
        locker, now_ms = self._ports.locker, self._loop.now_ms()
        for _ in range(3):
            readings = await bank.poll()
        for reading in readings:
            module, number = reading.channel.module, reading.channel.number
            view = locker.cabinet(module).view(now_ms)[number - 1]
            if reading.door is not (DoorState.OPEN if view.open else DoorState.CLOSED):
                return Violation(
                    "door_as_it_is", module, f"{number} is open={view.open}, and reads {reading.door.value}"
                )
            if view.open:
                locker.cabinet(module).close_by_hand(number, self._loop.now_ms())
        return None

    def _pulses(self) -> list[tuple[str, int]]:
        facts = self._ports.locker.facts(self._loop.now_ms())
        return [(fact.module, fact.channel) for fact in facts if fact.kind is FactKind.PULSE]


def _draw(dice: random.Random) -> Site:
    families = dice.sample(list(BoardFamily), dice.randint(1, 3))
    simulated: list[dict[str, object]] = []
    stated: list[BoardConfig] = []
    for address, family in enumerate(families, 1):
        contacts = list(range(1, CHANNELS + 1))
        if dice.random() < 0.4:
            dice.shuffle(contacts)
        inverted = [number for number in range(1, CHANNELS + 1) if dice.random() < 0.15]
        usual = FACTS[family].closed_bit
        chosen = family not in (BoardFamily.KERONG_CU, BoardFamily.KERONG_CU48) and dice.random() < 0.4
        bit = dice.choice((0, 1)) if chosen or usual is None else usual
        entry: dict[str, object] = {"module": family.value, "family": family.value, "address": address}
        entry |= {"channels": CHANNELS, "contacts": contacts, "inverted": inverted}
        if family not in (BoardFamily.KERONG_CU, BoardFamily.KERONG_CU48):
            entry["closed_bit"] = bit
        simulated.append(entry)
        input_of = tuple(contacts.index(channel) + 1 for channel in range(1, CHANNELS + 1))
        stated.append(
            BoardConfig(
                family.value, family, address, CHANNELS, closed_bit=bit, door_inputs=input_of,
                inverted=frozenset(channel for channel in range(1, CHANNELS + 1) if input_of[channel - 1] in inverted),
            )
        )  # fmt: skip
    echo = dice.random() < 0.4
    # An echo has to be stated where "open" has the bytes of the request; elsewhere it may go unnoticed.
    eights = [board for board in stated if board.family is BoardFamily.XOR_8A]
    treacherous = any(board.inverted or not board.bit_when_closed for board in eights)
    return Site(simulated, tuple(stated), echo, echo and (treacherous or dice.random() < 0.5))
