"""Nothing on a locker names a person, and no code that opens a door is kept or shown in readable form."""

from __future__ import annotations

from dataclasses import fields

import pytest

from edge.core.locker import durable, model, state
from edge.core.locker.model import CheckPin, PinChecked, PinEntered
from edge.core.locker.view import view
from edge.ports import DoorState, PulseReply
from edge.wire.damm import damm_digit
from edge.wire.event_types import EVENT_TYPES
from tests.machine.playbook import Playbook, hex_id

PERSONAL = ("recipient", "phone", "mail", "address", "first", "last", "birth", "street", "customer")
HARMLESS = {"first", "kind"}  # `first` alone is a position in the log
CODE = "73190846" + damm_digit("73190846")
WRONG = "20957318" + damm_digit("20957318")


def personal(name: str) -> bool:
    return name not in HARMLESS and any(word in name.split("_") for word in PERSONAL)


def test_no_event_has_a_member_for_a_person() -> None:
    found = [f"{row.name}.{name}" for row in EVENT_TYPES.values() for name in row.members if personal(name)]
    assert not found


@pytest.mark.parametrize("module", [model, state, durable], ids=lambda module: module.__name__.rpartition(".")[2])
def test_nothing_a_locker_remembers_is_about_a_person(module: object) -> None:
    kinds = [kind for kind in vars(module).values() if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")]
    assert kinds
    assert not [f"{kind.__name__}.{item.name}" for kind in kinds for item in fields(kind) if personal(item.name)]


def test_scan_for_personal_names_finds_them() -> None:
    assert personal("recipient_name") and personal("phone") and not personal("parcel_id")


def test_pin_typed_stands_in_no_event_snapshot_state_or_page() -> None:
    play = Playbook().boot()
    play.given("parcel_deposited", parcel_id="PW123456", compartment_no=3, visit_id=hex_id(1), pickup_id=hex_id(77),
               pin_generation=0, pin_counter=0)  # fmt: skip
    for code, matches in ((WRONG, None), (CODE, hex_id(77))):
        play.when(PinEntered(code, play.fresh()))
        check = play.of(CheckPin)[-1]
        assert isinstance(check, CheckPin) and check.pin == code
        play.when(PinChecked(check.attempt_id, matches, play.fresh()))
    play.board_says(PulseReply.ACKED).door(3, DoorState.OPEN).door(3, DoorState.CLOSED)
    assert "parcel_collected" in play.types()
    readable = [
        repr(play.events), repr(play.state), repr(play.effects), repr(view(play.state, play.now)),
        play.state.durable.to_bytes().decode("latin-1"),
    ]  # fmt: skip
    for code in (CODE, WRONG):
        assert not any(code in text or code[:8] in text for text in readable)
