"""What counts as lost after a plug pull."""

from __future__ import annotations

import pytest

from hil.plans.power_cuts import Acknowledged

DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize(
    ("opened", "missing"),
    [
        pytest.param((5, DIGEST, "none"), 0, id="as acknowledged"),
        pytest.param((7, OTHER, "none"), 0, id="more than acknowledged"),
        pytest.param((3, OTHER, "none"), 2, id="two events gone"),
        pytest.param((5, OTHER, "none"), 1, id="same length but other events"),
        pytest.param((0, "-", "unreadable"), 5, id="all gone"),
    ],
)
def test_log_that_was_opened_is_held_against_what_was_acknowledged(opened: tuple[int, str, str], missing: int) -> None:
    acknowledged = Acknowledged()
    acknowledged.note(5, DIGEST)
    assert acknowledged.missing(opened) == missing
