from __future__ import annotations

import pytest

from edge.core.locker.desired import Limits
from edge.core.locker.model import Started, TimerFired
from edge.core.locker.steps import Step
from edge.core.locker.view import view
from tests.machine.playbook import Playbook, hex_id
from tests.machine.visitors import (
    book,
    courier_code,
    delivered,
    opens,
    pickup_code,
    press,
    scan,
    shut,
    technician_code,
)


def at_menu(play: Playbook | None = None) -> Playbook:
    return scan(play or book(), technician_code(1))


def test_technician_sees_what_stands_where_and_nobody_else_does() -> None:
    play = delivered(book()).given("compartment_disabled", compartment_no=4, reason="dirty")
    assert "state" not in view(play.state, play.now)["compartments"][0]
    scan(play, technician_code(8))
    assert [row["state"] for row in view(play.state, play.now)["compartments"]] == ["free", "held", "free", "disabled"]
    assert {"open", "open_all", "reconcile", "out_of_service", "in_service", "done"} <= set(
        view(play.state, play.now)["actions"]
    )


def test_technician_opens_one_door_and_is_back_at_the_menu_when_it_is_shut() -> None:
    play = press(at_menu(), "open:3")
    assert play.data("unlock_authorised")["cause"] == "maintain"
    shut(opens(play))
    assert play.state.session.step is Step.MENU and not play.state.durable.custody


def test_credential_of_a_technician_is_good_for_one_visit() -> None:
    play = press(at_menu(), "done").when(TimerFired("session"))
    assert scan(play, technician_code(1)).data("qr_refused")["reason"] == "already_used"


@pytest.mark.parametrize(
    "action", ["open:", "open:99", "open:x", "open", "found:empty", "size:x", "took_out", "reopen"]
)
def test_key_without_a_meaning_opens_nothing(action: str) -> None:
    assert press(at_menu(), action).pulses() == []


def test_compartment_goes_out_of_service_and_back_and_its_alarms_end() -> None:
    play = press(at_menu(), "out_of_service:3")
    assert play.state.durable.slot(3).disabled == "maintenance"
    play.given("alarm_raised", alarm="door_did_not_open", subject="3")
    press(play, "in_service:3")
    assert play.state.durable.slot(3).disabled is None and not play.state.durable.alarms


def test_all_doors_need_a_second_person_with_a_credential_of_their_own() -> None:
    play = press(at_menu(), "open_all")
    assert play.state.session.step is Step.SECOND
    for code in (technician_code(2), technician_code(1, "tech:ben"), courier_code(3), "PW001", pickup_code(4, 31)):
        scan(play, code)
        assert play.pulses() == [] and play.state.session.step is Step.SECOND
    scan(play, technician_code(5, "tech:ben"))
    assert play.data("visit_joined")["actor"] == "tech:ben" and len(play.pulses()) == 1
    assert hex_id(5) in play.state.durable.used_jtis


def test_all_doors_open_one_by_one_and_the_cap_is_waited_for_and_never_passed() -> None:
    play = at_menu(book(20))
    press(play, "open_all")
    scan(play, technician_code(5, "tech:ben"))
    times: list[int] = []
    for _ in range(400):
        if play.state.session.step is not Step.OPENING:
            break
        if play.state.session.compartment_no is None:
            play.wait(5_000).when(TimerFired("cap"))
        else:
            times.append(play.now.mono_ms)
            opens(play)
    assert [pulse.channel.number for pulse in play.pulses()] == list(range(1, 21))
    assert (play.state.session.step, play.state.session.message) == (Step.MENU, "all_opened")
    for at in times:
        assert sum(1 for other in times if 0 <= other - at < 60_000) <= play.state.limits.openings_per_minute


def test_all_doors_again_in_one_visit_never_use_an_authority_again() -> None:
    play = at_menu().reserve(limits=Limits(openings_per_minute=4))
    for jti in (5, 6, 7):
        press(play, "open_all")
        scan(play, technician_code(jti, "tech:ben"))
        while play.state.session.step is Step.OPENING:
            if play.state.session.compartment_no is None:
                play.wait(5_000).when(TimerFired("cap"))
            else:
                shut(opens(play))
    given = [data["authority_id"] for kind, data in play.events if kind == "unlock_authorised"]
    assert len(given) == len(set(given)) == 12 == len(play.pulses())


def test_power_cut_while_all_doors_open_goes_on_with_none() -> None:
    play = press(at_menu(), "open_all")
    scan(play, technician_code(5, "tech:ben")).when(Started("test", "boot")).forget()
    play.when(TimerFired("cap"), TimerFired("session"))
    assert play.pulses() == [] and not play.state.durable.visits


def test_idle_technician_s_visit_ends_by_itself() -> None:
    assert at_menu().when(TimerFired("session")).data("visit_ended")["reason"] == "idle"
