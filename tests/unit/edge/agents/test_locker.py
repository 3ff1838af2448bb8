"""The locker agent: what the link brings, what is kept for the next start."""

from __future__ import annotations

import asyncio
from pathlib import Path

from edge.core.sync.verify import Reason, Refused
from edge.wire.messages import Bundle, Command, Secret
from edge.wire.messages import Desired as DesiredMessage
from edge.wire.secrets import PIN_KEY, wrap_secret
from tests.fleets import make_fleet
from tests.machine.playbook import hex_id
from tests.unit.edge.locker_world import DEVICE, PIN_SECRET, T0_MS, LockerWorld
from tests.virtual_loop import run_virtual


def command(number: int = 1) -> Command:
    return Command(
        hex_id(number),
        DEVICE,
        b"n" * 16,
        "open_compartment",
        {"compartment_no": 1},
        T0_MS,
        T0_MS + 60_000,
        "ops:1",
        "x",
    )


def test_deliver_command_opens_and_is_answered(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.agent._clock_signed(T0_MS + 5_000, 0)
            world.session(b"n" * 16)
            world.deliver(command())
            await asyncio.sleep(1)
            assert world.cabinet.pulses == [1]
            assert dict(world.events())["command_finished"] == {"command_id": hex_id(1), "outcome": "opened"}

    run_virtual(story())


def test_deliver_command_that_the_link_refused_is_recorded_and_moves_nothing(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.deliver(Refused(Reason.RETAINED, "retained", command=command()))
            world.deliver(Refused(Reason.FOREIGN, "not ours", command=None))
            await asyncio.sleep(1)
            assert world.cabinet.pulses == []
            assert dict(world.events())["command_refused"] == {"command_id": hex_id(1), "reason": "retained"}

    run_virtual(story())


def test_deliver_desired_is_applied_kept_and_followed_again_after_a_start(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.deliver(world.want(3, audiences=["group:north"]))
            await asyncio.sleep(0.1)
            assert world.agent._desired_version() == (1, 3)
        async with world.running():
            assert world.agent.runtime.state.desired.audiences == {"group:north"}
            assert world.types().count("desired_applied") == 1

    run_virtual(story())


def test_deliver_older_desired_is_refused_and_takes_no_ones_place(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.deliver(world.want(3, revoked=[hex_id(9)]))
            world.deliver(world.want(2))
            await asyncio.sleep(0.1)
            assert dict(world.events())["desired_refused"]["reason"] == "outdated"
        async with world.running():
            assert world.agent.runtime.state.desired.revoked == {hex_id(9)}

    run_virtual(story())


def test_deliver_malformed_desired_is_refused_on_record_and_not_kept(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.deliver(world.want(1, audiences=["group:north"]))
            world.deliver(world.want(2, compartments=[{"no": 0}]))
            world.deliver(DesiredMessage(DEVICE, 1, 3, b"{not json"))
            await asyncio.sleep(0.1)
            refused = [data for name, data in world.events() if name == "desired_refused"]
            assert [(data["version"], data["reason"]) for data in refused] == [(2, "malformed"), (3, "malformed")]
        async with world.running():
            assert world.agent._desired_version() == (1, 1)

    run_virtual(story())


def test_start_with_a_damaged_desired_file_runs_says_so_and_mends_with_the_next(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)
    world.documents.save("desired.cbor", b"\xff\x00 damaged")

    async def story() -> None:
        async with world.running():
            assert dict(world.events())["alarm_raised"]["alarm"] == "cloud_desired_unreadable"
            world.deliver(world.want(1))
            await asyncio.sleep(0.1)
            assert dict(world.events())["alarm_cleared"]["alarm"] == "cloud_desired_unreadable"

    run_virtual(story())


def test_deliver_secret_for_another_device_raises_an_alarm_and_the_right_one_clears_it(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    def secret(device_id: str) -> Secret:
        wrapped = wrap_secret(PIN_SECRET, public=world.keys.wrap_public, device_id=device_id, name=PIN_KEY, version=1)
        return Secret(DEVICE, PIN_KEY, 1, wrapped)

    async def story() -> None:
        async with world.running():
            world.deliver(secret("locker-0002"))
            await asyncio.sleep(0.1)
            assert world.types()[-1] == "alarm_raised"
            world.deliver(secret(DEVICE))
            await asyncio.sleep(0.1)
            assert world.types()[-2:] == ["alarm_cleared", "secret_stored"]
            assert len(world.keys.pin(hex_id(1), 0, 0)) == 9

    run_virtual(story())


def test_deliver_newer_trust_bundle_is_kept_and_followed(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            newer = Bundle(make_fleet(devices=1, version=2).bundle)
            world.deliver(newer)
            await asyncio.sleep(0.1)
            assert world.agent.runtime.state.trust == newer.bundle
            assert world.documents.load("trust.cbor") == newer.encode()

    run_virtual(story())


def test_clock_signed_for_the_first_time_is_recorded_and_a_small_step_later_is_not(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            for step_ms in (500, 1_000, 60_000):
                world.agent._clock_signed(world.clock.now().at_ms + step_ms, 0)
                await asyncio.sleep(0.1)
            steps = [data["step_ms"] for name, data in world.events() if name == "clock_synced"]
            assert steps == [500, 60_000]

    run_virtual(story())


def test_board_and_link_conditions_become_alarms_whatever_their_words(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.agent.board("a", False)
            world.agent.sync._tell.alarm("refused", "two\nlines \x85" + "x" * 500, True)
            await asyncio.sleep(0.1)
            alarms = [data["alarm"] for name, data in world.events() if name == "alarm_raised"]
            assert alarms == ["board_lost", "cloud_refused"]

    run_virtual(story())
