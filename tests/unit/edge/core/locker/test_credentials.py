from __future__ import annotations

from dataclasses import replace

import pytest

from edge.core.locker.credentials import Credential, open_credential, wears_token
from edge.core.locker.state import LockerState
from edge.ports import Now
from edge.wire.pickup_claims import Operation, group_audience
from tests.fleets import make_fleet
from tests.machine.playbook import START_AT_MS, hex_id
from tests.machine.visitors import DAY_MS, FLEET, courier_code, pickup_code, technician_code

NOW = Now(0, START_AT_MS, "synced")


def state(**durable: object) -> LockerState:
    empty = LockerState("locker-1", "5" * 32, trust=FLEET.bundle)
    return replace(empty, durable=replace(empty.durable, **durable))  # type: ignore[arg-type]


def test_recipient_s_code_names_pickup_and_use() -> None:
    found = open_credential(pickup_code(3, 31), state(), NOW)
    assert found == Credential("recipient", Operation.COLLECT, hex_id(3), hex_id(31), None, START_AT_MS + DAY_MS)


def test_courier_s_code_names_the_courier_and_expires_with_its_action() -> None:
    found = open_credential(courier_code(4), state(), NOW)
    assert found == Credential("courier", Operation.DEPOSIT, hex_id(4), None, "courier:7", START_AT_MS + 300_000)


@pytest.mark.parametrize("make", [lambda: pickup_code(3, 31), lambda: courier_code(3)], ids=["recipient", "courier"])
def test_credential_that_a_visit_used_is_used(make) -> None:  # type: ignore[no-untyped-def]
    assert open_credential(make(), state(used_jtis={hex_id(3): START_AT_MS}), NOW) == "already_used"


def test_credential_that_was_withdrawn_is_revoked() -> None:
    locker = state()
    locker = replace(locker, desired=replace(locker.desired, revoked=frozenset({hex_id(3)})))
    assert open_credential(pickup_code(3, 31), locker, NOW) == "revoked"


def test_group_of_lockers_counts_only_for_its_members() -> None:
    code = pickup_code(3, 31, audience=group_audience("north"))
    locker = state()
    assert open_credential(code, locker, NOW) == "other_locker"
    member = replace(locker, desired=replace(locker.desired, audiences=frozenset({"group:north"})))
    assert isinstance(open_credential(code, member, NOW), Credential)


@pytest.mark.parametrize("at_ms", [START_AT_MS - 1, START_AT_MS + DAY_MS], ids=["a moment early", "at its end"])
def test_credential_outside_its_time_is_not_valid_now(at_ms: int) -> None:
    assert open_credential(pickup_code(3, 31), state(), Now(0, at_ms, "synced")) == "not_valid_now"


@pytest.mark.parametrize("make", [lambda: pickup_code(3, 31), lambda: courier_code(3)], ids=["recipient", "courier"])
@pytest.mark.parametrize("behind_ms", [60_000, 40 * DAY_MS, START_AT_MS], ids=["a minute", "40 days", "1970"])
def test_clock_that_stands_at_its_floor_finds_nothing_too_early_and_what_has_ended_ended(make, behind_ms: int) -> None:  # type: ignore[no-untyped-def]
    assert isinstance(open_credential(make(), state(), Now(0, START_AT_MS - behind_ms, "floor")), Credential)
    assert open_credential(make(), state(), Now(0, START_AT_MS - behind_ms, "synced")) == "not_valid_now"
    assert open_credential(make(), state(), Now(0, START_AT_MS + DAY_MS, "floor")) == "not_valid_now"


def test_code_of_another_fleet_or_with_a_changed_character_or_without_trust_opens_nothing() -> None:
    code = pickup_code(3, 31)
    foreign = replace(state(), trust=make_fleet(devices=1, seed=9).bundle)
    assert open_credential(code, foreign, NOW) == "untrusted"
    assert open_credential(code, replace(state(), trust=None), NOW) == "untrusted"
    for place in range(4, len(code), 17):
        changed = code[:place] + ("A" if code[place] != "A" else "B") + code[place + 1 :]
        assert isinstance(open_credential(changed, state(), NOW), str)


@pytest.mark.parametrize(
    ("code", "kind", "purpose"),
    [
        (pickup_code(3, 31, operation=Operation.DROP_OFF), "sender", "deposit"),
        (pickup_code(3, None, operation=Operation.MAINTAIN, subject="tech:a"), "technician", "maintain"),
        (courier_code(3, operation=Operation.RETRIEVE), "courier", "retrieve"),
        (technician_code(3), "technician", "maintain"),
    ],
    ids=["sender", "technician's token", "retrieval", "technician's action"],
)
def test_operation_says_whose_visit_it_is_and_what_for(code: str, kind: str, purpose: str) -> None:
    found = open_credential(code, state(), NOW)
    assert isinstance(found, Credential) and (found.kind, found.purpose) == (kind, purpose)


@pytest.mark.parametrize(
    "code",
    [
        pickup_code(3, 31, operation=Operation.DEPOSIT), pickup_code(3, 31, operation=Operation.RETRIEVE),
        pickup_code(3, None, operation=Operation.DROP_OFF), pickup_code(3, None, operation=Operation.MAINTAIN),
        courier_code(3, operation=Operation.COLLECT), courier_code(3, operation=Operation.DROP_OFF),
    ],
    ids=range(6),
)  # fmt: skip
def test_operation_that_a_locker_does_not_offer_is_refused(code: str) -> None:
    assert open_credential(code, state(), NOW) == "operation_not_offered"


def test_only_a_credential_wears_one() -> None:
    assert wears_token(pickup_code(1, 31)) and wears_token(courier_code(1)) and not wears_token("PW001")
