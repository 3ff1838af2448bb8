"""A real process appends and is killed at random moments: what append returned for is there, once, in order."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from edge.wire.event import parse_event
from tests.log_world import LogWorld

ROOT = Path(__file__).resolve().parents[3]
KILLS = 20


def live_and_kill(path: Path, mark: int, life_s: float) -> list[str]:
    """Lines that the child printed between its start and its death."""
    command = [sys.executable, "-m", "tests.integration.edge.appending_child", str(path), str(mark)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(life_s)
    child.kill()
    rest = child.stdout.read()
    child.wait()
    assert first.startswith("opened"), first
    return [line for line in rest.splitlines(keepends=True) if line.endswith("\n")]


def test_event_log_process_killed_twenty_times_keeps_every_append_once(tmp_path: Path) -> None:
    chance = random.Random(20)
    path = tmp_path / "log"
    acknowledged: list[int] = []
    mark = 0
    for _ in range(KILLS):
        lines = live_and_kill(path, mark, chance.uniform(0.0, 0.15))
        acknowledged += [int(line.split()[1]) for line in lines]
        mark = max([mark, *acknowledged]) + 1000
    opened = LogWorld(path).open()
    events = [parse_event(event) for event in opened.log.read_tail(0)]
    assert opened.recovery is None
    assert opened.head.boot == KILLS + 1
    assert [event.seq for event in events] == list(range(len(events)))
    found = [int(str(event.data["version"]).split()[1]) for event in events if event.type == "agent_started"]
    assert len(acknowledged) > KILLS
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    assert found == sorted(found)
    opened.log.close()
