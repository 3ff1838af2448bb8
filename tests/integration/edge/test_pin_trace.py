"""A hundred starts, stops and SIGKILLs of a locker's outputs leave no edge on any pin, in both polarities."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmware_sim.pins import PinRecord

CHILD = Path(__file__).with_name("pin_child.py")
ROOT = CHILD.parents[3]
POLARITY = pytest.mark.parametrize("polarity", ["active_high", "active_low"])


def run(trace: Path, *arguments: str) -> list[tuple[int, bool]]:
    done = subprocess.run(
        [sys.executable, str(CHILD), str(trace), *arguments], cwd=ROOT, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return PinRecord(trace, {}).edges()


@POLARITY
def test_outputs_started_stopped_and_killed_100_times_make_no_edge(tmp_path, polarity):
    assert run(tmp_path / "trace", polarity, "100") == []


@POLARITY
def test_outputs_killed_in_a_pulse_become_inactive_at_the_next_start_and_pulse_no_more(tmp_path, polarity):
    active = polarity == "active_high"
    assert run(tmp_path / "trace", polarity, "1", "in_pulse") == [(17, active)]
    assert run(tmp_path / "trace", polarity, "4") == [(17, active), (17, not active)]


def test_outputs_claimed_without_their_level_are_seen_by_the_record(tmp_path):
    assert run(tmp_path / "trace", "active_low", "1", "naive")
