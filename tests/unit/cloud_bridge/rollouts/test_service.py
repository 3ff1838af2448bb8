"""Rollouts over a real store and devices that run the updater's own machine, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloud_bridge.errors import InvalidData, NotFound, NotPossibleNow
from cloud_bridge.fleet import store as fleet
from cloud_bridge.fleet import twins
from cloud_bridge.fleet.model import DeviceState as Registered
from cloud_bridge.rollouts import store
from cloud_bridge.rollouts.model import DeviceState, Excluded, RolloutState, Share
from cloud_bridge.rollouts.service import check_phases
from edge.wire.release import parse_version
from tests.rollout_world import NEW, OLD, TARGET, TENANT, RolloutWorld


def test_good_release_reaches_everybody_phase_by_phase() -> None:
    world = RolloutWorld(30)
    rollout = world.make()
    world.pass_time(60)
    assert len(world.asked(rollout)) == 1
    world.pass_time(60, steps=4)
    assert (world.versions(), len(world.asked(rollout))) == ({OLD: 29, NEW: 1}, 1)
    world.pass_time(600, steps=2)
    assert len(world.asked(rollout)) == 3
    world.pass_time(600, steps=18)
    assert world.versions() == {NEW: 30}
    assert world.found(rollout).state is RolloutState.DONE


def test_bad_release_stops_at_the_canary_and_a_retry_asks_it_again() -> None:
    world = RolloutWorld(30)
    for device in world.devices.values():
        device.bad = frozenset({NEW})
    rollout = world.make()
    world.pass_time(600, steps=10)
    assert (world.found(rollout).state, world.versions()) == (RolloutState.HALTED, {OLD: 30})
    assert world.found(rollout).reason == "failed: 1 of 1 (unhealthy:agent_up)"
    for device in world.devices.values():
        device.bad = frozenset()
    world.do("retry", rollout)
    ((_, item),) = world.asked(rollout).items()
    assert (item.attempt, item.state) == (1, DeviceState.ASKED)
    world.pass_time(600, steps=20)
    assert (world.found(rollout).state, world.versions()) == (RolloutState.DONE, {NEW: 30})


def test_paused_rollout_asks_nobody_and_goes_on_when_resumed() -> None:
    world = RolloutWorld(30)
    rollout = world.make()
    world.pass_time(60)
    world.do("pause", rollout)
    assert world.do("pause", rollout).state is RolloutState.PAUSED, "twice is once"
    world.pass_time(600, steps=10)
    assert (world.versions(), len(world.asked(rollout))) == ({OLD: 29, NEW: 1}, 1)
    world.do("resume", rollout)
    world.pass_time(600, steps=18)
    assert world.versions() == {NEW: 30}


def test_abort_gives_the_former_wish_back_to_those_who_have_not_kept_the_release() -> None:
    world = RolloutWorld(30)
    first = world.make(replace(TARGET, version=parse_version("1.0.5")))
    world.pass_time(600, steps=20)
    second = world.make(phases=(Share(count=2), Share(percent=100)))
    world.pass_time(60)
    one, other = sorted(world.asked(second))
    world.devices[other].bad = frozenset({NEW})
    world.pass_time(60, steps=4)
    world.do("abort", second)
    assert world.do("abort", second).state is RolloutState.ABORTED
    assert world.wish(one)["version"] == "1.1.0", "it runs it already"
    assert world.wish(other)["version"] == "1.0.5"
    world.pass_time(600, steps=4)
    assert (world.devices[one].version, world.devices[other].version) == (NEW, parse_version("1.0.5"))
    assert world.found(first).state is RolloutState.DONE
    for word in ("pause", "resume", "retry"):
        with pytest.raises(NotPossibleNow):
            world.do(word, second)


def test_abort_before_anybody_had_a_wish_leaves_none() -> None:
    world = RolloutWorld(3)
    rollout = world.make()
    world.pass_time(60)
    (asked,) = world.asked(rollout)
    world.do("abort", rollout)
    assert world.wish(asked) is None
    world.pass_time(60, steps=3)
    assert world.versions() == {OLD: 3}


def test_wish_that_somebody_else_has_changed_since_is_not_undone_by_an_abort() -> None:
    world = RolloutWorld(3)
    rollout = world.make()
    world.pass_time(60)
    (asked,) = world.asked(rollout)
    other = {"product": TARGET.product, "kind": "image", "version": "1.0.9", "attempt": 0}
    world.db.write_now(lambda conn: twins.set_desired(conn, asked, "release", other))
    world.do("abort", rollout)
    assert world.wish(asked) == other


def test_nobody_is_in_two_rollouts() -> None:
    world = RolloutWorld(20)
    first, second = world.make(), world.make(replace(TARGET, version=parse_version("1.2.0")))
    for _ in range(50):
        world.pass_time(600)
        if RolloutState.DONE not in (world.found(first).state, world.found(second).state):
            assert not set(world.asked(first)) & set(world.asked(second))
    assert world.versions() == {parse_version("1.2.0"): 20}


def test_those_left_out_are_shown_with_their_reasons() -> None:
    world = RolloutWorld(6)

    def change(conn: object) -> None:
        store.pin(conn, "locker-0001", "in court", "ann", world.now_ms)  # type: ignore[arg-type]
        fleet.set_state(
            conn, "locker-0002", Registered.RETIRED, actor="ann", reason="gone", now_ms=world.now_ms  # type: ignore[arg-type]
        )  # fmt: skip
        world._tell(conn, "locker-0003", [("release_reported", {
            "product": TARGET.product, "board": "rpi-armhf", "image": "1.0.0", "agent": "1.0.0"
        })])  # fmt: skip
        world._tell(conn, "locker-0004", [("release_tried", {"kind": "agent", "version": "1.0.1", "attempt": 0})])

    world.db.write_now(change)
    rollout = world.make()
    counted = world.db.write_now(lambda conn: world.rollouts.census(conn, rollout, world.now_ms))
    assert counted.excluded == {
        "locker-0001": Excluded.PINNED, "locker-0002": Excluded.NOT_ACTIVE, "locker-0003": Excluded.WRONG_BOARD,
        "locker-0004": Excluded.BUSY,
    }  # fmt: skip
    assert sorted(counted.eligible) == ["locker-0005", "locker-0006"]


def test_restart_of_the_bridge_between_two_looks_asks_nobody_twice() -> None:
    world = RolloutWorld(30)
    rollout = world.make()
    for _ in range(20):
        world.restart()
        world.pass_time(600)
    assert (world.versions(), world.found(rollout).state) == ({NEW: 30}, RolloutState.DONE)
    assert {item.attempt for item in world.asked(rollout).values()} == {0}


def test_release_that_failed_in_a_former_rollout_is_tried_again_in_a_new_one() -> None:
    world = RolloutWorld(1)
    world.devices["locker-0001"].bad = frozenset({NEW})
    first = world.make()
    world.pass_time(600, steps=6)
    world.do("abort", first)
    world.devices["locker-0001"].bad = frozenset()
    second = world.make()
    world.pass_time(600, steps=8)
    assert (world.found(second).state, world.versions()) == (RolloutState.DONE, {NEW: 1})


def test_rollout_of_another_tenant_is_none() -> None:
    world = RolloutWorld(1)
    rollout = world.make()
    with pytest.raises(NotFound):
        world.db.write_now(lambda conn: world.rollouts.pause(conn, "rival", rollout.rollout_id, world.now_ms))
    assert world.db.write_now(lambda conn: store.list_rollouts(conn, "rival")) == []
    assert [item.rollout_id for item in world.db.write_now(lambda conn: store.list_rollouts(conn, TENANT))] == [
        rollout.rollout_id
    ]


@pytest.mark.parametrize(
    "phases",
    [(), (Share(percent=50),), (Share(percent=100), Share(percent=50)), (Share(), Share(percent=100)),
     (Share(count=1, percent=1), Share(percent=100))],
    ids=["none", "not_all", "shrinking", "neither", "both"],
)  # fmt: skip
def test_phases_that_do_not_grow_up_to_everybody_are_refused(phases: tuple[Share, ...]) -> None:
    with pytest.raises(InvalidData):
        check_phases(phases)


@pytest.mark.parametrize("devices", [100, pytest.param(1_000, marks=pytest.mark.slow)])
def test_in_a_fleet_a_bad_release_stops_at_the_canary_and_a_good_one_completes(devices: int) -> None:
    world = RolloutWorld(devices)
    bad = replace(TARGET, version=parse_version("1.0.5"))
    for device in world.devices.values():
        device.bad = frozenset({bad.version})
    stopped = world.make(bad)
    world.pass_time(600, steps=6)
    assert (world.found(stopped).state, len(world.asked(stopped))) == (RolloutState.HALTED, 1)
    assert world.versions() == {OLD: devices}
    world.do("abort", stopped)
    good = world.make()
    world.pass_time(600, steps=20)
    assert (world.found(good).state, world.versions()) == (RolloutState.DONE, {NEW: devices})
