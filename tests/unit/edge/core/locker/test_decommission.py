from __future__ import annotations

import pytest

from edge.core.locker.model import CommandReceived, SessionChanged, Started
from edge.core.locker.steps import Step
from edge.wire.messages import Command
from tests.machine.playbook import Playbook, hex_id
from tests.machine.visitors import (
    book,
    courier_code,
    delivered,
    enter_pin,
    opens,
    pickup_code,
    pin,
    press,
    scan,
    shut,
    technician_code,
)


def at_menu(play: Playbook | None = None) -> Playbook:
    return scan(play or book(), technician_code(1))


def command(play: Playbook, kind: str, number: int = 1, actor: str = "ops:eva", **args: object) -> Playbook:
    if play.state.nonce is None:
        play.when(SessionChanged(b"n" * 16))
    sent = Command(
        hex_id(900 + number),
        "locker-1",
        b"n" * 16,
        kind,
        args,
        play.now.at_ms - 1,
        play.now.at_ms + 30_000,
        actor,
        "why",
    )
    return play.when(CommandReceived(sent, None, play.fresh()))


def test_empty_locker_is_decommissioned_at_once_and_opens_nothing_any_more() -> None:
    play = command(book(), "decommission")
    assert play.types()[-1] == "decommissioned" and play.state.session.step is Step.CLOSED
    scan(play, technician_code(1))
    command(play, "open_compartment", 2, compartment_no=1)
    assert play.pulses() == [] and play.data("command_refused")["reason"] == "decommissioned"


def test_locker_to_be_emptied_takes_only_staff_and_is_over_when_the_last_parcel_is_out() -> None:
    play = command(delivered(book()), "decommission")
    scan(play, courier_code(2))
    scan(play, pickup_code(3, 31))
    enter_pin(play, pin(31), hex_id(31))
    assert play.pulses() == [] and play.state.session.step is Step.CLOSED
    press(scan(play, technician_code(4)), "open:2")
    shut(opens(play), occupied=False)
    assert play.data("parcel_retrieved")["reason"] == "decommissioned" and "decommissioned" not in play.types()
    press(play, "done")
    assert play.types()[-1] == "decommissioned" and play.state.session.message == "decommissioned"
    play.when(Started("test", "boot"))
    assert play.state.session.step is Step.CLOSED


def test_recipient_at_an_open_door_may_end_what_has_begun_before_the_locker_closes() -> None:
    play = opens(scan(delivered(book()), pickup_code(3, 31)))
    command(play, "decommission")
    assert play.state.session.step is Step.DOOR_OPEN
    shut(play, occupied=False)
    assert play.data("parcel_collected") and play.types()[-1] == "decommissioned"


def test_disable_command_names_its_reason_and_waits_for_nobody() -> None:
    play = command(book(), "disable_compartment", compartment_no=3, reason="graffiti")
    assert play.state.durable.slot(3).disabled == "graffiti" and play.data("command_finished")["outcome"] == "disabled"
    command(play, "disable_compartment", 2, compartment_no=3, reason="graffiti")
    assert play.data("command_refused")["reason"] == "already_disabled"
    command(play, "disable_compartment", 3, compartment_no=2, reason="Not a code")
    assert play.data("command_refused")["reason"] == "bad_arguments"


@pytest.mark.parametrize(
    ("actor", "purpose", "why"),
    [
        (f"pickup:{hex_id(31)}", "collect", None),
        (f"pickup:{hex_id(32)}", "collect", "nothing_here"),
        (f"pickup:{hex_id(31)}", "retrieve", "nothing_here"),
        ("support:anna", "collect", None),
    ],
    ids=range(4),
)
def test_phone_page_opens_the_recipient_s_own_compartment_only(actor: str, purpose: str, why: str | None) -> None:
    play = command(delivered(book()), "open_compartment", actor=actor, compartment_no=2, purpose=purpose)
    assert bool(play.pulses()) is (why is None)
    if why:
        assert play.data("command_refused")["reason"] == why
