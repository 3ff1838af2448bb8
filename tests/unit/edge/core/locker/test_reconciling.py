from __future__ import annotations

from edge.core.locker.model import TimerFired
from edge.core.locker.steps import Step
from tests.machine.playbook import Playbook
from tests.machine.visitors import (
    book,
    delivered,
    opens,
    press,
    scan,
    shut,
    stays_shut,
    technician_code,
)


def at_menu(play: Playbook | None = None) -> Playbook:
    return scan(play or book(), technician_code(1))


def test_reconciliation_asks_behind_every_door_and_counts_what_differs() -> None:
    play = press(scan(delivered(book()), technician_code(8)), "reconcile")
    for answer in ("empty", "empty", "other", "as_expected"):
        shut(opens(play))
        assert play.state.session.step is Step.CHECK
        press(play, f"found:{answer}")
    found = [data["found"] for kind, data in play.events if kind == "compartment_checked"]
    assert found == ["as_expected", "empty", "occupied", "as_expected"]
    finished = play.data("reconciliation_finished")
    assert (finished["checked"], finished["exceptions"]) == (4, 2)
    assert [no for no in range(1, 5) if play.state.durable.slot(no).disabled] == [2, 3]
    assert play.state.session.step is Step.MENU


def test_reconciliation_passes_over_a_door_that_will_not_open() -> None:
    play = press(at_menu(book(2)), "reconcile")
    press(stays_shut(play), "next_compartment")
    press(shut(opens(play)), "found:as_expected")
    assert play.data("reconciliation_finished") == {
        "visit_id": play.state.session.visit_id,
        "checked": 2,
        "exceptions": 1,
    }


def test_reconciliation_waits_for_the_cap() -> None:
    play = press(at_menu(book(14)), "reconcile")
    for _ in range(14):
        while play.state.session.compartment_no is None:
            play.wait(5_000).when(TimerFired("cap"))
        press(shut(opens(play)), "found:as_expected")
    assert play.data("reconciliation_finished")["checked"] == 14


def test_reconciliation_asks_behind_a_door_that_was_said_not_to_open_and_is_shut() -> None:
    play = press(opens(press(at_menu(), "reconcile")), "did_not_open")
    assert play.state.session.step is Step.RETRY
    shut(play)
    assert play.state.session.step is Step.CHECK
    press(play, "found:as_expected")
    assert play.pulses()[-1].channel.number == 2
