"""The runtime with the real log: nothing moves before it is durable, and a full log loses no fact."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge.core.locker.model import SessionChanged
from edge.errors import StorageFailed
from edge.wire.messages import Command
from edge.wire.pickup_pin import derive_pin
from tests.machine.playbook import hex_id
from tests.machine.visitors import DAY_MS, courier_code, pickup_code
from tests.unit.edge.locker_world import DEVICE, PIN_SECRET, T0_MS, LockerWorld, PowerLost
from tests.virtual_loop import run_virtual

PICKUP = hex_id(31)
HELD = {"compartment_no": 2, "parcel_id": "PW001", "pickup_id": PICKUP, "pin_generation": 0, "pin_counter": 0}
RESERVATION = {
    "reservation_id": hex_id(201), "parcel_id": "PW777", "pickup_id": hex_id(77), "compartment_no": 3,
    "expires_at_ms": T0_MS + DAY_MS, "generation": 0,
}  # fmt: skip
HERE = f"locker:{DEVICE}"


def qr(jti: int) -> str:
    return pickup_code(jti, 31, audience=HERE, at_ms=T0_MS)


async def collect(world: LockerWorld, *, takes: bool = True) -> None:
    """A person takes what lies behind door 2 and closes it."""
    await asyncio.sleep(1)
    if takes:
        world.cabinet.doors[2].parcels.clear()
    world.cabinet.doors[2].open = False
    await asyncio.sleep(1)


def world_with_a_parcel(folder: Path) -> LockerWorld:
    world = LockerWorld(folder)
    world.cabinet.doors[2].parcels.append("PW001")
    return world


async def restored(world: LockerWorld) -> None:
    world.restore([HELD], reservations=[RESERVATION])
    await asyncio.sleep(0.1)


def test_pulse_comes_after_its_authority_is_in_the_log(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)
    logged: list[int] = []

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.cabinet.on_pulse = lambda: logged.append(world.types().count("unlock_authorised"))
            world.agent.scan(qr(1))
            await collect(world)
            assert logged == [1] and world.cabinet.pulses == [2]
            assert world.types()[-2:] == ["parcel_collected", "visit_ended"]

    run_virtual(story())


@pytest.mark.parametrize("before", [True, False], ids=["before the commit", "after the commit"])
def test_pulse_never_follows_a_crash_around_its_commit(tmp_path: Path, before: bool) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        with pytest.raises(ExceptionGroup) as lost:
            async with world.running():
                await restored(world)
                world.log.dies, world.log.before = "unlock_authorised", before
                world.agent.scan(qr(1))
                await asyncio.sleep(1)
        assert lost.group_contains(PowerLost)
        assert world.cabinet.pulses == []
        async with world.running():
            await asyncio.sleep(20)
            assert world.cabinet.pulses == []
            assert world.types().count("unlock_unknown") == (0 if before else 1)
            assert world.types().count("visit_started") == (0 if before else 1)
            assert "door_opened_unauthorised" not in world.types()

    run_virtual(story())


def test_log_that_cannot_be_written_ends_the_agent_with_its_doors_shut(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        with pytest.raises(ExceptionGroup) as failed:
            async with world.running():
                await restored(world)
                world.log.store.close()
                world.agent.scan(qr(1))
                await asyncio.sleep(1)
        assert failed.group_contains(StorageFailed)
        assert world.cabinet.pulses == []

    run_virtual(story())


def test_storage_full_closes_the_kiosk_opens_no_door_and_recovers(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.log.full = True
            world.agent.scan(qr(1))
            await asyncio.sleep(12)
            assert (world.step, world.message, world.cabinet.pulses) == ("closed", "storage_full", [])
            world.log.full = False
            await asyncio.sleep(6)
            assert world.step == "idle"
            assert world.types()[-3:] == ["heartbeat", "alarm_raised", "alarm_cleared"]
            world.agent.scan(qr(1))
            await collect(world)
            assert "parcel_collected" in world.types()

    run_virtual(story())


def test_storage_full_under_an_open_door_keeps_what_happens_in_its_order(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.agent.scan(qr(1))
            await asyncio.sleep(0.05)
            world.log.full = True
            await collect(world)
            world.log.full = False
            await asyncio.sleep(6)
            facts = [name for name in world.types() if name in ("door_opened", "door_closed", "parcel_collected")]
            assert facts[-3:] == ["door_opened", "door_closed", "parcel_collected"]
            assert "door_opened_unauthorised" not in world.types()
            assert world.agent.runtime.state.durable.visits == {}

    run_virtual(story())


def test_storage_full_at_the_start_begins_when_there_is_space(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.agent.scan(qr(1))
            await asyncio.sleep(0.05)
        world.open()
        world.log.full = True
        work = asyncio.create_task(world.agent.run())
        await asyncio.sleep(7)
        assert world.step == "closed" and world.types()[-1] == "unlock_authorised"
        world.log.full = False
        await asyncio.sleep(7)
        began = [name for name in world.types() if name in ("agent_started", "unlock_unknown", "door_opened")]
        assert began[-3:] == ["agent_started", "unlock_unknown", "door_opened"]
        assert world.step == "idle" and world.cabinet.pulses == [2]
        work.cancel()
        await asyncio.wait({work})
        world.log.store.close()

    run_virtual(story())


def test_restoration_longer_than_a_commit_is_written_whole_and_may_be_repeated(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)
    contents = [{**HELD, "compartment_no": no, "parcel_id": f"PW{no:04}"} for no in range(1, 701)]

    async def story() -> None:
        with pytest.raises(ExceptionGroup) as lost:
            async with world.running():
                world.log.dies, world.log.before = "cloud_snapshot_restored", True
                await restored_with(contents)
        assert lost.group_contains(PowerLost)
        async with world.running():
            await restored_with(contents)
            slots = world.agent.runtime.state.durable.slots
            assert {len(slots[no].held) for no in range(1, 701)} == {1}
            assert world.agent.runtime.state.durable.restored

    async def restored_with(rows: list[dict[str, object]]) -> None:
        world.restore(rows)
        await asyncio.sleep(1)

    run_virtual(story())


def test_poll_feeds_a_door_once_for_every_change(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            await asyncio.sleep(30)
            assert world.types().count("door_closed") == 3
            world.cabinet.doors[1].open = True
            await asyncio.sleep(30)
            assert world.types().count("door_opened_unauthorised") == 1

    run_virtual(story())


def test_door_forced_open_is_recorded_and_alarmed_within_two_seconds(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.cabinet.doors[1].open = True
            await asyncio.sleep(2)
            assert world.types()[-2:] == ["door_opened_unauthorised", "alarm_raised"]
            assert world.signals[-1] == "attention"

    run_virtual(story())


def test_timer_ends_a_visit_that_is_left_alone_and_alarms_a_door_left_open(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.agent.scan(courier_code(9, audience=HERE, at_ms=T0_MS))
            await asyncio.sleep(130)
            assert world.step == "idle" and world.types()[-1] == "visit_ended"
            world.agent.scan(qr(1))
            await asyncio.sleep(70)
            assert "door_left_open" in world.types() and world.step == "door_open"

    run_virtual(story())


def test_pin_is_derived_by_the_real_keys_and_opens_its_compartment(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)
    world.give_pin_key()

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.agent.enter_pin(derive_pin(PIN_SECRET, hex_id(99), 0, 0))
            await asyncio.sleep(0.1)
            assert (world.message, world.cabinet.pulses) == ("pin_wrong", [])
            world.agent.enter_pin(derive_pin(PIN_SECRET, PICKUP, 0, 0))
            await collect(world)
            assert "parcel_collected" in world.types()

    run_virtual(story())


@pytest.mark.parametrize("with_key", [True, False], ids=["pin key", "no pin key"])
def test_deposit_chooses_a_counter_only_when_the_locker_has_a_pin_key(tmp_path: Path, with_key: bool) -> None:
    world = world_with_a_parcel(tmp_path)
    if with_key:
        world.give_pin_key()

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.agent.scan(courier_code(9, audience=HERE, at_ms=T0_MS))
            world.agent.scan("PW777")
            await asyncio.sleep(1)
            world.cabinet.doors[3].parcels.append("PW777")
            world.cabinet.doors[3].open = False
            await asyncio.sleep(1)
            deposited = dict(world.events())["parcel_deposited"]
            assert ("pin_counter" in deposited) is with_key

    run_virtual(story())


def test_command_flood_of_five_hundred_opens_no_more_than_the_cap_in_a_minute(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)
    nonce = b"n" * 16

    async def story() -> None:
        async with world.running():
            await restored(world)
            world.clock.signed(T0_MS + 1_000)
            world.agent.runtime.feed(SessionChanged(nonce))
            for number in range(500):
                at_ms = world.clock.now().at_ms
                command = Command(
                    hex_id(number), DEVICE, nonce, "open_compartment", {"compartment_no": 1 + number % 3}, at_ms,
                    at_ms + 60_000, "ops:1", "flood",
                )  # fmt: skip
                world.deliver(command)
                await asyncio.sleep(0.1)
                if number % 10 == 0:
                    world.clock.signed(world.clock.now().at_ms + 61_000)
                for steel in world.cabinet.doors.values():
                    steel.open = False
            assert len(world.cabinet.pulses) == 12

    run_virtual(story())


def test_boots_crashes_and_reconnects_of_an_idle_locker_move_no_lock(tmp_path: Path) -> None:
    world = world_with_a_parcel(tmp_path)

    async def story() -> None:
        async with world.running():
            await restored(world)
        for _ in range(4):
            async with world.running():
                for nonce in (b"a" * 16, None, b"b" * 16):
                    world.session(nonce)
                    await asyncio.sleep(1)
        assert world.cabinet.pulses == []

    run_virtual(story())
