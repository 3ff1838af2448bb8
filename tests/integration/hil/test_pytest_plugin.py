"""A rig file as a test file: every plan is collected, and a file that is no rig says why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hil.plans import all_plans

ROOT = Path(__file__).parents[3]


def collect(path: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "pytest", "-p", "hil.pytest_plugin", "--collect-only", str(path)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100)


def test_every_plan_is_a_test_of_a_rig_file() -> None:
    collected = collect(ROOT / "hil" / "rigs" / "uml.yaml")
    assert collected.returncode == 0
    names = {line.rpartition("::")[2] for line in collected.stdout.splitlines() if "::" in line}
    assert names == {plan.name for plan in all_plans()}


def test_file_that_is_no_rig_is_told_without_a_stack(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text("name: rig\nbackend: cloud\n", "utf-8")
    told = collect(tmp_path / "rig.yaml")
    assert told.returncode == 2 and "backend" in told.stdout and "Traceback" not in told.stdout
