from __future__ import annotations

from dataclasses import replace

from edge.core.locker.desired import Unannounced
from edge.core.locker.durable import Durable
from edge.core.locker.steps import Step
from edge.core.locker.view import view
from edge.wire.pickup_claims import Operation, drop_off_parcel_id
from tests.machine.playbook import START_AT_MS, Playbook, hex_id
from tests.machine.visitors import (
    book,
    choose_counter,
    courier_code,
    opens,
    pickup_code,
    press,
    reservation,
    scan,
    shut,
)


def sizes_book() -> Playbook:
    play = book()
    layout = dict(play.state.layout)
    layout[1] = replace(layout[1], height_mm=100, sill_mm=1500)
    layout[4] = replace(layout[4], height_mm=400)
    play.state = replace(play.state, layout=layout)
    return play.reserve()


def at_size(play: Playbook) -> Playbook:
    return scan(scan(play, courier_code(1)), "PW777")


def test_unannounced_parcel_is_offered_the_sizes_that_are_vacant_smallest_first() -> None:
    play = at_size(sizes_book())
    shown = view(play.state, play.now)
    assert [(row["code"], row["free"]) for row in shown["sizes"]] == [
        ("400x100x500", 1),
        ("400x200x500", 2),
        ("400x400x500", 1),
    ]
    assert {"size", "accessible", "cancel"} <= set(shown["actions"])


def test_chosen_size_opens_and_the_deposit_states_origin_and_deadline() -> None:
    play = choose_counter(press(at_size(sizes_book()), "size:400x200x500"), 7)
    shut(opens(play), occupied=True)
    data = play.data("parcel_deposited")
    assert (data["parcel_id"], data["compartment_no"], data["origin"]) == ("PW777", 2, "unannounced")
    assert data["collect_by_ms"] == START_AT_MS + 72 * 3_600_000 and data["pin_counter"] == 7
    again = Durable.from_bytes(play.state.durable.to_bytes())
    assert again == play.state.durable and again.slot(2).held[0].origin == "unannounced"


def test_accessible_wish_leaves_only_sizes_within_reach() -> None:
    play = press(at_size(sizes_book()), "accessible")
    assert [row["code"] for row in view(play.state, play.now)["sizes"]] == ["400x200x500", "400x400x500"]
    press(play, "size:400x100x500")
    assert play.state.session.message == "size_taken" and play.pulses() == []


def test_unannounced_parcel_where_none_is_taken_is_refused() -> None:
    play = at_size(sizes_book().reserve(unannounced=Unannounced(allowed=False)))
    assert play.data("label_refused")["reason"] == "not_announced" and play.state.session.step is Step.LABEL


def test_unannounced_parcel_at_a_full_locker_is_refused() -> None:
    play = sizes_book()
    for no in play.state.layout:
        play.given("compartment_disabled", compartment_no=no, reason="maintenance")
    at_size(play)
    assert play.data("label_refused")["reason"] == "locker_full"


def test_chosen_compartment_of_another_temperature_is_never_offered() -> None:
    play = sizes_book()
    layout = {no: replace(item, features=("chilled",)) for no, item in play.state.layout.items()}
    play.state = replace(play.state, layout=layout)
    at_size(play)
    assert play.data("label_refused")["reason"] == "locker_full"


def sender(jti: int = 5, pickup: int = 41) -> str:
    return pickup_code(jti, pickup, operation=Operation.DROP_OFF)


def test_sender_without_a_label_chooses_a_size_and_the_parcel_is_named_after_the_pickup() -> None:
    play = scan(sizes_book(), sender())
    assert play.data("visit_started")["kind"] == "sender" and play.state.session.step is Step.SIZE
    shut(opens(choose_counter(press(play, "size:400x100x500"))), occupied=True)
    data = play.data("parcel_deposited")
    assert (data["parcel_id"], data["origin"], data["pickup_id"]) == (
        drop_off_parcel_id(hex_id(41)),
        "drop_off",
        hex_id(41),
    )
    assert play.state.session.step is Step.DONE and not play.state.durable.visits


def test_sender_with_a_reservation_goes_straight_to_the_door() -> None:
    parcel_id = drop_off_parcel_id(hex_id(41))
    play = sizes_book().reserve(reservation(1, 4, 41, parcel_id=parcel_id))
    choose_counter(scan(play, sender()))
    assert play.pulses()[-1].channel.number == 4
    shut(opens(play), occupied=True)
    assert play.data("parcel_deposited")["reservation_id"] == hex_id(201)


def test_sender_who_puts_nothing_in_may_open_three_times_and_no_more() -> None:
    play = choose_counter(press(scan(sizes_book(), sender()), "size:400x100x500"))
    for _ in range(4):
        if play.state.session.step is Step.OPENING:
            shut(opens(play), occupied=False)
        press(play, "try_again")
    assert len(play.pulses()) == 3 and play.state.session.message == "call_support"
    assert play.state.durable.slot(1).disabled is None and not play.state.durable.visits


def test_sender_s_code_is_not_used_up_by_a_full_locker() -> None:
    play = sizes_book()
    for no in play.state.layout:
        play.given("compartment_disabled", compartment_no=no, reason="maintenance")
    scan(play, sender())
    assert play.data("qr_refused")["reason"] == "locker_full" and "visit_started" not in play.types()
