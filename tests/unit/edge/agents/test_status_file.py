"""What the agent tells the updater: fresh or nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.agents.status_file import BUSY, HEALTH, STALE_S, Status, in_use, read_status, write_busy, write_health
from edge.core.locker.durable import Durable, Slot, Visit
from edge.core.locker.state import LockerState, Pulsing, Session
from edge.core.locker.steps import Step
from edge.core.release.machine import Health
from edge.ports import DoorState

WELL = Health(True, True, True, True)
STATE = LockerState("locker-0001", "11" * 16, session=Session(Step.IDLE))


def test_status_written_is_read_while_it_is_fresh_and_none_afterwards(tmp_path: Path) -> None:
    write_busy(tmp_path, True)
    write_health(tmp_path, replace(WELL, boards_answer=False), 1_790_000_000_000, 100)
    told = Status(True, replace(WELL, boards_answer=False), 1_790_000_000_000)
    assert read_status(tmp_path, 100 + STALE_S) == told
    assert read_status(tmp_path, 100 + STALE_S + 1) is None
    assert read_status(tmp_path, 99) is None, "from before the last start of the machine"
    write_busy(tmp_path, False)
    assert read_status(tmp_path, 100) == replace(told, busy=False)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"up_for_s": "x"}', b"\xff", b'{"up_for_s": 100, "at_ms": []}'])
def test_status_that_is_damaged_counts_as_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / HEALTH).write_bytes(data)
    assert read_status(tmp_path, 100) is None


def test_status_in_a_folder_that_is_gone_ends_nothing(tmp_path: Path) -> None:
    write_busy(tmp_path / "none", True)
    write_busy(tmp_path / "none", False)
    write_health(tmp_path / "none", WELL, 0, 100)
    assert not (tmp_path / "none" / BUSY).exists()


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(STATE, False, id="idle"),
        pytest.param(replace(STATE, session=Session(Step.CLOSED)), False, id="closed"),
        pytest.param(replace(STATE, session=Session(Step.LABEL)), True, id="visit_on_the_kiosk"),
        pytest.param(replace(STATE, pulsing={"a": Pulsing(1)}), True, id="pulse_under_way"),
        pytest.param(replace(STATE, durable=Durable(visits={"v": Visit("remote")})), True, id="remote_visit"),
        pytest.param(replace(STATE, durable=Durable(slots={1: Slot(DoorState.OPEN)})), True, id="door_open"),
        pytest.param(replace(STATE, durable=Durable(slots={1: Slot(DoorState.UNKNOWN)})), False, id="door_unknown"),
    ],
)
def test_device_is_in_use_while_a_restart_would_cut_something_short(state: LockerState, expected: bool) -> None:
    assert in_use(state) is expected
