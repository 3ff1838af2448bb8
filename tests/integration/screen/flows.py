"""Every flow of the locker as people go through it: what they show and press, what the page says, what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.wire.pickup_claims import Operation, drop_off_parcel_id
from tests.integration.screen.locker_stand import SIZES_MM
from tests.integration.screen.visitor import Visitor
from tests.machine.playbook import START_AT_MS, hex_id
from tests.machine.visitors import DAY_MS, courier_code, pickup_code, technician_code

SMALL, MIDDLE = (f"size:{width_mm}x{height_mm}x590" for width_mm, height_mm in (SIZES_MM["S"], SIZES_MM["M"]))
AT_DEPOSIT = ("did_not_open", "too_big", "dirty")
AT_COLLECT = ("did_not_open", "empty", "damaged")


def booked(number: int, no: int, pickup: int) -> dict[str, Any]:
    """A reservation as the cloud sends it: parcel PW00n for that door."""
    return {
        "reservation_id": hex_id(200 + number), "parcel_id": f"PW00{number}", "pickup_id": hex_id(pickup),
        "compartment_no": no, "expires_at_ms": START_AT_MS + DAY_MS, "generation": 0,
    }  # fmt: skip


def brings(visitor: Visitor, *doors: int, pickup: int = 31, **sections: Any) -> None:
    """A courier has brought a recipient's parcels, one behind each of these doors; nobody is at the kiosk now."""
    stand = visitor.stand
    stand.want(reservations=[booked(number, no, pickup) for number, no in enumerate(doors, 1)], **sections)
    stand.scan(courier_code(90))
    stand.until("label", lambda: stand.view()["step"] == "label")
    for number, no in enumerate(doors, 1):
        stand.scan(f"PW00{number}")
        opened(visitor, no)
        stand.put(no)
        stand.close(no)
        stand.recorded("parcel_deposited", parcel_id=f"PW00{number}")
        stand.until("label", lambda: stand.view()["step"] == "label")
    stand._on_loop(lambda: stand.process._agent.press("done"))
    visitor.page.wait_for_selector("[data-screen=done]")
    stand._on_loop(lambda: stand.process._agent.press("cancel"))


def opened(visitor: Visitor, no: int) -> None:
    """Door `no` springs open, and the page has seen it."""
    stand = visitor.stand
    stand.until(f"door {no} open", lambda: (stand.view()["step"], stand.view()["compartment_no"]) == ("door_open", no))


def at_door(visitor: Visitor, no: int, *keys: str, **numbers: int) -> None:
    opened(visitor, no)
    visitor.sees("door_open", *keys, **numbers)


def courier_comes(visitor: Visitor, jti: int = 1) -> None:
    visitor.comes()
    visitor.stand.scan(courier_code(jti))
    visitor.sees("label", "label_hint")


# --- couriers --------------------------------------------------------------------------------------------------


def deposit_assigned(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 2, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 2, "door_open_deposit")
    visitor.offers(*AT_DEPOSIT)
    stand.put(2)
    stand.close(2)
    visitor.sees("label", "deposited")
    visitor.press("done")
    visitor.sees("done", "thank_you")
    visitor.press("cancel")
    visitor.page.wait_for_selector("[data-screen=idle]")
    assert stand.recorded("parcel_deposited")["parcel_id"] == "PW001"
    assert visitor.page.evaluate("document.documentElement.lang") == "en", "the language ends with its visit"


def deposit_unannounced(visitor: Visitor) -> None:
    stand = visitor.stand
    courier_comes(visitor)
    stand.scan("OTHER-CARRIER-77")
    visitor.sees("size", "size_hint")
    visitor.press(MIDDLE)
    at_door(visitor, 2, "door_open_deposit")
    stand.put(2)
    stand.close(2)
    visitor.sees("label", "deposited")
    visitor.press("done")
    stored = stand.recorded("parcel_deposited")
    assert (stored["parcel_id"], stored["origin"]) == ("OTHER-CARRIER-77", "unannounced")


