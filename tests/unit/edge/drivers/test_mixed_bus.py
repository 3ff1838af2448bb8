"""Boards of every family on one pair of wires, wired as installers wire them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from edge.drivers.board_config import BoardConfig, BusConfig, LockBankConfig
from edge.drivers.board_family import BoardFamily
from edge.drivers.lock_bank import SerialLockBank
from edge.errors import ConfigError
from edge.ports import Channel, DoorState, PulseReply
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.faults import Fault, FaultName
from tests.locker_line import LockerPorts
from tests.virtual_loop import VirtualLoop

FAMILIES = {"X": "xor_8a", "K": "kerong_cu", "L": "kerong_cu48", "W": "wkly", "N": "winnsen", "M": "modbus_relay"}
ALL = list(FAMILIES)
# Some firmwares: a Winnsen with the status first, a WKLY whose replies begin with 53, a KERONG of 24 locks.
HABITS = {"N": {"status_first": True}, "W": {"odd_start": True}, "K": {"channels": 24}}
STATED = {"N": {"status_first": True}, "M": {"closed_bit": 1}, "K": {"channels": 24}}


@dataclass
class World:
    loop: VirtualLoop
    ports: LockerPorts
    bank: SerialLockBank

    def fault(self, name: FaultName, target: str, channel: int | None = None) -> None:
        self.ports.locker.set_fault(Fault(name, target, channel))

    def pulses(self) -> list[tuple[str, int]]:
        facts = self.ports.locker.facts(self.loop.now_ms())
        return [(fact.module, fact.channel) for fact in facts if fact.kind is FactKind.PULSE]

    async def doors(self) -> dict[Channel, DoorState]:
        await self.bank.poll()
        return {reading.channel: reading.door for reading in await self.bank.poll()}

    async def open_doors(self) -> list[Channel]:
        return [channel for channel, state in (await self.doors()).items() if state is DoorState.OPEN]


def play(
    story: Callable[[World], Awaitable[None]],
    *,
    simulated: dict[str, dict] | None = None,
    stated: dict[str, dict] | None = None,
    wait_max_ms: int = 10_000,
) -> None:
    """Run a story on one bus with every family, four channels each, changed by module as given."""
    entries, boards = [], []
    for address, (module, family) in enumerate(FAMILIES.items(), 1):
        entry = {"module": module, "family": family, "address": address, "channels": 4}
        entries.append(entry | HABITS.get(module, {}) | (simulated or {}).get(module, {}))
        board = {"module": module, "family": BoardFamily(family), "address": address, "channels": 4}
        boards.append(BoardConfig(**board | STATED.get(module, {}) | (stated or {}).get(module, {})))
    file = LockerFile.model_validate({"ports": [{"name": "one", "boards": entries}]})
    config = LockBankConfig((BusConfig("/sim/one", tuple(boards), baud=9_600, wait_max_ms=wait_max_ms),))

    async def run() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        ports = LockerPorts(file.build(), loop)
        bank = SerialLockBank(config, open_line=ports.open_line)
        await story(World(loop, ports, bank))
        await bank.close()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())


def test_every_family_on_one_bus_opens_its_own_door_and_no_other():
    async def story(world: World) -> None:
        assert set((await world.doors()).values()) == {DoorState.CLOSED}
        for module in ALL:
            number = 18 if module == "K" else 2
            reply = await world.bank.pulse(Channel(module, number))
            assert reply is (PulseReply.NO_REPLY if module in "KL" else PulseReply.ACKED), module
            assert world.pulses()[-1] == (module, number)
        assert len(world.pulses()) == len(ALL)
        assert {str(channel) for channel in await world.open_doors()} == {
            str(Channel(module, 18 if module == "K" else 2)) for module in ALL
        }
        assert world.bank.garbage_bytes() == 0

    play(story)


@pytest.mark.parametrize("dead", ALL)
def test_a_dead_board_of_any_family_leaves_the_others_working(dead):
    async def story(world: World) -> None:
        world.fault(FaultName.DEAD_BOARD, dead)
        for _ in range(3):
            doors = await world.doors()
        assert world.bank.lost_modules() == (dead,)
        for channel, state in doors.items():
            assert (state is DoorState.UNKNOWN) == (channel.module == dead), channel
        for module in ALL:
            if module != dead:
                await world.bank.pulse(Channel(module, 1))
        assert len(await world.open_doors()) == len(ALL) - 1
        assert await world.bank.pulse(Channel(dead, 1)) is PulseReply.NO_REPLY

    play(story)


@pytest.mark.parametrize("module", ALL)
def test_a_lost_answer_is_one_pulse_and_no_reply(module):
    async def story(world: World) -> None:
        world.fault(FaultName.NO_REPLY, module)
        assert await world.bank.pulse(Channel(module, 3)) is PulseReply.NO_REPLY
        world.ports.locker.clear_fault()
        assert await world.open_doors() == [Channel(module, 3)]
        assert world.pulses() == [(module, 3)]

    play(story)


@pytest.mark.parametrize("module", ["W", "N", "M"])
def test_an_unstated_echo_of_a_board_without_power_confirms_nothing(module):
    async def story(world: World) -> None:
        world.fault(FaultName.ECHO, "one")
        world.fault(FaultName.DEAD_BOARD, module)
        assert await world.bank.pulse(Channel(module, 1)) is PulseReply.NO_REPLY
        assert world.pulses() == []

    play(story)


@pytest.mark.parametrize("fault", [FaultName.SPLIT, FaultName.NOISE, FaultName.SWAPPED_BYTES, FaultName.LATE_REPLY])
@pytest.mark.parametrize("module", ["W", "N", "M"])
def test_a_bad_line_never_pulses_twice_and_never_tells_a_wrong_door(module, fault):
    async def story(world: World) -> None:
        await world.doors()
        world.fault(fault, "one" if fault in (FaultName.SPLIT, FaultName.NOISE) else module)
        await world.bank.pulse(Channel(module, 1))
        assert world.pulses() == [(module, 1)]
        for _ in range(2):
            for channel, state in (await world.doors()).items():
                wrong = DoorState.CLOSED if channel == Channel(module, 1) else DoorState.OPEN
                assert state is not wrong, channel
        world.ports.locker.clear_fault()
        await asyncio.sleep(6)
        assert await world.open_doors() == [Channel(module, 1)]
        assert world.pulses() == [(module, 1)]

    play(story)


@pytest.mark.parametrize("module", ALL)
def test_swapped_inverted_and_open_ended_inputs_read_right_when_stated(module):
    simulated = {module: {"contacts": [2, 1, 3, 0], "inverted": [3], "channels": 4}}
    stated = {module: {"door_inputs": (2, 1, 3, 0), "inverted": frozenset({3}), "channels": 4}}

    async def story(world: World) -> None:
        doors = await world.doors()
        assert [doors[Channel(module, n)] for n in range(1, 5)] == [DoorState.CLOSED] * 3 + [DoorState.UNKNOWN]
        for number in range(1, 5):
            reply = await world.bank.pulse(Channel(module, number))
            assert reply in (PulseReply.ACKED, PulseReply.NO_REPLY) or module in "XN", reply
            doors = await world.doors()
            expected = [DoorState.OPEN if n <= number else DoorState.CLOSED for n in range(1, 4)]
            assert [doors[Channel(module, n)] for n in range(1, 4)] == expected
            assert doors[Channel(module, 4)] is DoorState.UNKNOWN
        assert world.pulses() == [(module, n) for n in range(1, 5)]

    play(story, simulated=simulated, stated=stated)


def test_a_channel_without_a_lock_is_neither_read_nor_pulsed():
    async def story(world: World) -> None:
        assert Channel("W", 4) not in await world.doors()
        with pytest.raises(ConfigError):
            await world.bank.pulse(Channel("W", 4))
        assert world.pulses() == []

    play(story, simulated={"W": {"missing_locks": [4]}}, stated={"W": {"unpopulated": frozenset({4})}})


def test_a_contact_that_is_broken_never_stops_a_pulse():
    async def story(world: World) -> None:
        world.fault(FaultName.STUCK_OPEN, "W", 1)
        world.fault(FaultName.STUCK_CLOSED, "W", 2)
        await world.doors()
        for number in (1, 2):
            await world.bank.pulse(Channel("W", number))
        assert world.pulses() == [("W", 1), ("W", 2)]

    play(story)


def test_one_coil_rests_longer_than_the_supply_between_two_pulses():
    async def story(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            for channel in (Channel("W", 1), Channel("W", 1), Channel("N", 1)):
                group.create_task(world.bank.pulse(channel))
        facts = [f for f in world.ports.locker.facts(world.loop.now_ms()) if f.kind is FactKind.PULSE]
        assert [(fact.module, fact.channel) for fact in facts] == [("W", 1), ("W", 1), ("N", 1)]
        assert facts[1].at_ms - facts[0].at_ms >= 1_500
        assert all(later.at_ms - earlier.at_ms >= 700 for earlier, later in pairwise(facts))

    play(story)


def test_doors_are_read_while_a_pulse_waits_for_its_coil():
    async def story(world: World) -> None:
        await world.bank.pulse(Channel("W", 1))
        started_ms = world.loop.now_ms()
        async with asyncio.TaskGroup() as group:
            group.create_task(world.bank.pulse(Channel("W", 1)))
            await asyncio.sleep(0)
            await world.bank.poll()
            assert world.loop.now_ms() - started_ms < 1_000
            assert world.pulses() == [("W", 1)]
        assert world.pulses() == [("W", 1)] * 2

    play(story)


def test_a_pulse_that_would_wait_too_long_is_not_sent_at_all():
    async def story(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.bank.pulse(Channel("L", n))) for n in (1, 2, 3, 4)]
        assert [task.result() is PulseReply.FAULT for task in tasks] == [False, False, True, True]
        assert world.pulses() == [("L", 1), ("L", 2)]
        assert world.bank.lost_modules() == ()

    play(story, wait_max_ms=800)


def test_a_strangers_frame_on_the_wires_shows_as_an_open_door():
    async def story(world: World) -> None:
        await world.doors()
        world.ports.locker.receive("one", bytes.fromhex("90 06 05 05 02 03"), world.loop.now_ms())
        await asyncio.sleep(1)
        assert await world.open_doors() == [Channel("N", 2)]

    play(story)
