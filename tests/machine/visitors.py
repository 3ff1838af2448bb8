"""Who comes to a locker in the playbooks, with real credentials, and the usual acts at its kiosk."""

from __future__ import annotations

from dataclasses import replace

from edge.core.locker.desired import Reservation
from edge.core.locker.model import (
    CheckPin,
    ChooseCounter,
    CounterChosen,
    PinChecked,
    PinEntered,
    Pressed,
    Scanned,
    TimerFired,
    TrustChanged,
)
from edge.ports import DoorState, PulseReply
from edge.wire.damm import damm_digit
from edge.wire.keys import Ed25519Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierAction, CourierGrant, issue_grant, sign_action
from edge.wire.pickup_token import PickupClaims, issue_token
from tests.fleets import make_fleet
from tests.machine.playbook import START_AT_MS, Playbook, hex_id

FLEET = make_fleet(devices=1)
COURIER = Ed25519Signer(b"c" * 32)
HERE = locker_audience("locker-1")
DAY_MS = 86_400_000


def courier_code(
    jti: int, audience: str = HERE, at_ms: int = START_AT_MS, operation: Operation = Operation.DEPOSIT,
    subject: str = "courier:7",
) -> str:  # fmt: skip
    """What a courier, or with `MAINTAIN` a technician, shows."""
    grant = CourierGrant(
        FLEET.name, subject, COURIER.public, (audience,), (operation,), at_ms, at_ms + DAY_MS, hex_id(50)
    )
    action = CourierAction(audience, operation, at_ms, at_ms + 300_000, hex_id(jti))
    return sign_action(action, issue_grant(grant, FLEET.pickup), COURIER)


def technician_code(jti: int, subject: str = "tech:anna", audience: str = HERE, at_ms: int = START_AT_MS) -> str:
    return courier_code(jti, audience, at_ms, Operation.MAINTAIN, subject)


def pickup_code(
    jti: int, pickup: int | None, audience: str = HERE, at_ms: int = START_AT_MS,
    operation: Operation = Operation.COLLECT, subject: str | None = None,
) -> str:  # fmt: skip
    """A recipient's QR code, or a sender's with `DROP_OFF`."""
    named = None if pickup is None else hex_id(pickup)
    claims = PickupClaims(FLEET.name, audience, operation, at_ms, at_ms + DAY_MS, hex_id(jti), named, subject)
    return issue_token(claims, FLEET.pickup)


def pin(number: int) -> str:
    digits = f"{number:08d}"
    return digits + damm_digit(digits)


def reservation(number: int, compartment_no: int, pickup: int, **changes: object) -> Reservation:
    plan = Reservation(hex_id(200 + number), f"PW00{number}", hex_id(pickup), compartment_no, START_AT_MS + DAY_MS, 0)
    return replace(plan, **changes)  # type: ignore[arg-type]


def book(compartments: int = 4) -> Playbook:
    """A locker in service, two parcels announced: PW001 for door 2, PW002 for door 3."""
    play = Playbook(compartments).boot()
    play.now = replace(play.now, at_ms=START_AT_MS)
    return play.when(TrustChanged(FLEET.bundle)).reserve(reservation(1, 2, 31), reservation(2, 3, 32))


def scan(play: Playbook, text: str) -> Playbook:
    return play.when(Scanned(text, play.fresh()))


def press(play: Playbook, action: str) -> Playbook:
    return play.when(Pressed(action, play.fresh()))


def enter_pin(play: Playbook, code: str, matches: str | None) -> Playbook:
    play.when(PinEntered(code, play.fresh()))
    checks = [effect for effect in play.effects if isinstance(effect, CheckPin)]
    if checks and checks[-1].attempt_id == play.state.session.visit_id:
        play.when(PinChecked(checks[-1].attempt_id, matches, play.fresh()))
    return play


def choose_counter(play: Playbook, counter: int | None = 0) -> Playbook:
    """Answer the question for a PIN counter that stands."""
    asked = [effect for effect in play.effects if isinstance(effect, ChooseCounter)][-1]
    return play.when(CounterChosen(asked.request_id, counter, play.fresh()))


def opens(play: Playbook, occupied: bool | None = None) -> Playbook:
    """The door of the newest pulse springs open."""
    return play.board_says(PulseReply.ACKED).door(play.pulses()[-1].channel.number, DoorState.OPEN, occupied)


def shut(play: Playbook, occupied: bool | None = None) -> Playbook:
    """The door of the newest pulse is shut."""
    return play.door(play.pulses()[-1].channel.number, DoorState.CLOSED, occupied)


def stays_shut(play: Playbook) -> Playbook:
    """The board acknowledges, the door does not move."""
    return play.board_says(PulseReply.ACKED).when(TimerFired(f"open:{play.pulses()[-1].authority_id}"))


def deposit(play: Playbook, parcel: str = "PW001", no: int = 2, counter: int = 0) -> Playbook:
    """A parcel of a pickup that has no code yet, put into `no`."""
    choose_counter(scan(play, parcel), counter)
    assert play.pulses()[-1].channel.number == no
    return shut(opens(play), occupied=True)


def delivered(play: Playbook) -> Playbook:
    """PW001 lies behind door 2, the courier has gone."""
    return press(deposit(scan(play, courier_code(1))), "done").when(TimerFired("session")).forget()
