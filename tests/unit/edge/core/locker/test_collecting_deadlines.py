from __future__ import annotations

import pytest

from edge.core.locker.model import Started
from edge.ports import DoorState
from tests.machine.playbook import START_AT_MS, Playbook, hex_id
from tests.machine.visitors import (
    DAY_MS,
    book,
    delivered,
    enter_pin,
    opens,
    pickup_code,
    pin,
    press,
    reservation,
    scan,
    shut,
)

BY_MS = START_AT_MS + 3_600_000


def waiting(by_ms: int | None = BY_MS, **changes: object) -> Playbook:
    play = delivered(book())
    return play.reserve(reservation(1, 2, 31, collect_by_ms=by_ms), **changes)


@pytest.mark.parametrize("by_pin", [False, True], ids=["qr", "pin"])
@pytest.mark.parametrize(("early_ms", "opens_it"), [(1, True), (0, False)], ids=["a moment before", "exactly then"])
def test_parcel_is_handed_out_until_its_deadline_and_not_at_it(by_pin: bool, early_ms: int, opens_it: bool) -> None:
    play = waiting()
    play.wait(BY_MS - early_ms - play.now.at_ms)
    enter_pin(play, pin(31), hex_id(31)) if by_pin else scan(play, pickup_code(2, 31))
    assert bool(play.pulses()) is opens_it
    if not opens_it:
        assert play.state.session.message == "collect_expired"
        assert by_pin or play.data("qr_refused")["reason"] == "collect_expired"


def test_extension_moves_the_deadline() -> None:
    play = waiting(collect_by={hex_id(31): BY_MS + 3_600_000})
    play.wait(BY_MS - play.now.at_ms)
    assert scan(play, pickup_code(2, 31)).pulses()


def test_parcel_of_a_deposit_that_nobody_announced_has_its_own_deadline() -> None:
    play = book().given(
        "parcel_deposited",
        parcel_id="PW777",
        compartment_no=1,
        visit_id=hex_id(1),
        pickup_id=hex_id(71),
        collect_by_ms=BY_MS,
        origin="unannounced",
    )
    play.wait(BY_MS - play.now.at_ms)
    assert scan(play, pickup_code(2, 71)).data("qr_refused")["reason"] == "collect_expired"


def test_sixty_days_without_the_cloud_a_parcel_without_deadline_is_still_handed_out() -> None:
    play = waiting(None)
    play.wait(60 * DAY_MS)
    assert enter_pin(play, pin(31), hex_id(31)).pulses()


# --- what is said at the open door ---------------------------------------------------------------------------


@pytest.mark.parametrize("restart", [False, True])
def test_empty_compartment_is_disputed_and_out_of_service_and_the_parcel_not_collected(restart: bool) -> None:
    play = press(opens(scan(waiting(), pickup_code(2, 31))), "empty")
    assert play.data("parcel_disputed")["kind"] == "empty"
    if restart:
        play.when(Started("test", "boot"))
    play.door(2, DoorState.CLOSED, False)
    assert "parcel_collected" not in play.types()
    assert play.data("collect_abandoned")["reason"] == "disputed"
    assert play.state.durable.slot(2).disabled == "disputed" and play.state.durable.slot(2).held


def test_damaged_parcel_that_is_taken_is_collected_and_the_compartment_looked_at() -> None:
    play = shut(press(opens(scan(waiting(), pickup_code(2, 31))), "damaged"), occupied=False)
    assert play.data("parcel_collected")["parcel_id"] == "PW001"
    assert play.state.durable.slot(2).disabled == "disputed"


def test_dispute_is_taken_once() -> None:
    play = opens(scan(waiting(), pickup_code(2, 31)))
    press(press(play, "damaged"), "empty")
    assert play.types().count("parcel_disputed") == 1
