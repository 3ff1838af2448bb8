"""The integrator's guide: from simulated boards over enrolment, broker, bridge and locker to the first parcel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.test_guides import run_guide


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_integrators_guide_leads_to_the_first_parcel(tmp_path: Path) -> None:
    said = run_guide(Path("docs/guides/integrator.md"), tmp_path)
    assert "FIRST-0001 went in and out by door 1" in said
    assert "parcel_collected" in said
