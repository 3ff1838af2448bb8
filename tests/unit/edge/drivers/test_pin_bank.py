"""Locks on own pins through gpiozero's mock factory: one pulse, rests, lost edges, bounces, chatter."""

from __future__ import annotations

import asyncio

import pytest
from gpiozero.pins.mock import MockFactory

from edge.drivers.pin_bank import InputConfig, PinBank, PinBoardConfig, PinChannel
from edge.errors import ConfigError
from edge.ports import Channel, DoorState, PulseReply
from tests.virtual_loop import run_virtual

DOOR, ITEM, LOCK, OTHER = 22, 23, 17, 18
G = Channel("G", 1)


def config(*, active_high: bool = True, closed_high: bool = False, **more) -> PinBoardConfig:
    first = PinChannel(1, LOCK, active_high, InputConfig(DOOR, closed_high), InputConfig(ITEM, False))
    return PinBoardConfig("G", (first, PinChannel(2, OTHER, active_high)), **more)


class World:
    def __init__(self, board: PinBoardConfig | None = None) -> None:
        self.factory = MockFactory()
        self.bank = PinBank(board or config(), self.factory)
        self.door = self.factory.pin(DOOR)
        self.lock = self.factory.pin(LOCK)
        self.lock.clear_states()

    async def read(self) -> DoorState:
        return (await self.bank.poll())[0].door

    async def settled(self) -> DoorState:
        """After the filter's time, and with gpiozero's callback over on the loop."""
        await asyncio.sleep(0.1)
        return await self.read()

    def edges(self) -> list[bool]:
        return [bool(state.state) for state in self.lock.states[1:]]


def play(story, board: PinBoardConfig | None = None) -> None:
    async def run() -> None:
        world = World(board)
        await story(world)
        await world.bank.close()

    run_virtual(run())


@pytest.mark.parametrize("active_high", [True, False])
def test_pulse_drives_its_polarity_once_and_ends(active_high):
    async def story(world: World) -> None:
        assert await world.bank.pulse(G) is PulseReply.ACKED
        assert world.edges() == [active_high, not active_high]

    play(story, config(active_high=active_high))


def test_pulses_wait_for_supply_and_coil():
    async def story(world: World) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        await world.bank.pulse(G)
        await world.bank.pulse(Channel("G", 2))
        assert loop.time() - started_s == pytest.approx(0.7 + 0.5)
        await world.bank.pulse(G)
        assert loop.time() - started_s == pytest.approx(1.5 + 0.5)
        assert world.edges() == [True, False] * 2

    play(story)


def test_a_pulse_that_would_wait_too_long_is_a_fault_and_feeds_nothing():
    async def story(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(world.bank.pulse(G)) for _ in range(3)]
        assert [task.result() for task in tasks] == [PulseReply.ACKED, PulseReply.FAULT, PulseReply.FAULT]
        assert world.edges() == [True, False]

    play(story, config(wait_max_ms=1_000))


def test_a_pulse_given_up_in_its_middle_ends_inactive():
    async def story(world: World) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await world.bank.pulse(G)
        assert world.edges() == [True, False]

    play(story)


def test_a_door_without_an_input_reads_unknown_and_is_pulsed_all_the_same():
    async def story(world: World) -> None:
        assert (await world.bank.poll())[1].door is DoorState.UNKNOWN
        assert await world.bank.pulse(Channel("G", 2)) is PulseReply.ACKED

    play(story)


@pytest.mark.parametrize("channel", [Channel("G", 3), Channel("H", 1)], ids=str)
def test_an_unknown_channel_is_refused(channel):
    async def story(world: World) -> None:
        with pytest.raises(ConfigError):
            await world.bank.pulse(channel)

    play(story)


def test_an_edge_that_nobody_told_is_found_by_the_level_once_it_has_settled():
    async def story(world: World) -> None:
        world.door.edges = "none"
        world.door.drive_low()
        assert await world.read() is DoorState.OPEN
        assert await world.settled() is DoorState.CLOSED

    play(story)


def test_a_bounce_shorter_than_the_filter_is_never_told():
    async def story(world: World) -> None:
        world.door.drive_low()
        assert await world.settled() is DoorState.CLOSED
        for _ in range(4):
            world.door.drive_high()
            assert await world.read() is DoorState.CLOSED
            world.door.drive_low()
        assert await world.settled() is DoorState.CLOSED

    play(story)


def test_a_door_that_was_open_between_two_polls_is_told_open_before_closed():
    async def story(world: World) -> None:
        world.door.drive_low()
        assert await world.settled() is DoorState.CLOSED
        for level in (world.door.drive_high, world.door.drive_low):
            level()
            await asyncio.sleep(0.05)
        assert [await world.read(), await world.read()] == [DoorState.OPEN, DoorState.CLOSED]

    play(story)


def test_a_contact_that_chatters_for_ever_says_unknown_until_it_rests():
    async def story(world: World) -> None:
        for _ in range(150):
            world.door.drive_low()
            world.door.drive_high()
            await asyncio.sleep(0.01)
        assert await world.read() is DoorState.UNKNOWN
        assert await world.settled() is DoorState.OPEN

    play(story)


def test_an_item_is_seen_by_its_light_barrier():
    async def story(world: World) -> None:
        assert (await world.bank.poll())[0].occupied is False
        world.factory.pin(ITEM).drive_low()
        await asyncio.sleep(0.1)
        assert (await world.bank.poll())[0].occupied is True

    play(story)


@pytest.mark.parametrize("channels", [
    (), (PinChannel(1, 4), PinChannel(1, 5)), (PinChannel(1, 4), PinChannel(2, 4)),
    (PinChannel(1, 4, door=InputConfig(4)),),
], ids=["none", "number_twice", "pin_twice", "pin_in_and_out"])  # fmt: skip
def test_a_board_that_contradicts_itself_is_refused(channels):
    with pytest.raises(ConfigError):
        PinBoardConfig("G", channels)
