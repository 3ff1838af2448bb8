"""What runs and how an update fares is told once, over any number of restarts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.durable import Durable
from edge.core.locker.machine import step
from edge.core.locker.model import FirmwareTold, Input, Record, ReleaseTold, RunningTold
from edge.core.locker.state import LockerState
from edge.core.release.machine import Phase, Update, Wish
from edge.ports import Now
from edge.wire.release import ReleaseKind, parse_version

STATE = LockerState("locker-0001", "11" * 16)
NOW = Now(1_000, 1_790_000_000_000, "synced")
WISH = Wish(ReleaseKind.IMAGE, parse_version("1.1.0-rc.2"), 3)
RUNNING = RunningTold("parcelworks-locker", "rpi-arm64", "1.0.0", "1.0.2")


def told(state: LockerState, event: Input) -> tuple[LockerState, list[tuple[str, dict[str, object]]]]:
    after, effects = step(state, event, NOW)
    return after, [(item.draft.type, dict(item.draft.data)) for item in effects if isinstance(item, Record)]


def restarted(state: LockerState) -> LockerState:
    return replace(STATE, durable=Durable.from_bytes(state.durable.to_bytes()))


def test_what_runs_is_told_when_it_differs_and_not_after_a_restart() -> None:
    state, events = told(STATE, RUNNING)
    assert events == [
        ("release_reported",
         {"product": "parcelworks-locker", "board": "rpi-arm64", "image": "1.0.0", "agent": "1.0.2"})
    ]  # fmt: skip
    assert told(restarted(state), RUNNING)[1] == []
    assert len(told(state, replace(RUNNING, agent="1.0.3"))[1]) == 1


@pytest.mark.parametrize(
    ("phase", "name"),
    [
        (Phase.WRITTEN, "release_installed"),
        (Phase.TRYING, "release_tried"),
        (Phase.COMMITTED, "release_committed"),
        (Phase.FELL_BACK, "release_fell_back"),
        (Phase.REFUSED, "release_refused"),
    ],
)
def test_each_phase_of_an_update_is_told_once(phase: Phase, name: str) -> None:
    event = ReleaseTold(Update(phase, WISH, "b", 1, reason="unhealthy:boards_answer"))
    state, events = told(STATE, event)
    reason = {"reason": "unhealthy:boards_answer"} if phase in (Phase.FELL_BACK, Phase.REFUSED) else {}
    assert events == [(name, {"kind": "image", "version": "1.1.0-rc.2", "attempt": 3, **reason})]
    assert told(restarted(state), event)[1] == []
    again = ReleaseTold(replace(event.update, wish=replace(WISH, attempt=4)))
    assert [kind for kind, _ in told(state, again)[1]] == [name]


def test_record_without_an_update_tells_nothing() -> None:
    assert told(STATE, ReleaseTold(Update()))[1] == []


def test_both_kinds_of_releases_are_told_apart() -> None:
    image = ReleaseTold(Update(Phase.COMMITTED, WISH, "b"))
    agent = ReleaseTold(Update(Phase.COMMITTED, replace(WISH, kind=ReleaseKind.AGENT), "a"))
    state, _ = told(STATE, image)
    state, events = told(state, agent)
    assert events[0][1]["kind"] == "agent"
    assert told(state, image)[1] == []


def test_firmware_of_a_part_is_told_when_it_changes_and_without_control_characters() -> None:
    first = FirmwareTold("lock_board", "a", "2.00\x07")
    state, events = told(STATE, first)
    assert events == [("firmware_reported", {"part": "lock_board", "subject": "a", "firmware": "2.00?"})]
    assert told(restarted(state), first)[1] == []
    assert len(told(state, replace(first, firmware="2.01"))[1]) == 1
    assert len(told(state, replace(first, subject="b"))[1]) == 1
