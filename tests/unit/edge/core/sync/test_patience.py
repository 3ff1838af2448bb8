"""Which news waits."""

from __future__ import annotations

import pytest

from edge.core.sync.patience import PATIENT_TYPES, can_wait
from edge.wire.event_types import EVENT_TYPES, Family


@pytest.mark.parametrize(
    "types", [("visit_started",), ("door_opened", "unlock_finished"), ("door_closed", "parcel_deposited")], ids=" ".join
)
def test_steps_of_a_visit_can_wait(types: tuple[str, ...]) -> None:
    assert can_wait(types)


@pytest.mark.parametrize(
    "types",
    [("door_closed", "parcel_deposited", "visit_ended"), ("command_finished",), ("never_heard_of",)],
    ids=" ".join,
)
def test_what_others_wait_for_cannot(types: tuple[str, ...]) -> None:
    assert not can_wait(types)


def test_patient_news_is_part_of_a_visit_or_telemetry() -> None:
    for row in map(EVENT_TYPES.__getitem__, PATIENT_TYPES):
        assert not row.urgent
        of_a_visit = row.family in (Family.ACCESS, Family.DOOR) or "visit_id" in row.members
        assert of_a_visit or row.family is Family.TELEMETRY
