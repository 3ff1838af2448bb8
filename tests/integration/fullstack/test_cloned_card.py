"""A card is copied, and both copies are plugged in: the bridge sees two lives of one device and shuts it out."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from hil.demo.folder import DEVICE_ID, Folder, free_port
from hil.demo.world import DemoWorld
from hil.process import Deployable
from tests.integration.fullstack import stack


def clone_of(folder: Folder, to: Path) -> Path:
    """A copy of the device's card: same keys, same log; its boards stayed with the original. Its configuration."""
    shutil.copytree(folder.device, to)
    text = (folder.device / "locker.toml").read_text()
    kept = text.partition("[[bus]]")[0].replace(f"{folder.device}/", f"{to}/")
    kept = kept.replace(f'"{folder.device}"', f'"{to}"')
    ports = tomllib.loads(kept)["screen"]["port"]
    config = to / "locker.toml"
    config.write_text(kept.replace(f"port = {ports}\n", f"port = {free_port()}\n"))
    return config


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_two_devices_of_one_identity_raise_an_alarm_and_are_quarantined_within_a_minute(tmp_path: Path) -> None:
    world = DemoWorld(Folder(tmp_path / "demo").make(), lambda text: None)
    clone = None
    try:
        await world.start()
        await stack.ready(world)
        await world.processes["locker"].stop()
        config = clone_of(world.folder, tmp_path / "clone")
        clone = Deployable("clone", ["edge", "locker", "--config", str(config)], tmp_path / "clone.log")
        await world.processes["locker"].start()
        await clone.start()

        async def shut_out() -> list[dict[str, object]]:
            alarms = (await world.bridge.call("GET", "/v1/alarms"))["alarms"]
            return [alarm for alarm in alarms if alarm["alarm"] in ("fork", "rollback")]

        (alarm, *_) = await stack.until("the copy raises an alarm", shut_out, 60)
        assert alarm["device_id"] == DEVICE_ID and alarm["severity"] == "critical"
        device = await world.bridge.call("GET", f"/v1/devices/{DEVICE_ID}")
        assert device["state"] == "quarantined"
    finally:
        if clone is not None:
            await clone.stop()
        await world.stop()
