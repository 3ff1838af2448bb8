"""The lock bank over in-process boards in virtual time: timing rules exactly, and any mix of faults."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.board_config import BoardConfig, BoardFamily, BusConfig, LockBankConfig, UnlockAnswer
from edge.drivers.lock_bank import BoardNotice, Presence, SerialLockBank
from edge.ports import Channel, DoorState, PulseReply
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.errors import NotPossible
from firmware_sim.faults import Fault, FaultName
from tests.locker_line import LockerPorts
from tests.virtual_loop import VirtualLoop

FILE = {
    "ports": [
        {
            "name": "one",
            "boards": [
                {"module": "A", "family": "xor_8a", "address": 1, "channels": 4, "unlock_reply_ms": 500},
                {"module": "C", "family": "xor_8a", "address": 2, "channels": 4, "closed_bit": 0},
            ],
        },
        {
            "name": "two",
            "boards": [
                {"module": "B", "family": "kerong_cu", "address": 3, "channels": 4, "answers_unlock": True},
            ],
        },
    ]
}
PORT_OF = {"A": "one", "C": "one", "B": "two"}


@dataclass
class World:
    loop: VirtualLoop
    ports: LockerPorts
    bank: SerialLockBank
    notices: list[BoardNotice] = field(default_factory=list)

    def fault(self, name: FaultName, target: str, **more: int | None) -> None:
        self.ports.locker.set_fault(Fault(name, target, **more))

    def pulses(self) -> list[tuple[str, int, bool]]:
        facts = self.ports.locker.facts(self.loop.now_ms())
        return [(fact.module, fact.channel, fact.moved) for fact in facts if fact.kind is FactKind.PULSE]

    def pulse_times(self) -> list[int]:
        return [f.at_ms for f in self.ports.locker.facts(self.loop.now_ms()) if f.kind is FactKind.PULSE]

    async def doors(self) -> dict[Channel, DoorState]:
        return {reading.channel: reading.door for reading in await self.bank.poll()}

    def truth(self) -> dict[Channel, DoorState]:
        views = self.ports.locker.doors(self.loop.now_ms())
        return {Channel(v.module, v.channel): DoorState.OPEN if v.open else DoorState.CLOSED for v in views}


def play(story: Callable[[World], Awaitable[None]], *, echo: bool = False, coil_rest_ms: int = 700) -> None:
    """Run a story in a fresh world, from virtual second 1,000."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:

        async def run() -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            ports = LockerPorts(LockerFile.model_validate(FILE).build(), loop)
            boards = (
                BoardConfig("A", BoardFamily.XOR_8A, 1, 4),
                BoardConfig("C", BoardFamily.XOR_8A, 2, 4, closed_bit=0),
            )
            kerong = BoardConfig("B", BoardFamily.KERONG_CU, 3, 4, unlock_answer=UnlockAnswer.EXPECTED)
            one = BusConfig("/sim/one", boards, echo=echo, coil_rest_ms=coil_rest_ms)
            config = LockBankConfig((one, BusConfig("/sim/two", (kerong,))))
            notices: list[BoardNotice] = []
            bank = SerialLockBank(config, notices.append, ports.open_line)
            await story(World(loop, ports, bank, notices))
            await bank.close()

        runner.run(run())


