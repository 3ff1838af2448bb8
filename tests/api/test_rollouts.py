"""Rollouts and the software inventory over HTTP, fed by events that devices really signed."""

from __future__ import annotations

from typing import Any

import pytest

from cloud_bridge.access.model import Role
from tests.bridge_world import BridgeWorld, bridge_world

BODY = {"kind": "agent", "version": "1.1.0", "phases": ["1", "100%"], "soak_s": 0}
RUNS = {"product": "parcelworks-locker", "board": "rpi-arm64", "image": "none", "agent": "1.0.0"}


async def call(world: BridgeWorld, method: str, path: str, body: Any = None, *, expect: int = 200, **who: Any) -> Any:
    headers = {**await world.token(**who), **({"Idempotency-Key": f"key-{method}"} if method == "POST" else {})}
    response = await world.client.request(method, path, json=body, headers=headers)
    assert response.status == expect, await response.text()
    return await response.json()


async def test_rollout_asks_its_device_and_ends_with_its_event() -> None:
    async with bridge_world() as world:
        log = world.log()
        await world.session(log)
        await world.happen(log, "release_reported", **RUNS)
        made = await call(world, "POST", "/v1/rollouts", BODY, expect=201)
        again = await call(world, "POST", "/v1/rollouts", BODY, expect=201)
        assert (made["eligible"], made["excluded"]) == (1, [])
        assert again["rollout_id"] == made["rollout_id"], "the same key makes it once"
        one = f"/v1/rollouts/{made['rollout_id']}"
        world.clock.at_ms += 6_000
        await world.bridge.tick()
        found = await call(world, "GET", one)
        assert [(item["device_id"], item["state"]) for item in found["devices"]] == [("locker-0001", "asked")]
        told = {"kind": "agent", "version": "1.1.0", "attempt": 0}
        for name in ("release_installed", "release_tried", "release_committed"):
            await world.happen(log, name, **told)
        for _ in range(3):
            world.clock.at_ms += 6_000
            await world.bridge.tick()
        found = await call(world, "GET", one)
        assert (found["state"], found["committed_now"]) == ("done", 1)
        assert (await call(world, "GET", "/v1/rollouts"))["rollouts"][0]["state"] == "done"


async def test_inventory_shows_what_runs_on_a_device_and_in_its_parts() -> None:
    async with bridge_world() as world:
        log, path = world.log(), "/v1/devices/locker-0001/software"
        assert (await call(world, "GET", path))["firmware"] == []
        await world.happen(log, "release_reported", **RUNS)
        await world.happen(log, "firmware_reported", part="lock_board", subject="a", firmware="2.00")
        await world.happen(log, "firmware_reported", part="scanner", subject="scanner", firmware="PAABLS00-001")
        await world.happen(log, "firmware_reported", part="lock_board", subject="a", firmware="2.01")
        await world.happen(log, "release_refused", kind="agent", version="0.9.0", attempt=0, reason="lower_version")
        found = await call(world, "GET", path)
        assert [(item["subject"], item["firmware"]) for item in found["firmware"]] == [
            ("a", "2.01"), ("scanner", "PAABLS00-001"),
        ]  # fmt: skip
        assert (found["agent"], found["updates"][0]["reason"]) == ("1.0.0", "lower_version")


async def test_pinned_device_is_left_out_until_it_is_unpinned() -> None:
    async with bridge_world() as world:
        await world.session(world.log())
        await world.happen(log := world.log(), "release_reported", **RUNS)
        assert log.raws
        pinned = await call(world, "PUT", "/v1/devices/locker-0001/pin", {"reason": "in court"})
        assert pinned["pinned"] == "in court"
        made = await call(world, "POST", "/v1/rollouts", BODY, expect=201)
        assert made["excluded"] == [{"device_id": "locker-0001", "reason": "pinned"}]
        assert (await call(world, "DELETE", "/v1/devices/locker-0001/pin"))["pinned"] is None
        assert (await call(world, "GET", f"/v1/rollouts/{made['rollout_id']}"))["eligible"] == 1


async def test_rollout_is_steered_by_its_own_operator_alone() -> None:
    async with bridge_world() as world:
        made = await call(world, "POST", "/v1/rollouts", BODY, expect=201)
        one = f"/v1/rollouts/{made['rollout_id']}"
        await call(world, "POST", f"{one}/pause", expect=404, tenant="rival")
        await call(world, "POST", f"{one}/pause", expect=403, role=Role.SUPPORT)
        assert (await call(world, "POST", f"{one}/pause"))["state"] == "paused"
        assert (await call(world, "POST", f"{one}/resume"))["state"] == "running"
        assert (await call(world, "POST", f"{one}/abort"))["state"] == "aborted"
        await call(world, "POST", f"{one}/resume", expect=409)


@pytest.mark.parametrize(
    "wrong",
    [{"phases": ["0", "100%"]}, {"phases": ["50%"]}, {"phases": ["101%"]}, {"version": "1"}, {"kind": "kernel"}],
    ids=["nobody", "not_all", "more_than_all", "no_version", "no_kind"],
)
async def test_rollout_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    async with bridge_world() as world:
        await call(world, "POST", "/v1/rollouts", {**BODY, **wrong}, expect=400)
