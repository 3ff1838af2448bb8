"""The end of a locker: nothing goes before the receipt is here, everything goes after it, wherever it is cut off."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from edge.agents import decommission
from edge.agents.decommission import FOLDER, Decommissioned, is_decommissioned, until_receipted
from edge.agents.locker_process import _live
from edge.config import AgentConfig, load_config
from edge.ports import LogHead
from edge.storage.key_file import KeyFile
from edge.wire.merkle import Frontier
from edge.wire.messages import Command
from tests.machine.playbook import hex_id
from tests.machine.visitors import technician_code
from tests.unit.edge.locker_world import DEVICE, T0_MS, LockerWorld
from tests.unit.edge.test_runtime import HERE
from tests.virtual_loop import run_virtual

HEAD = LogHead("ab" * 16, 1, 9, b"checkpoint", Frontier(), b"RECEIPT", 9)
TOML = """device_id = "locker-0001"
fleet = "test.fleet"
data_dir = "{folder}/data"
keys_dir = "{folder}/keys"
root_public_hex = "{key}"
trust_file = "{folder}/trust"
[mqtt]
password_file = "{folder}/password"
[screen]
port = 0
"""


def used_device(folder: Path) -> AgentConfig:
    """A device as a life in service leaves it."""
    folder.mkdir()
    (folder / "agent.toml").write_text(TOML.format(folder=folder, key="ab" * 32))
    KeyFile(folder / "keys", DEVICE)
    for name in ("log/events.db", "log/events.db-wal", "log.ballast", "log.20260101.damaged_file/events.db",
                 "documents/desired.cbor", "log.stream"):  # fmt: skip
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"SECRET")
    (folder / "password").write_bytes(b"SECRET")
    return load_config(folder / "agent.toml")


def left(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_locker_is_over_only_when_a_receipt_covers_its_last_event(tmp_path: Path) -> None:
    world = LockerWorld(tmp_path)

    async def story() -> None:
        async with world.running():
            world.restore()
            world.agent._clock_signed(T0_MS + 5_000, 0)
            world.session(b"n" * 16)
            watch = asyncio.ensure_future(until_receipted(world.log, lambda: world.agent.runtime.state))
            sent = (hex_id(1), DEVICE, b"n" * 16, "decommission", {}, T0_MS, T0_MS + 60_000, "ops:1", "moved")
            world.deliver(Command(*sent))
            await asyncio.sleep(10)
            assert world.types().count("decommissioned") == 1 and not watch.done()
            size = (await world.log.head()).size
            await world.log.store_receipt(b"older", size - 1)
            await asyncio.sleep(10)
            assert not watch.done()
            await world.log.store_receipt(b"newest", size)
            with pytest.raises(Decommissioned) as ended:
                await watch
            assert ended.value.head.receipt == b"newest"
        async with world.running():
            world.agent.scan(technician_code(7, audience=HERE, at_ms=T0_MS))
            await asyncio.sleep(1)
            assert (world.step, world.message, world.cabinet.pulses) == ("closed", "decommissioned", [])

    run_virtual(story())


def test_everything_goes_but_the_receipt(tmp_path: Path) -> None:
    config = used_device(tmp_path / "d")
    public = KeyFile(config.keys_dir, DEVICE).log_public
    decommission.end(config, HEAD, public)
    assert left(tmp_path / "d") == {
        "agent.toml", f"data/{FOLDER}/receipt", f"data/{FOLDER}/statement.json",
    }  # fmt: skip
    kept = config.data_dir / FOLDER
    assert (kept / "receipt").read_bytes() == b"RECEIPT"
    assert json.loads((kept / "statement.json").read_text())["log_public_hex"] == public.hex()


def test_device_killed_anywhere_in_between_has_either_all_or_the_receipt_and_ends_at_its_next_start(
    tmp_path: Path,
) -> None:
    for at in range(200):
        config = used_device(folder := tmp_path / str(at))
        whole = left(folder)
        if not _killed_at(config, at):
            break
        if not is_decommissioned(config):
            assert {name for name in left(folder) if f".{FOLDER}.new" not in name} == whole
            decommission.end(config, HEAD, b"k" * 32)
        else:
            assert (config.data_dir / FOLDER / "receipt").read_bytes() == b"RECEIPT"
            decommission.wipe(config)
        assert left(folder) == {"agent.toml", f"data/{FOLDER}/receipt", f"data/{FOLDER}/statement.json"}
    assert 15 < at < 199, "it was killed at every change of the disk, and then it ended"


def _killed_at(config: AgentConfig, number: int) -> bool:
    """End the locker in a child that kills itself before its `number`th change of the disk; whether it did."""
    child = os.fork()
    if child == 0:
        count = 0

        def count_down(event: str, arguments: tuple) -> None:
            nonlocal count
            if event in ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "open"):
                if count == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1

        sys.addaudithook(count_down)
        decommission.end(config, HEAD, b"k" * 32)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, -signal.SIGKILL)
    return code != 0


async def test_decommissioned_locker_that_starts_again_shows_a_closed_page_and_makes_no_keys(tmp_path: Path) -> None:
    config = used_device(tmp_path / "d")
    decommission.end(config, HEAD, b"k" * 32)
    (config.data_dir / "log").mkdir()  # as if the wiping had been cut off
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    life = asyncio.ensure_future(_live(config, None, ready.set_result))
    try:
        url = await asyncio.wait_for(ready, 30)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{url}session", origin=url.rstrip("/")) as page,
        ):
            await page.send_json({"do": "scan", "value": technician_code(1, audience=HERE, at_ms=T0_MS)})
            shown = (await page.receive_json())["view"]
        assert (shown["step"], shown["message"]) == ("closed", "decommissioned")
        assert list(config.keys_dir.iterdir()) == [] and not (config.data_dir / "log").exists()
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
