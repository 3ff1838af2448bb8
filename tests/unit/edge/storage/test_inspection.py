"""The technician's copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.storage.inspection import copy_log, events, summary
from tests.log_world import LogWorld, custody, door


def test_inspection_of_a_stopped_log_shows_its_events_and_changes_nothing(world: LogWorld, tmp_path: Path) -> None:
    log = world.open().log
    log.append([door(1), custody(2)])
    log.close()
    assert world.path is not None
    before = (world.path / "events.db").read_bytes()
    copy = copy_log(world.path, tmp_path / "copy.db")
    shown = summary(copy)
    assert (shown["device_id"], shown["stream"]) == ("locker-0001", log.identity.stream)
    assert shown["rows"] == {"log": 1, "commits": 2, "snapshot": 0}
    assert [event.type for event in events(copy)] == ["stream_started", "door_closed", "parcel_deposited"]
    assert (world.path / "events.db").read_bytes() == before
    with pytest.raises(FileExistsError):
        copy_log(world.path, copy)
