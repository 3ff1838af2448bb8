"""A rig file as a test file: every plan is collected, and a file that is no rig says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hil.plans import all_plans

ROOT = Path(__file__).parents[3]


def collect(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Collect with no plugin but ours, and none of the project's settings."""
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    words = [sys.executable, "-m", "pytest", "-c", str(folder / "pytest.ini"), "-p", "hil.pytest_plugin"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words += ["--collect-only", "-q", str(path)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=100, env=environment)


def test_every_plan_is_a_test_of_a_rig_file(tmp_path: Path) -> None:
    collected = collect(ROOT / "hil" / "rigs" / "uml.yaml", tmp_path)
    assert collected.returncode == 0
    names = {line.rpartition("::")[2] for line in collected.stdout.splitlines() if "::" in line}
    assert names == {plan.name for plan in all_plans()}


def test_file_that_is_no_rig_is_told_without_a_stack(tmp_path: Path) -> None:
    (tmp_path / "rig.yaml").write_text("name: rig\nbackend: cloud\n", "utf-8")
    told = collect(tmp_path / "rig.yaml", tmp_path)
    assert told.returncode == 2 and "backend" in told.stdout and "Traceback" not in told.stdout