def deposit_too_big(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 4, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 4, "door_open_deposit")
    visitor.press("too_big")
    visitor.sees("door_open", "close_then_next")
    stand.close(4)
    at_door(visitor, 2, "door_open_deposit")
    stand.put(2)
    stand.close(2)
    visitor.sees("label", "deposited")
    visitor.press("done")
    assert stand.recorded("compartment_swapped")["reason"] == "too_big"
    assert stand.recorded("parcel_deposited")["compartment_no"] == 2


def deposit_dirty(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 4, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 4, "door_open_deposit")
    visitor.press("dirty")
    visitor.sees("door_open", "close_then_next")
    stand.close(4)
    at_door(visitor, 5, "door_open_deposit")
    stand.put(5)
    stand.close(5)
    visitor.sees("label", "deposited")
    visitor.press("done")
    assert stand.recorded("compartment_disabled")["reason"] == "dirty"


def deposit_stays_shut(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 4, 31)], limits={"open_wait_ms": 2500})
    stand.jam(4)
    courier_comes(visitor)
    stand.scan("PW001")
    visitor.sees("opening", "opening_hint")
    visitor.sees("retry", "door_did_not_open")
    visitor.offers("try_again", "next_compartment", "cancel")
    visitor.press("try_again")
    visitor.page.wait_for_selector("[data-step=opening]")
    visitor.sees("retry", "door_did_not_open")
    visitor.press("next_compartment")
    at_door(visitor, 5, "door_open_deposit")
    stand.put(5)
    stand.close(5)
    visitor.sees("label", "deposited")
    visitor.press("done")
    assert stand.recorded("compartment_disabled") == {"compartment_no": 4, "reason": "did_not_open"}


