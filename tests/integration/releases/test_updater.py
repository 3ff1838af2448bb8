"""A device updates itself from a served repository: good, bad, at a bad moment, and onto a card that lies."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.core.release.machine import HEALTH_DEADLINE_S, RETRY_S, Health, Phase
from edge.wire.release import ReleaseKind, parse_version
from provisioning.releases.roles import RULES
from tests.release_world import DAY_MS, WELL, Device, ReleaseWorld, image_bundle


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ReleaseWorld]:
    world = ReleaseWorld(tmp_path)
    yield world
    world.close()


@pytest.fixture
def device(world: ReleaseWorld) -> Device:
    return Device(world)


def test_good_release_runs_in_the_other_slot_and_is_kept(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    assert device.look() == "trying"
    assert (device.slots.running(), device.slots.committed(), device.record.phase) == ("b", "a", Phase.TRYING)
    assert device.look() == "committed"
    device.boot()
    assert (device.slots.running(), device.slots.version()) == ("b", parse_version("1.1.0"))
    assert device.look() == "committed"


def test_next_release_goes_back_into_the_first_slot(world: ReleaseWorld, device: Device) -> None:
    for version in ("1.1.0", "1.2.0"):
        world.release(version)
        device.wish(version)
        assert device.look() == "trying" and device.look() == "committed"
    assert (device.slots.running(), device.slots.version()) == ("a", parse_version("1.2.0"))


def test_bad_release_falls_back_and_the_good_one_after_it_is_kept(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    world.release("1.1.1")
    device.wish("1.1.0")
    assert device.look() == "trying"
    device.health = replace(WELL, boards_answer=False)
    assert device.look() == "on_trial"
    device.waited_s += HEALTH_DEADLINE_S
    assert device.look() == "falling_back:unhealthy:boards_answer"
    device.health = WELL
    assert device.slots.running() == "a"
    assert (device.look(), device.record.phase, device.slots.committed()) == ("fell_back", Phase.FELL_BACK, "a")
    device.wish("1.1.1")
    assert device.look() == "trying" and device.look() == "committed"
    assert device.slots.version() == parse_version("1.1.1")


def test_lower_version_is_refused_and_nothing_is_written(world: ReleaseWorld, device: Device) -> None:
    world.release("0.9.0")
    before = (device.root / "root_b").read_bytes()
    device.wish("0.9.0")
    assert device.look() == "lower_version"
    assert device.record.phase is Phase.REFUSED and (device.root / "root_b").read_bytes() == before


def test_update_waits_while_somebody_is_at_the_device(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    device.busy = True
    assert device.look() == "in_use"
    assert device.slots.running() == "a"
    device.busy = False
    assert device.look() == "trying"


def test_trial_without_an_agent_is_not_kept(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    device.look()
    device.health = Health()
    assert device.look() == "on_trial"
    device.waited_s += HEALTH_DEADLINE_S
    assert device.look() == "falling_back:unhealthy:agent_up"
    assert (device.slots.running(), device.slots.committed()) == ("a", "a")


def test_wish_before_its_release_is_published_is_carried_out_later(world: ReleaseWorld, device: Device) -> None:
    device.wish("1.1.0")
    assert device.look() == "refused:not_released"
    assert device.record.reason == "not_released"
    world.release("1.1.0")
    assert device.look() == "refused", "not at every look"
    device.waited_s += RETRY_S
    assert device.look() == "trying"


def test_repository_out_of_reach_changes_nothing(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    world.close()
    assert device.look() == "offline"
    assert device.record.phase is Phase.IDLE


def test_slot_that_does_not_hold_what_was_written_is_never_tried(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0", bundle=image_bundle(world.root / "big.tar", "1.1.0", padding=400_000))
    full = device.root / "root_b"
    full.unlink()
    full.symlink_to("/dev/full")
    device.wish("1.1.0")
    assert device.look() == "refused:slot_failed"
    assert (device.slots.running(), device.record.phase, device.look()) == ("a", Phase.REFUSED, "refused")


def test_bundle_for_another_set_of_partitions_is_never_written(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.partitions["b"]["extra.img"] = device.root / "extra"
    device.wish("1.1.0")
    assert device.look() == "refused:slot_failed"
    assert device.slots.committed() == "a"


@pytest.mark.parametrize("damage", [b"", b"\0" * 64, b"[all]\nboot_partition=2\n"], ids=["empty", "zeroes", "one_slot"])
def test_damaged_autoboot_switches_nothing(world: ReleaseWorld, device: Device, damage: bytes) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    (device.root / "cfg" / "autoboot.txt").write_bytes(damage)
    assert device.look() == "slot_failed"
    assert (device.root / "cfg" / "autoboot.txt").read_bytes() == damage


def test_damaged_record_lets_a_trial_fall_back_and_the_wish_be_carried_out_anew(
    world: ReleaseWorld, device: Device
) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    device.look()
    (device.root / "records" / "update-image.json").write_bytes(b"\0" * 40)
    assert device.look() == "falling_back:unknown_trial"
    assert device.look() == "trying" and device.look() == "committed"


def test_lost_data_partition_leaves_the_committed_slot_running(world: ReleaseWorld, device: Device) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    device.look()
    shutil.rmtree(device.root / "records")
    assert device.look() == "falling_back:unknown_trial"
    assert device.slots.running() == "a"


def test_release_that_asks_for_a_newer_one_before_it_is_refused(world: ReleaseWorld, device: Device) -> None:
    world.release("2.0.0", min_version="1.5.0")
    world.release("1.5.0")
    device.wish("2.0.0")
    assert (device.look(), device.record.reason) == ("refused:min_version", "min_version")
    for version in ("1.5.0", "2.0.0"):
        device.wish(version)
        assert device.look() == "trying" and device.look() == "committed"
    assert device.slots.version() == parse_version("2.0.0")


def test_freeze_under_a_clock_set_back_is_refused_by_signed_cloud_time_even_when_the_agent_is_gone(
    world: ReleaseWorld, device: Device
) -> None:
    world.release("1.1.0")
    device.wish("1.1.0")
    device.at_ms = world.made_at_ms + (RULES["timestamp"].life_days + 1) * DAY_MS
    assert (device.look(), device.record.reason) == ("refused:expired", "expired")
    device.health, device.at_ms = Health(), 0
    device.waited_s += RETRY_S
    assert device.look() == "refused:expired", "the floor is kept"


def test_downgrade_of_the_program_alone_is_refused_and_nothing_is_written(world: ReleaseWorld, device: Device) -> None:
    world.release("0.9.0", ReleaseKind.AGENT)
    world.release("1.1.0", ReleaseKind.AGENT)
    program = device.program()
    device.wish("1.1.0", ReleaseKind.AGENT)
    assert device.look(ReleaseKind.AGENT, program) == "trying"
    program.launch()
    assert device.look(ReleaseKind.AGENT, program) == "committed"
    device.wish("0.9.0", ReleaseKind.AGENT)
    assert device.look(ReleaseKind.AGENT, program) == "lower_version"
    assert not (device.root / "program" / "b").exists()


def test_downgrade_by_another_choice_of_slot_starts_nothing_older_than_the_image(
    world: ReleaseWorld, device: Device
) -> None:
    world.release("0.9.0", ReleaseKind.AGENT)
    (device.root / "program" / "a").mkdir(parents=True)
    (device.root / "program" / "a" / "slot.json").write_text('{"release": "0.9.0"}')
    (device.root / "program.json").write_text('{"committed": "a", "once": "a", "running": "a"}')
    program = device.program()
    assert (program.launch(), program.running()) == (None, "image")
