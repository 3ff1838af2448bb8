"""The guide of provisioning runs as it stands, from the empty folder to the retired device."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.test_guides import run_guide


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_guide_of_provisioning_runs_as_it_stands(tmp_path: Path) -> None:
    run_guide(Path("docs/guides/provisioning.md"), tmp_path)
    assert not (tmp_path / "claim.json").exists() and (tmp_path / "labels.pdf").exists()
    assert list((tmp_path / "device/keys").iterdir()) == []
