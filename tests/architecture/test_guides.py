"""The guides' shell blocks marked `sh test` run as they stand, one after the other, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.tracked import ROOT, tracked

_BLOCK = re.compile(r"^```sh test\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = tuple(path for path in tracked() if path.suffix == ".md" and _BLOCK.search((ROOT / path).read_text("utf-8")))
# Twenty processes, a whole stack: tests/integration/provisioning/test_guide.py and
# tests/integration/fullstack/test_integrator_guide.py run them.
ELSEWHERE = {"provisioning.md", "integrator.md"}
LONG = {"releases.md", "assignment.md"}


def test_guides_with_commands_are_found() -> None:
    assert {"quickstart.md", "operate-a-locker.md", *ELSEWHERE} <= {path.name for path in GUIDES}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "guide",
    [
        pytest.param(guide, marks=pytest.mark.slow if guide.name in LONG else (), id=guide.stem)
        for guide in GUIDES
        if guide.name not in ELSEWHERE
    ],
)
def test_commands_of_a_guide_run_as_they_stand(guide: Path, tmp_path: Path) -> None:
    run_guide(guide, tmp_path)


def run_guide(guide: Path, folder: Path) -> str:
    """Run its blocks in the folder; what they printed. A command that fails fails the test."""
    blocks = _BLOCK.findall((ROOT / guide).read_text("utf-8"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PW_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, f"{guide}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout
