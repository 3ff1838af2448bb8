"""The plan runner over a rig of real parts that needs no guest: this machine's shell, simulated boards, a pipe."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from hil.board_lines import BoardLines
from hil.errors import PlanUnknown, ProcessFailed
from hil.line_pipe import LinePipe
from hil.measurement import Outcome
from hil.plan import Plan, Recorder
from hil.protocols import Boards, LineToHost, Pins, Shell
from hil.report import write_reports
from hil.rig import Rig
from hil.rig_file import SerialLine
from hil.runner import PlanResult, run_plans
from hil.stream_shell import StreamShell
from hil.trace import Edge

LINE = SerialLine(
    name="lock-a",
    device_path="/dev/ttyS1",
    boards=({"module": "a", "family": "xor_8a", "address": 1, "channels": 4},),
)


@asynccontextmanager
async def shell_of_this_machine() -> AsyncIterator[StreamShell]:
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    yield StreamShell(process.stdout, process.stdin.write, "here")
    if process.returncode is None:
        process.kill()
    await process.wait()


async def doors(rig: Rig, record: Recorder) -> None:
    await rig.get(Boards).ask("open", module="a", channel=1, force=True)
    views = cast(list[dict[str, Any]], await rig.get(Boards).ask("doors"))
    record.measure("open_doors", sum(view["open"] for view in views), "doors", low=1, high=1)
    answer = await rig.get(Shell).run("echo one; exit_with() { return 3; }; exit_with")
    record.measure("code", answer.code, "exit code", low=3, high=3)
    record.picture("A pulse", [Edge(0, 5, True), Edge(200_000, 5, False)], {5: "lock & bolt"})
    record.note("<b>not bold</b>")


async def breaks(rig: Rig, record: Recorder) -> None:
    record.measure("before", 1, "bool")
    raise ProcessFailed("ended", where="device", remedy="its last\x1b words")


async def fails(rig: Rig, record: Recorder) -> None:
    record.measure("lost", 2, "events", high=0)


async def hangs(rig: Rig, record: Recorder) -> None:
    await asyncio.Event().wait()


PLANS = (
    Plan("doors", "A door moves.", (Boards, Shell), doors),
    Plan("breaks", "It breaks.", (), breaks),
    Plan("fails", "A figure is out of its limits.", (), fails),
    Plan("hangs", "It hangs.", (), hangs, timeout_s=0.05),
    Plan("pins", "It needs pins.", (Pins,), fails),
)


async def test_run_over_real_parts_reports_what_each_plan_found(tmp_path: Path) -> None:
    boards, told = BoardLines((LINE,), tmp_path, tmp_path / "ports"), list[PlanResult]()
    await boards.start()
    try:
        async with shell_of_this_machine() as shell:
            rig = Rig("here", "local", tmp_path, (shell, boards))
            run = await run_plans(rig, PLANS, named=False, cycles=1, tell=told.append)
    finally:
        await boards.close()
    outcomes = {result.plan.name: result.outcome for result in run.results}
    assert outcomes == {
        "doors": Outcome.PASSED,
        "breaks": Outcome.ERROR,
        "fails": Outcome.FAILED,
        "hangs": Outcome.ERROR,
    }
    assert run.unfit == (("pins", "pins"),) and not run.passed and len(told) == 4

    paths = write_reports(run, tmp_path / "report")
    suite = ET.parse(paths["junit.xml"]).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    page = paths["index.html"].read_text("utf-8")
    assert "&lt;b&gt;not bold&lt;/b&gt;" in page and "<svg" in page and "lock &amp; bolt" in page
    assert json.loads(paths["run.json"].read_text("utf-8"))["unfit"] == [{"plan": "pins", "missing": "pins"}]
    assert (tmp_path / "report" / "doors-1.svg").exists()


async def test_plan_asked_for_by_name_on_a_rig_without_its_needs_is_refused(tmp_path: Path) -> None:
    rig = Rig("here", "local", tmp_path, ())
    with pytest.raises(PlanUnknown, match="pins needs pins"):
        await run_plans(rig, PLANS[-1:], named=True, cycles=1, tell=lambda _: None)


async def test_shell_puts_bytes_as_they_are_and_tells_a_code(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20
    async with shell_of_this_machine() as shell:
        await shell.put(data, str(tmp_path / "file"))
        assert (tmp_path / "file").read_bytes() == data
        assert (await shell.run("printf 'no newline'; (exit 7)")).text == "no newline"
        assert (await shell.run("(exit 7)")).code == 7
        with pytest.raises(ProcessFailed, match="within 0 s"):
            await shell.run("sleep 1", timeout_s=0.2)


async def test_line_to_host_keeps_what_was_said_before_the_plug_was_pulled() -> None:
    line = LinePipe("/dev/ttyS15")
    await line.open()
    os.write(line.write_fd, b"ack 1 x\nack 2")
    assert isinstance(line, LineToHost) and await line.next_line(1) == "ack 1 x"
    assert await line.next_line(0.05) is None
    line.close()


def test_command_for_a_plan_that_there_is_not_names_those_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text("name: rig\nbackend: uml\n", "utf-8")
    words = [sys.executable, "-m", "hil", "run", "--rig", str(tmp_path / "rig.yaml"), "nonsense"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "zero_pulses" in done.stderr and "Traceback" not in done.stderr
