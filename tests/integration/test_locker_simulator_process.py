"""`pw-sim locker` as a process: ready line, control socket, the ports, and a clean end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.drivers.board_config import BoardConfig, BoardFamily, BusConfig, LockBankConfig
from edge.drivers.lock_bank import SerialLockBank
from edge.ports import Channel, PulseReply
from firmware_sim.control_client import ControlClient
from firmware_sim.errors import ControlFailed

FILE = {
    "ports": [
        {"name": "usb-A", "boards": [{"module": "A", "family": "xor_8a", "address": 1, "channels": 12}]},
        {"name": "usb-B", "boards": [{"module": "B", "family": "kerong_cu", "address": 0, "channels": 12}]},
    ]
}


@dataclass
class Running:
    process: asyncio.subprocess.Process
    ready: dict
    folder: Path


async def start(folder: Path, config: object) -> asyncio.subprocess.Process:
    (folder / "locker.json").write_text(json.dumps(config))
    places = ["--config", folder / "locker.json", "--links", folder / "links", "--control", folder / "control"]
    command = [sys.executable, "-m", "firmware_sim", "locker", *map(str, places), "--json"]
    return await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    process = await start(tmp_path, FILE)
    line = await asyncio.wait_for(process.stdout.readline(), 60)
    yield Running(process, json.loads(line), tmp_path)
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_simulator_story_of_a_parcel_is_played_by_hands_and_told_by_the_trace(running):
    ports = running.ready["ports"]
    config = LockBankConfig((BusConfig(ports["usb-A"], (BoardConfig("A", BoardFamily.XOR_8A, 1, 12),)),))
    bank = SerialLockBank(config)
    client = await ControlClient.connect(running.folder / "control")
    with pytest.raises(ControlFailed) as caught:
        await client.ask("open", module="A", channel=4)
    assert caught.value.refused_code == "not_possible"
    assert await bank.pulse(Channel("A", 4)) is PulseReply.ACKED
    await client.ask("put", module="A", channel=4)
    await client.ask("close", module="A", channel=4)
    await client.ask("set_fault", name="jam", target="A", channel=5)
    assert await bank.pulse(Channel("A", 5)) is PulseReply.REFUSED
    doors = {(door["module"], door["channel"]): door for door in await client.ask("doors")}
    assert len(doors) == 24
    assert doors["A", 4] == dict(module="A", channel=4, open=False, occupied=True, jammed=False, bouncing=False)
    assert doors["A", 5]["jammed"]
    trace = await client.ask("trace")
    kinds = [(fact["kind"], fact["channel"], fact["moved"]) for fact in trace]
    assert kinds == [
        ("pulse", 4, True),
        ("door_opened", 4, True),
        ("item_put", 4, True),
        ("door_closed", 4, True),
        ("pulse", 5, False),
    ]
    assert [fact["at_ms"] for fact in trace] == sorted(fact["at_ms"] for fact in trace)
    assert await client.ask("trace", after=4) == trace[4:]
    assert await client.ask("clear_fault") == 1
    await client.close()
    await bank.close()


async def test_simulator_replug_moves_the_link_to_another_device(running):
    client = await ControlClient.connect(running.folder / "control")
    before = (await client.ask("ports"))["usb-A"]
    await client.ask("unplug", port="usb-A")
    assert not Path(before["path"]).exists()
    assert (await client.ask("ports"))["usb-A"]["device"] is None
    await client.ask("replug", port="usb-A")
    after = (await client.ask("ports"))["usb-A"]
    assert after["path"] == before["path"]
    assert after["device"] != before["device"]
    assert str(Path(after["path"]).readlink()) == after["device"]
    await client.close()


async def test_simulator_survives_bad_control_lines(running):
    reader, writer = await asyncio.open_unix_connection(running.folder / "control")
    writer.write(b'nonsense\n{"op":"doors","id":3}\n')
    assert json.loads(await reader.readline())["error"]["code"] == "request_invalid"
    answer = json.loads(await reader.readline())
    assert (answer["id"], answer["ok"], len(answer["result"])) == (3, True, 24)
    writer.write(b"x" * 10_000 + b"\n")
    assert await reader.read() == b""
    writer.close()
    client = await ControlClient.connect(running.folder / "control")
    assert len(await client.ask("doors")) == 24
    await client.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_simulator_signal_ends_it_cleanly_and_leaves_nothing(running, number):
    client = await ControlClient.connect(running.folder / "control")
    running.process.send_signal(number)
    assert await asyncio.wait_for(running.process.wait(), 20) == 0
    assert list((running.folder / "links").iterdir()) == []
    assert not (running.folder / "control").exists()
    assert await running.process.stderr.read() == b""
    await client.close()


async def test_simulator_wrong_file_exits_2_with_the_key_and_remedy(tmp_path):
    process = await start(tmp_path, {"ports": [{"name": "usb-A", "boards": []}]})
    _, stderr = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 2
    told = json.loads(stderr)
    assert told["error"] == "config_invalid"
    assert "ports.0.boards" in told["what"]
    assert told["remedy"]
