from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.locker.durable import Durable
from edge.core.locker.fold import KEPT_AUTHORITIES, KEPT_COMMANDS, KEPT_JTIS, fold
from edge.wire import canonical
from edge.wire.errors import Malformed
from tests.machine.playbook import START_AT_MS, hex_id

IDS = st.integers(0, 5).map(hex_id)
NOS = st.integers(1, 3)
EVENTS = st.one_of(
    st.tuples(st.just("visit_started"), st.fixed_dictionaries(
        {"visit_id": IDS, "kind": st.just("recipient"), "jti": IDS, "jti_expires_at_ms": st.integers(0, 2**50)})),
    st.tuples(st.just("unlock_authorised"), st.fixed_dictionaries(
        {"authority_id": IDS, "compartment_no": NOS, "visit_id": IDS, "try_no": st.just(1),
         "cause": st.sampled_from(("deposit", "collect", "inspect")), "parcel_id": st.just("PW001")})),
    st.tuples(st.just("unlock_finished"), st.fixed_dictionaries({"authority_id": IDS})),
    st.tuples(st.just("door_opened"), st.fixed_dictionaries({"compartment_no": NOS, "authority_id": IDS})),
    st.tuples(st.just("door_closed"), st.fixed_dictionaries({"compartment_no": NOS})),
    st.tuples(st.just("parcel_deposited"), st.fixed_dictionaries(
        {"compartment_no": NOS, "parcel_id": st.sampled_from(("PW001", "PW002")), "pickup_id": IDS,
         "pin_generation": st.just(0), "pin_counter": st.integers(0, 3)})),
    st.tuples(st.just("parcel_collected"), st.fixed_dictionaries(
        {"compartment_no": NOS, "parcel_id": st.just("PW001")})),
    st.tuples(st.just("command_finished"), st.fixed_dictionaries({"command_id": IDS, "outcome": st.just("opened")})),
    st.tuples(st.just("pin_attempted"), st.just({})),
    st.tuples(st.just("alarm_raised"), st.fixed_dictionaries({"alarm": st.sampled_from(("a", "b"))})),
    st.tuples(st.just("compartment_disabled"), st.fixed_dictionaries(
        {"compartment_no": NOS, "reason": st.just("unverified")})),
    st.tuples(st.just("a_type_of_a_later_release"), st.just({})),
)  # fmt: skip


def folded(state: Durable, events: list[tuple[str, Any]]) -> Durable:
    for number, (name, data) in enumerate(events):
        state = fold(state, name, data, START_AT_MS + number)
    return state


@given(st.lists(EVENTS, max_size=40), st.integers(0, 40))
def test_snapshot_at_any_place_and_the_tail_give_the_same_memory_in_the_same_order(
    events: list[tuple[str, Any]], place: int
) -> None:
    whole = folded(Durable(), events)
    middle = Durable.from_bytes(folded(Durable(), events[:place]).to_bytes())
    tail = middle
    for number, (name, data) in enumerate(events):
        tail = fold(tail, name, data, START_AT_MS + number) if number >= place else tail
    assert tail == whole and tail.to_bytes() == whole.to_bytes()
    for name in ("authorities", "used_jtis", "commands"):
        assert list(getattr(tail, name)) == list(getattr(whole, name))


def test_authorities_under_way_are_never_forgotten_and_ended_ones_are_bounded() -> None:
    state = Durable()
    for number in range(300):
        data = {
            "authority_id": hex_id(number),
            "compartment_no": 1,
            "visit_id": hex_id(1),
            "cause": "inspect",
            "try_no": 1,
        }
        state = fold(state, "unlock_authorised", data, START_AT_MS)
        if number:
            state = fold(state, "unlock_finished", {"authority_id": hex_id(number)}, START_AT_MS)
    assert hex_id(0) in state.authorities and hex_id(299) in state.authorities
    assert len(state.authorities) <= KEPT_AUTHORITIES + 2


@pytest.mark.parametrize(
    ("name", "kept", "member", "limit"),
    [
        ("credential_restored", "used_jtis", "jti", KEPT_JTIS),
        ("command_finished", "commands", "command_id", KEPT_COMMANDS),
    ],
)
def test_oldest_go_first_when_memory_is_full(name: str, kept: str, member: str, limit: int) -> None:
    state = Durable()
    for number in range(limit + 2):
        state = fold(state, name, {member: hex_id(number), "jti_expires_at_ms": 1, "outcome": "opened"}, START_AT_MS)
    assert list(getattr(state, kept)) == [hex_id(number) for number in range(2, limit + 2)]


def test_parcel_restored_twice_lies_there_once() -> None:
    data = {"compartment_no": 1, "parcel_id": "PW001"}
    state = folded(Durable(), [("compartment_restored", data), ("compartment_restored", data)])
    assert [held.parcel_id for held in state.slot(1).held] == ["PW001"]


def test_new_stream_begins_with_nothing() -> None:
    state = fold(Durable(), "parcel_deposited", {"compartment_no": 1, "parcel_id": "PW001"}, START_AT_MS)
    assert fold(state, "stream_started", {"reason": "first_start"}, START_AT_MS) == Durable()


def test_snapshot_of_another_version_is_refused() -> None:
    body = canonical.parse(Durable().to_bytes(), where="test")
    for version in (2, None, "1"):
        with pytest.raises(Malformed):
            Durable.from_bytes(canonical.encode({**body, "v": version}))
