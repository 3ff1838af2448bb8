"""Which news waits."""

from __future__ import annotations

import pytest

from edge.core.sync.patience import PATIENT_TYPES, can_wait
from edge.wire.event_types import EVENT_TYPES, Family


@pytest.mark.parametrize("types", [("visit_started",), ("door_opened", "unlock_finished")], ids=" ".join)
def test_steps_of_a_visit_can_wait(types: tuple[str, ...]) -> None:
    assert can_wait(types)


@pytest.mark.parametrize(
    "types", [("door_closed", "parcel_deposited"), ("command_finished",), ("never_heard_of",)], ids=" ".join
)
def test_what_others_wait_for_cannot(types: tuple[str, ...]) -> None:
    assert not can_wait(types)


def test_no_urgent_custody_or_alarm_type_is_patient() -> None:
    rows = [EVENT_TYPES[name] for name in PATIENT_TYPES]
    assert not any(row.urgent or row.family in (Family.CUSTODY, Family.ALARM, Family.COMMAND) for row in rows)