def deposit_person_says_shut(visitor: Visitor) -> None:
    """The sensor says open, the person says it is not: the person is believed, the sensor is looked at."""
    stand = visitor.stand
    stand.want(reservations=[booked(1, 4, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 4, "door_open_deposit")
    visitor.press("did_not_open")
    visitor.sees("retry", "door_did_not_open")
    visitor.press("next_compartment")
    at_door(visitor, 5, "door_open_deposit")
    stand.put(5)
    stand.close(5)
    visitor.sees("label", "deposited")
    visitor.press("done")
    stand.recorded("alarm_raised", alarm="door_disputed")
    stand.close(4)


def nothing_put_in(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 3, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 3, "door_open_deposit")
    stand.close(3)
    visitor.sees("label", "nothing_was_put_in")
    visitor.press("cancel")
    visitor.page.wait_for_selector("[data-screen=idle]")
    stand.recorded("deposit_abandoned", reason="empty")


def reopen_with_sensor(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 3, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 3, "door_open_deposit")
    stand.put(3)
    stand.close(3)
    visitor.sees("label", "deposited")
    visitor.press("reopen")
    at_door(visitor, 3, "door_open_reopen")
    stand.take(3)
    stand.close(3)
    visitor.sees("label", "taken_out")
    visitor.press("done")
    stand.recorded("parcel_retrieved", reason="reopened")


def reopen_without_sensor(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(reservations=[booked(1, 2, 31)])
    courier_comes(visitor)
    stand.scan("PW001")
    at_door(visitor, 2, "door_open_deposit")
    stand.put(2)
    stand.close(2)
    visitor.sees("label", "deposited")
    visitor.press("reopen")
    at_door(visitor, 2, "door_open_reopen")
    stand.close(2)
    visitor.sees("confirm", "confirm_hint", no=2)
    visitor.offers("left_in", "took_out")
    visitor.press("left_in")
    visitor.sees("label", "left_in")
    visitor.press("done")
    stand.recorded("collect_abandoned", reason="still_there")


def labels_refused(visitor: Visitor) -> None:
    """A label twice, one whose booking is over, one unannounced where that is not allowed, one that is none."""
    brings(visitor, 2)
    stand = visitor.stand
    late = {**booked(2, 3, 32), "expires_at_ms": START_AT_MS + 1}
    stand.want(reservations=[late], unannounced={"allowed": False})
    courier_comes(visitor)
    for label, reason in (
        ("PW001", "already_deposited"),
        ("PW002", "reservation_expired"),
        ("OTHER-CARRIER-77", "not_announced"),
    ):
        stand.scan(label)
        visitor.sees("label", reason)
    stand.scan("?" * 90)
    visitor.sees("label", "label_not_understood")
    visitor.press("done")


def locker_full(visitor: Visitor) -> None:
    brings(visitor, 1, 2, 3)
    stand = visitor.stand
    stand.want(reservations=[booked(4, 4, 34)], limits={"open_wait_ms": 500})
    stand.jam(4)
    courier_comes(visitor)
    stand.scan("OTHER-CARRIER-77")
    visitor.sees("label", "locker_full")
    stand.scan("PW004")
    visitor.sees("retry", "door_did_not_open")
    visitor.press("next_compartment")
    visitor.sees("label", "no_compartment_left")
    visitor.press("done")


def retrieval_of_expired(visitor: Visitor) -> None:
    brings(visitor, 3, collect_by={hex_id(31): START_AT_MS + DAY_MS})
    stand = visitor.stand
    stand.travel(DAY_MS + 60_000)
    visitor.comes()
    stand.scan(pickup_code(2, 31, at_ms=stand.now_ms))
    visitor.sees("refused", "collect_expired")
    visitor.press("cancel")
    visitor.comes()
    stand.scan(courier_code(3, at_ms=stand.now_ms, operation=Operation.RETRIEVE))
    at_door(visitor, 3, "door_open_retrieve")
    stand.take(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    stand.recorded("parcel_retrieved", parcel_id="PW001")
    visitor.press("cancel")
    visitor.comes()
    stand.scan(courier_code(4, at_ms=stand.now_ms, operation=Operation.RETRIEVE))
    visitor.sees("refused", "nothing_to_retrieve")


# --- recipients ------------------------------------------------------------------------------------------------


def collect_by_qr(visitor: Visitor) -> None:
    brings(visitor, 2)
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 2, "door_open_collect")
    visitor.offers(*AT_COLLECT)
    stand.take(2)
    stand.close(2)
    visitor.sees("done", "thank_you")
    visitor.press("cancel")
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    visitor.sees("refused", "already_used")
    assert stand.recorded("parcel_collected")["parcel_id"] == "PW001"


def collect_by_pin(visitor: Visitor) -> None:
    brings(visitor, 3)
    stand, page = visitor.stand, visitor.page
    code = stand.pin(31)
    visitor.comes()
    wrong = code[:-1] + str((int(code[-1]) + 1) % 10)
    for digit in wrong:
        page.locator(".keys button").get_by_text(digit, exact=True).click()
    page.locator(".keys .major").click()
    visitor.sees("refused", "pin_mistyped")
    visitor.press("cancel")
    visitor.comes()
    for digit in code:
        page.locator(".keys button").get_by_text(digit, exact=True).click()
    page.locator(".keys .major").click()
    at_door(visitor, 3, "door_open_collect")
    stand.take(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    stand.recorded("parcel_collected")


def collect_by_keypad_alone(visitor: Visitor) -> None:
    """No finger on the glass: code, another try and the end by the wired keypad."""
    brings(visitor, 3, limits={"open_wait_ms": 1_000, "done_ms": 30_000})
    stand = visitor.stand
    visitor.comes()
    stand.jam(3)
    visitor.keys(stand.pin(31) + "#")
    visitor.sees("retry", "door_did_not_open")
    stand.frees(3)
    visitor.keys("#")
    at_door(visitor, 3, "door_open_collect")
    stand.take(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    visitor.keys("#")
    visitor.page.wait_for_selector("[data-screen=idle]")
    stand.recorded("parcel_collected")


def collect_several(visitor: Visitor) -> None:
    brings(visitor, 2, 3)
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 2, "door_open_collect")
    visitor.sees("door_open", "more_doors", n=1)
    stand.take(2)
    stand.close(2)
    at_door(visitor, 3, "door_open_collect")
    stand.take(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    assert [kind for kind, _ in stand.events()].count("parcel_collected") == 2


def says_empty(visitor: Visitor) -> None:
    brings(visitor, 2)
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 2, "door_open_collect")
    visitor.press("empty")
    visitor.sees("door_open", "close_support_is_told")
    stand.close(2)
    visitor.sees("done", "thank_you")
    stand.recorded("parcel_disputed", kind="empty")
    stand.recorded("compartment_disabled", reason="disputed")


def says_damaged(visitor: Visitor) -> None:
    brings(visitor, 3)
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 3, "door_open_collect")
    visitor.press("damaged")
    visitor.sees("door_open", "close_support_is_told")
    stand.take(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    stand.recorded("parcel_disputed", kind="damaged")
    stand.recorded("parcel_collected")


def collect_by_proxy(visitor: Visitor) -> None:
    """A forwarded link has a code of its own; whoever comes second finds nothing."""
    brings(visitor, 2)
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(77, 31, subject="proxy:1"))
    at_door(visitor, 2, "door_open_collect")
    stand.take(2)
    stand.close(2)
    visitor.sees("done", "thank_you")
    visitor.press("cancel")
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    visitor.sees("refused", "nothing_here")


def door_stays_shut_for_recipient(visitor: Visitor) -> None:
    brings(visitor, 2, limits={"open_wait_ms": 800})
    stand = visitor.stand
    stand.jam(2)
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    for left in (2, 1, 0):
        visitor.sees("retry", "door_did_not_open")
        visitor.sees("retry", "tries_left", n=left)
        visitor.press("try_again")
    visitor.sees("refused", "call_support")


def codes_refused(visitor: Visitor) -> None:
    """Of another locker, out of date, withdrawn, nobody's, a label where a code belongs, and too many wrong PINs."""
    stand = visitor.stand
    stand.want(revoked=[hex_id(8)])
    for code, reason in (
        (pickup_code(5, 31, at_ms=START_AT_MS - 2 * DAY_MS), "not_valid_now"),
        (pickup_code(6, 31, audience="locker:another"), "other_locker"),
        (pickup_code(8, 31), "revoked"),
        ("PW1:PAAAA", "untrusted"),
        ("PW001", "show_courier_code_first"),
    ):
        visitor.comes()
        stand.scan(code)
        visitor.sees("refused", reason)
        visitor.press("cancel")
    for tries in range(3):
        visitor.comes()
        visitor.keys("123456780#" if tries else "987654321#")
        visitor.page.wait_for_selector("[data-step=refused]")
        visitor.press("cancel")


def left_open(visitor: Visitor) -> None:
    """First the buzzer, then an alarm, then the door is blocked and the kiosk is there for others."""
    brings(visitor, 2, limits={"left_open_ms": 3_000, "left_open_alarm_ms": 4_000, "left_open_block_ms": 5_000})
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 2, "door_open_collect")
    stand.recorded("compartment_disabled", reason="left_open")
    visitor.page.wait_for_selector("[data-screen=idle]")
    stand.recorded("alarm_raised", alarm="door_blocked")


def cap_reached(visitor: Visitor) -> None:
    """More doors in a minute than the locker lets anybody open."""
    brings(visitor, 2, 3)
    stand = visitor.stand
    stand.want(reservations=[booked(1, 2, 31), booked(2, 3, 31)], limits={"openings_per_minute": 3})
    visitor.comes()
    stand.scan(pickup_code(2, 31))
    at_door(visitor, 2, "door_open_collect")
    stand.take(2)
    stand.close(2)
    visitor.sees("retry", "opening_cap")
    visitor.press("try_again")
    visitor.sees("retry", "opening_cap")
    assert [kind for kind, _ in stand.events()].count("unlock_authorised") == 3


def nobody_there(visitor: Visitor) -> None:
    """A warning, more time, and at last everything is wiped."""
    stand = visitor.stand
    stand.want(limits={"visit_idle_ms": 6_000})
    courier_comes(visitor)
    visitor.page.locator(".warning").get_by_text(visitor.say("still_there")).wait_for()
    visitor.press("more_time")
    visitor.page.wait_for_selector("[data-screen=idle]", timeout=15_000)
    stand.recorded("visit_ended", reason="idle")
    assert visitor.page.evaluate("document.documentElement.lang") == "en"


# --- senders ---------------------------------------------------------------------------------------------------


def drop_off_with_size(visitor: Visitor) -> None:
    """A return without a label: a code, a size, a low door, the receipt on the screen."""
    stand = visitor.stand
    visitor.comes()
    stand.scan(pickup_code(2, 41, operation=Operation.DROP_OFF))
    visitor.sees("size", "size_hint")
    visitor.press("accessible")
    visitor.page.locator("[data-choice=accessible][aria-pressed=true]").wait_for()
    visitor.sees("size")
    visitor.press(SMALL)
    at_door(visitor, 4, "door_open_drop_off")
    visitor.offers(*AT_DEPOSIT)
    stand.put(4)
    stand.close(4)
    visitor.sees("done", "thank_you")
    assert stand.recorded("parcel_deposited")["parcel_id"] == drop_off_parcel_id(hex_id(41))


def drop_off_booked(visitor: Visitor) -> None:
    """The cloud has booked a compartment; the sender first forgets to put the parcel in."""
    stand = visitor.stand
    plan = {**booked(1, 3, 41), "parcel_id": drop_off_parcel_id(hex_id(41))}
    stand.want(reservations=[plan])
    visitor.comes()
    stand.scan(pickup_code(2, 41, operation=Operation.DROP_OFF))
    at_door(visitor, 3, "door_open_drop_off")
    stand.close(3)
    visitor.sees("retry", "nothing_was_put_in")
    visitor.press("try_again")
    at_door(visitor, 3, "door_open_drop_off")
    stand.put(3)
    stand.close(3)
    visitor.sees("done", "thank_you")
    stand.recorded("parcel_deposited", origin="drop_off")


# --- technicians -----------------------------------------------------------------------------------------------


def technician_comes(visitor: Visitor, jti: int = 70, subject: str = "tech:anna") -> None:
    visitor.comes()
    visitor.stand.scan(technician_code(jti, subject, at_ms=visitor.stand.now_ms))
    visitor.sees("menu", "menu_hint")


def maintenance(visitor: Visitor) -> None:
    stand, page = visitor.stand, visitor.page
    technician_comes(visitor)
    visitor.press("choose_door")
    visitor.sees("menu", "choose_door_hint")
    page.locator(".doors button").nth(1).click()
    visitor.sees("menu", "door", no=2)
    visitor.press("out_of_service:2")
    visitor.sees("menu", "out_of_service")
    stand.recorded("compartment_disabled", compartment_no=2, reason="maintenance")
    visitor.press("choose_door")
    page.locator(".doors button").nth(1).click()
    visitor.press("in_service:2")
    visitor.sees("menu", "in_service")
    stand.recorded("compartment_enabled", compartment_no=2)
    visitor.press("choose_door")
    page.locator(".doors button").nth(1).click()
    visitor.press("open:2")
    at_door(visitor, 2, "door_open_maintain")
    stand.close(2)
    visitor.sees("menu", "menu_hint")
    visitor.press("done")
    visitor.sees("done", "thank_you")


def maintenance_by_keypad(visitor: Visitor) -> None:
    """The technician's code is scanned; everything after it is done with keys."""
    stand = visitor.stand
    technician_comes(visitor)
    visitor.keys("1")
    visitor.sees("menu", "choose_door_hint")
    visitor.keys("2#")
    visitor.sees("menu", "door", no=2)
    visitor.keys("1")
    at_door(visitor, 2, "door_open_maintain")
    stand.close(2)
    visitor.sees("menu", "menu_hint")
    visitor.keys("#")
    visitor.sees("done", "thank_you")


def open_all(visitor: Visitor) -> None:
    """Two persons, each with a code of their own."""
    stand = visitor.stand
    technician_comes(visitor)
    visitor.press("open_all")
    visitor.sees("second", "second_hint")
    stand.scan(technician_code(71, at_ms=stand.now_ms))
    visitor.sees("second", "same_person")
    stand.scan(pickup_code(72, 31, at_ms=stand.now_ms))
    visitor.sees("second", "operation_not_offered")
    stand.scan(technician_code(73, "tech:ben", at_ms=stand.now_ms))
    visitor.sees("menu", "all_opened")
    visitor.press("done")
    stand.recorded("visit_joined", actor="tech:ben")
    for no in range(1, 5):
        assert stand.view()["compartments"][no - 1]["door"] == "open"
        stand.close(no)


def open_all_waits_for_cap(visitor: Visitor) -> None:
    stand = visitor.stand
    stand.want(limits={"openings_per_minute": 2})
    technician_comes(visitor)
    visitor.press("open_all")
    stand.scan(technician_code(73, "tech:ben", at_ms=stand.now_ms))
    visitor.sees("opening", "waiting_for_cap")
    visitor.offers("cancel")
    visitor.press("cancel")
    visitor.sees("menu", "menu_hint")
    visitor.press("done")
    assert [kind for kind, _ in stand.events()].count("unlock_authorised") == 2


def reconciliation(visitor: Visitor) -> None:
    """Three doors as they should be, one that is not: out of service until somebody has cleared it up."""
    brings(visitor, 2, 3)
    stand = visitor.stand
    technician_comes(visitor)
    visitor.press("reconcile")
    for no, answer in ((1, "as_expected"), (2, "as_expected"), (3, "empty"), (4, "as_expected")):
        at_door(visitor, no, "door_open_reconcile")
        stand.close(no)
        visitor.sees("check", "check_hint")
        visitor.offers("found:as_expected", "found:empty", "found:other", "cancel")
        visitor.press(f"found:{answer}")
    visitor.sees("menu", "reconciled")
    visitor.press("done")
    assert stand.recorded("reconciliation_finished")["exceptions"] == 1
    stand.recorded("compartment_disabled", compartment_no=3, reason="reconciliation")


def decommissioning(visitor: Visitor) -> None:
    """Closed for the public; staff take the last parcel out, then it is over."""
    brings(visitor, 3)
    stand = visitor.stand
    stand.want(retrievals=["PW001"])
    stand.command("decommission")
    visitor.sees("closed", "decommissioning")
    stand.scan(courier_code(3, operation=Operation.RETRIEVE))
    at_door(visitor, 3, "door_open_retrieve")
    stand.take(3)
    stand.close(3)
    stand.recorded("decommissioned")
    visitor.sees("closed", "decommissioned")


# --- the list --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """`doors` of the two modules; the second one has sensors that see what is inside."""

    act: Callable[[Visitor], None]
    doors: tuple[int, int] = (2, 2)


FLOWS: Mapping[str, Flow] = {
    "deposit-assigned": Flow(deposit_assigned, (12, 12)),
    "deposit-unannounced": Flow(deposit_unannounced, (12, 12)),
    "deposit-too-big": Flow(deposit_too_big, (12, 12)),
    "deposit-dirty": Flow(deposit_dirty, (12, 12)),
    "deposit-stays-shut": Flow(deposit_stays_shut, (12, 12)),
    "deposit-person-says-shut": Flow(deposit_person_says_shut, (12, 12)),
    "deposit-nothing-put-in": Flow(nothing_put_in),
    "reopen-with-sensor": Flow(reopen_with_sensor),
    "reopen-without-sensor": Flow(reopen_without_sensor),
    "labels-refused": Flow(labels_refused),
    "locker-full": Flow(locker_full),
    "retrieval-of-expired": Flow(retrieval_of_expired),
    "collect-by-qr": Flow(collect_by_qr, (12, 12)),
    "collect-by-pin": Flow(collect_by_pin),
    "collect-by-keypad-alone": Flow(collect_by_keypad_alone),
    "collect-several": Flow(collect_several),
    "says-empty": Flow(says_empty),
    "says-damaged": Flow(says_damaged),
    "collect-by-proxy": Flow(collect_by_proxy),
    "recipient-door-stays-shut": Flow(door_stays_shut_for_recipient),
    "codes-refused": Flow(codes_refused),
    "left-open": Flow(left_open),
    "cap-reached": Flow(cap_reached),
    "nobody-there": Flow(nobody_there),
    "drop-off-with-size": Flow(drop_off_with_size, (12, 12)),
    "drop-off-booked": Flow(drop_off_booked),
    "maintenance": Flow(maintenance, (12, 12)),
    "maintenance-by-keypad": Flow(maintenance_by_keypad),
    "open-all": Flow(open_all),
    "open-all-waits-for-cap": Flow(open_all_waits_for_cap),
    "reconciliation": Flow(reconciliation),
    "decommissioning": Flow(decommissioning),
}
# One whole flow of each role, for every language.
ROLES = ("deposit-too-big", "collect-by-pin", "drop-off-with-size", "maintenance")
