from __future__ import annotations

from edge.core.locker.model import TimerFired
from edge.core.locker.steps import Step
from edge.ports import DoorState
from tests.machine.visitors import (
    book,
    delivered,
    opens,
    pickup_code,
    press,
    scan,
    technician_code,
)


def test_door_left_open_is_sounded_then_alarmed_then_blocked() -> None:
    play = opens(scan(delivered(book()), pickup_code(2, 31))).forget()
    play.when(TimerFired("left_open:2"))
    assert play.types() == ["door_left_open"]
    play.when(TimerFired("left_open:2"))
    assert "door_left_open/2" in play.state.durable.alarms and play.state.session.step is Step.DOOR_OPEN
    play.when(TimerFired("left_open:2"))
    assert [data["open_for_s"] for kind, data in play.events if kind == "door_left_open"] == [60, 180, 600]
    assert play.state.durable.slot(2).disabled == "left_open" and play.state.session.step is Step.IDLE
    assert {"door_blocked/2", "custody_unverified/2"} <= play.state.durable.alarms
    play.door(2, DoorState.CLOSED)
    assert "door_left_open/2" not in play.state.durable.alarms and play.state.durable.slot(2).disabled == "left_open"


def test_door_shut_between_two_stages_begins_anew() -> None:
    play = book().door(2, DoorState.OPEN).when(TimerFired("left_open:2")).door(2, DoorState.CLOSED).forget()
    play.door(2, DoorState.OPEN).when(TimerFired("left_open:2"))
    assert play.data("door_left_open")["open_for_s"] == 60 and "door_left_open/2" not in play.state.durable.alarms


def test_technician_s_open_door_is_only_called_to_mind() -> None:
    play = opens(press(scan(book(), technician_code(1)), "open:2")).forget()
    for _ in range(5):
        play.when(TimerFired("left_open:2"))
    assert play.events == []