def test_pulses_on_one_bus_are_700_ms_apart_and_buses_do_not_wait_for_each_other():
    async def story(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            for module, number in [("A", 1), ("C", 1), ("A", 2), ("B", 1)]:
                group.create_task(world.bank.pulse(Channel(module, number)))
        of_bus_one = [
            fact.at_ms
            for fact in world.ports.locker.facts(world.loop.now_ms())
            if fact.kind is FactKind.PULSE and fact.module != "B"
        ]
        assert all(later - earlier >= 700 for earlier, later in pairwise(of_bus_one))
        assert world.pulse_times()[0] == world.pulse_times()[1]

    play(story)


def test_a_pulse_waits_for_at_most_the_query_in_flight():
    async def story(world: World) -> None:
        world.fault(FaultName.DEAD_BOARD, "A")
        started_ms = world.loop.now_ms()
        async with asyncio.TaskGroup() as group:
            group.create_task(world.bank.poll())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            group.create_task(world.bank.pulse(Channel("C", 1)))
        assert world.pulse_times()[0] - started_ms <= 500 + 25 + 5 + 1

    play(story)


def test_a_dead_board_is_told_lost_once_probed_rarely_and_found_again():
    async def story(world: World) -> None:
        await world.doors()
        world.fault(FaultName.DEAD_BOARD, "A")
        for _ in range(3):
            doors = await world.doors()
            assert doors[Channel("A", 1)] is DoorState.UNKNOWN
            assert doors[Channel("C", 1)] is DoorState.CLOSED
        assert world.notices == [BoardNotice("A", Presence.LOST, "silent")]
        before_ms = world.loop.now_ms()
        await world.doors()
        assert world.loop.now_ms() - before_ms < 100
        world.ports.locker.clear_fault()
        await asyncio.sleep(5)
        assert (await world.doors())[Channel("A", 1)] is DoorState.CLOSED
        assert world.notices[1:] == [BoardNotice("A", Presence.FOUND, "answered")]

    play(story)


def test_a_vanished_port_is_looked_for_once_a_second_at_most():
    async def story(world: World) -> None:
        await world.doors()
        world.ports.unplug("two")
        await world.doors()
        assert world.notices == [BoardNotice("B", Presence.LOST, "line_lost")]
        assert await world.bank.pulse(Channel("B", 1)) is PulseReply.FAULT
        await world.doors()
        world.ports.replug("two")
        assert (await world.doors())[Channel("B", 1)] is DoorState.UNKNOWN
        await asyncio.sleep(1)
        assert (await world.doors())[Channel("B", 1)] is DoorState.CLOSED
        assert world.pulses() == []

    play(story)


@pytest.mark.parametrize(("module", "jammed"), [("A", PulseReply.REFUSED), ("C", PulseReply.REFUSED)])
def test_an_unstated_echo_is_corrected_by_the_answer_that_follows(module, jammed):
    async def story(world: World) -> None:
        world.fault(FaultName.ECHO, "one")
        world.fault(FaultName.JAM, module, channel=2)
        assert await world.bank.pulse(Channel(module, 1)) is PulseReply.ACKED
        assert await world.bank.pulse(Channel(module, 2)) is jammed

    play(story)


def test_a_stated_echo_that_does_not_come_confirms_nothing():
    async def story(world: World) -> None:
        assert await world.bank.pulse(Channel("A", 1)) is PulseReply.NO_REPLY
        assert world.pulses() == [("A", 1, True)]

    play(story, echo=True)


def test_a_stated_echo_alone_is_silence():
    async def story(world: World) -> None:
        world.fault(FaultName.ECHO, "one")
        for module in ("A", "C"):
            world.fault(FaultName.NO_REPLY, module)
            assert await world.bank.pulse(Channel(module, 1)) is PulseReply.NO_REPLY

    play(story, echo=True)


@pytest.mark.parametrize("module", ["A", "C"])
def test_an_answer_to_a_pulse_given_up_is_not_taken_for_the_next_pulses(module):
    async def story(world: World) -> None:
        await cancelled_pulse(world, Channel(module, 1))
        await asyncio.sleep(0.02)
        world.ports.locker.cabinet(module).close_by_hand(1, world.loop.now_ms())
        world.fault(FaultName.JAM, module, channel=1)
        assert await world.bank.pulse(Channel(module, 1)) is PulseReply.REFUSED
        assert world.pulses() == [(module, 1, True), (module, 1, False)]

    play(story, coil_rest_ms=0)


def test_a_spoilt_answer_that_a_neighbour_takes_for_its_own_command_shows_as_an_open_door():
    """No checksum of these families sees two bytes that changed places, and their answers look like commands."""

    async def story(world: World) -> None:
        world.fault(FaultName.SWAPPED_BYTES, "C")
        await world.bank.pulse(Channel("C", 1))
        assert world.pulses() == [("C", 1, True), ("A", 2, True)]
        assert (await world.doors())[Channel("A", 2)] is DoorState.OPEN

    play(story)


modules = st.sampled_from(["A", "B", "C"])
numbers = st.integers(1, 4)
steps = st.one_of(
    st.tuples(st.just("pulse"), modules, numbers),
    st.tuples(st.just("cancelled_pulse"), modules, numbers),
    st.tuples(st.just("close"), modules, numbers),
    st.tuples(st.just("jam"), modules, numbers),
    st.tuples(st.just("board_fault"), modules, st.sampled_from(["no_reply", "late_reply", "dead_board"])),
    st.tuples(st.just("board_fault"), st.just("B"), st.just("swapped_bytes")),  # alone on its bus: nobody overhears it
    st.tuples(st.just("line_fault"), modules, st.sampled_from(["split", "noise"])),
    st.tuples(st.just("unplug"), modules, st.none()),
    st.tuples(st.just("heal"), st.none(), st.none()),
    st.tuples(st.just("poll"), st.none(), st.none()),
)


async def take_step(world: World, step: tuple) -> None:
    kind, module, more = step
    locker = world.ports.locker
    match kind:
        case "pulse":
            await judged_pulse(world, Channel(module, more))
        case "cancelled_pulse":
            await cancelled_pulse(world, Channel(module, more))
        case "close":
            with contextlib.suppress(NotPossible):
                locker.cabinet(module).close_by_hand(more, world.loop.now_ms())
        case "jam":
            world.fault(FaultName.JAM, module, channel=more)
        case "board_fault":
            world.fault(FaultName(more), module, times=2)
        case "line_fault":
            world.fault(FaultName(more), PORT_OF[module], times=3)
        case "unplug":
            world.ports.unplug(PORT_OF[module])
        case "heal":
            locker.clear_fault()
            world.ports.replug("one")
            world.ports.replug("two")
        case "poll":
            await world.bank.poll()


async def judged_pulse(world: World, channel: Channel) -> None:
    before = len(world.pulses())
    reply = await world.bank.pulse(channel)
    new = world.pulses()[before:]
    assert len(new) <= (0 if reply is PulseReply.FAULT else 1)
    assert all((module, number) == (channel.module, channel.number) for module, number, _ in new)
    if reply is PulseReply.ACKED:
        assert (channel.module, channel.number, True) in world.pulses()


async def cancelled_pulse(world: World, channel: Channel) -> None:
    before = len(world.pulses())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.05):
            await world.bank.pulse(channel)
    assert len(world.pulses()) - before <= 1


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=14))
def test_any_mix_of_faults_never_pulses_twice_or_elsewhere_and_heals_to_the_truth(story_steps):
    async def story(world: World) -> None:
        for step in story_steps:
            await take_step(world, step)
        await take_step(world, ("heal", None, None))
        before = len(world.pulses())
        await asyncio.sleep(10)
        for _ in range(3):
            await world.bank.poll()
            await asyncio.sleep(2)
        assert await world.doors() == world.truth()
        assert len(world.pulses()) == before
        assert world.bank.lost_modules() == ()

    play(story)
