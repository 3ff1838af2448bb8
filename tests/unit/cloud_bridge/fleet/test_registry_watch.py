"""The registry file of provisioning, followed by the bridge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cloud_bridge.errors import InvalidData
from cloud_bridge.fleet import store
from cloud_bridge.fleet.model import DeviceState
from cloud_bridge.fleet.registry_watch import RegistryWatch
from tests.cloud_world import CloudWorld, device_log, kinds, make_world


def written(path: Path, world: CloudWorld, state: str = "active", log_public: str = "") -> None:
    rows = [
        {
            "device_id": device.device_id, "kind": "locker", "state": state,
            "log_public": log_public or device.log_public.hex(), "wrap_public": device.wrap_public.hex(),
        }
        for device in world.fleet.devices.values()
    ]  # fmt: skip
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"format": 1, "devices": rows}))
    new.replace(path)


async def test_device_revoked_in_the_file_is_refused_with_its_next_message(tmp_path: Path) -> None:
    world = await make_world()
    log = device_log(world, 1).fill(2)
    watch = RegistryWatch(world.db, tmp_path / "devices.json", "main", world.clock)
    assert await watch.look() == 0, "no file yet"
    written(tmp_path / "devices.json", world)
    assert await watch.look() == 0
    await world.session(log)
    assert kinds(await world.send(log.device.device_id, log.batch(0, 1))) == ["receipt"]
    written(tmp_path / "devices.json", world, "revoked")
    await watch.look()
    assert kinds(await world.send(log.device.device_id, log.batch(1, 2))) == ["refusal"]
    assert await world.cursor(log) == 1, "what was receipted is kept"


async def test_device_new_in_the_file_belongs_to_the_tenant_and_other_keys_keep_out_itself(tmp_path: Path) -> None:
    world = await make_world(devices=1)
    watch = RegistryWatch(world.db, tmp_path / "devices.json", "north", world.clock)
    other = await make_world(devices=2)
    written(tmp_path / "devices.json", other, log_public="ab" * 32)
    assert await watch.look() == 1
    found = await world.db.read(lambda conn: store.load_device(conn, "locker-0002"))
    assert found is not None and (found.tenant, found.state) == ("north", DeviceState.ACTIVE)
    assert await watch.look() == 0, "the same file is not read again"


async def test_file_that_is_no_registry_changes_nothing(tmp_path: Path) -> None:
    world = await make_world()
    (tmp_path / "devices.json").write_text("{")
    watch = RegistryWatch(world.db, tmp_path / "devices.json", "main", world.clock)
    with pytest.raises(InvalidData):
        await watch.look()
    assert await watch.look() == 0
