"""Measurements and the recorder of a plan."""

from __future__ import annotations

import pytest

from hil.measurement import Measurement, Outcome
from hil.plan import Recorder


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        pytest.param(None, None, Outcome.PASSED, id="no limits"),
        pytest.param(7, 7, Outcome.PASSED, id="exactly"),
        pytest.param(8, None, Outcome.FAILED, id="too low"),
        pytest.param(None, 6, Outcome.FAILED, id="too high"),
    ],
)
def test_measurement_against_its_limits_has_an_outcome(low: int | None, high: int | None, outcome: Outcome) -> None:
    assert Measurement("edges", 7, "edges", low, high).outcome is outcome


def test_measurement_tells_its_limits_as_a_person_writes_them() -> None:
    assert Measurement("a", 1, "ms", 1, 1).limits == "= 1"
    assert Measurement("a", 1, "ms", 0, 3).limits == "≥ 0, ≤ 3"
    assert Measurement("a", 1, "ms").limits == "none"


def test_recorder_without_a_measurement_has_failed() -> None:
    record = Recorder()
    record.note("nothing was measured")
    assert record.outcome is Outcome.FAILED


def test_recorder_with_one_figure_out_of_limits_has_failed() -> None:
    record = Recorder()
    record.measure("fine", 0, "edges", high=0)
    assert record.outcome is Outcome.PASSED
    record.require("held", False)
    assert record.outcome is Outcome.FAILED
