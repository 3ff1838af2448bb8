"""Plans about what hangs on a locker: every family of lock boards, the barcode reader, the thermometer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from hil.device_program import DeviceProgram, start_program
from hil.plan import Recorder, plan
from hil.protocols import Boards, Power, Shell
from hil.rig import Rig
from hil.rig_file import SerialLine

CONFIG = "/tmp/rig-hardware.toml"
ONE_WIRE_DIR = "/run/rig/ports/w1"
COLD_MC, HOT_MC = 4_250, 31_500
CODE = "JD014600003SE"
# On a busy machine an emulated device is slow; a bench's own file may tighten it.
SLOWEST_MS = 5_000


@plan(
    Power,
    Shell,
    Boards,
    summary="Every family: one unlock is one pulse, and the open door is seen; nothing else moves.",
)
async def lock_boards(rig: Rig, record: Recorder) -> None:
    program = await _start(rig)
    boards = rig.get(Boards)
    for number, board in enumerate(_boards(boards.lines), 1):
        module, channel = str(board["module"]), int(board["channels"])
        before = len(await _facts(boards))
        await program.say(f"pulse {module} {channel}")
        said = await program.wait_for("opened", number)
        after_ms = int(re.findall(r"(?m)^opened .* (-?\d+)$", said)[-1])
        facts = (await _facts(boards))[before:]
        family = str(board["family"])
        mine = [fact for fact in facts if (fact["module"], fact["channel"]) == (module, channel)]
        record.measure(f"pulses_{family}", sum(fact["kind"] == "pulse" for fact in facts), "pulses", low=1, high=1)
        record.measure(f"elsewhere_{family}", len(facts) - len(mine), "facts", high=0)
        record.measure(f"unlock_to_door_seen_{family}", after_ms, "ms", low=0, high=SLOWEST_MS)
    await program.stop()


@plan(
    Power,
    Shell,
    Boards,
    summary="A code in front of the reader is read whole, and once for each time.",
)
async def scanner(rig: Rig, record: Recorder) -> None:
    program = await _start(rig)
    boards = rig.get(Boards)
    reader = next(line for line in boards.lines if line.reader)
    for times in (1, 2):
        await boards.ask("show", port=reader.name, text=CODE)
        said = await program.wait_for("scan", times)
        record.measure(f"codes_read_after_{times}", said.count(f"scan {CODE}"), "codes", low=times, high=times)
    await program.stop()


@plan(
    Power,
    Shell,
    Boards,
    summary="A thermometer's change is told, and that it is lost.",
)
async def temperature(rig: Rig, record: Recorder) -> None:
    boards = rig.get(Boards)
    sensor = boards.thermometers[0]
    await boards.ask("temperature", sensor=sensor, value_mc=COLD_MC)
    program = await _start(rig)
    await program.wait_for(f"reading temperature cold {COLD_MC}")
    await boards.ask("temperature", sensor=sensor, value_mc=HOT_MC)
    await program.wait_for(f"reading temperature cold {HOT_MC}")
    await boards.ask("temperature", sensor=sensor, value_mc=HOT_MC, mood="missing")
    said = await program.wait_for("reading temperature cold None")
    record.measure("told", len(re.findall(r"(?m)^reading temperature cold", said)), "readings", low=3)
    await program.stop()


async def _start(rig: Rig) -> DeviceProgram:
    await rig.get(Power).on()
    await rig.get(Shell).put(agent_config(rig.get(Boards)).encode(), CONFIG)
    program = await start_program(rig, "hardware", CONFIG)
    await program.wait_for("ready")
    return program


def _boards(lines: Sequence[SerialLine]) -> list[dict[str, Any]]:
    return [dict(board) for line in lines for board in line.boards]


def agent_config(boards: Boards) -> str:
    """The agent's configuration for what the rig's file describes."""
    lines = [
        'device_id = "locker-rig-1"',
        'fleet = "rig"',
        'data_dir = "/tmp/rig-data"',
        'keys_dir = "/tmp/rig-keys"',
        'trust_file = "/tmp/rig-trust"',
        f'root_public_hex = "{"00" * 32}"',
    ]
    for line in boards.lines:
        if line.reader:
            lines += ["[scanner]", f'port = "{line.device_path}"', f'protocol = "{line.reader}"']
    if boards.thermometers:
        lines += ["[sensors]", "poll_ms = 500", f'one_wire_dir = "{ONE_WIRE_DIR}"']
        lines += ["[[sensors.thermometer]]", f'sensor = "{boards.thermometers[0]}"', 'zone = "cold"']
    for line in boards.lines:
        if line.boards:
            lines += ["[[bus]]", f'port = "{line.device_path}"']
        for board in line.boards:
            lines += ["[[bus.board]]", *(f"{key} = {json.dumps(value)}" for key, value in board.items())]
    return "\n".join(lines) + "\n"


async def _facts(boards: Boards) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], await boards.ask("trace"))
