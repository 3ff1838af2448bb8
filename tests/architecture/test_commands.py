"""Each deployable has one command, and it starts."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.architecture.tracked import PACKAGES, ROOT

SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]


def test_each_deployable_has_one_command() -> None:
    assert sorted(target.partition(".")[0] for target in SCRIPTS.values()) == sorted(PACKAGES)


@pytest.mark.parametrize("script", SCRIPTS)
def test_command_asked_for_help_prints_it(script: str) -> None:
    module, _, function = SCRIPTS[script].partition(":")
    start = f"import sys; sys.argv = [{script!r}, '--help']; from {module} import {function}; {function}()"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Usage" in done.stdout
