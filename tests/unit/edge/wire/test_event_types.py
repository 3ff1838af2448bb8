"""The table of event types: each row takes a payload that fits and names what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import canonical
from edge.wire.errors import Malformed
from edge.wire.event_types import EVENT_TYPES, EventType, Family, check_payload

GOOD: dict[str, Any] = {
    "id, 32 hex digits": "0a" * 16,
    "parcel id, the carrier's tracking number": "JJD-0001",
    "compartment_no, 1 to 9999": 9999,
    "code, a-z 0-9 _ . : -": "module:1",
    "text, at most 200 printable characters": "Größe 200 g",
    "whole number": 2**53 - 1,
    "integer": -4000,
    "true or false": True,
    "acked, refused, no_reply, fault or not_sent": "no_reply",
    "open, closed or unknown": "unknown",
    "opened, did_not_open, opened_unacknowledged or unverified": "did_not_open",
    "courier, recipient, sender, technician or remote": "sender",
    "announced, unannounced or drop_off": "drop_off",
    "too_big, dirty, did_not_open, occupied or out_of_service": "did_not_open",
    "empty or damaged": "empty",
    "as_expected, empty, occupied or other": "as_expected",
    "mains or battery": "battery",
    "image or agent": "agent",
    "lock_board or scanner": "scanner",
}
rows = pytest.mark.parametrize("row", EVENT_TYPES.values(), ids=list(EVENT_TYPES))


def payload(row: EventType) -> dict[str, Any]:
    return {name: GOOD[member.kind] for name, member in row.members.items()}


@rows
def test_payload_that_fits_is_taken_with_and_without_its_optional_members(row: EventType) -> None:
    full = payload(row)
    assert check_payload(row.name, full) is row
    needed = {name: full[name] for name, member in row.members.items() if not member.optional}
    assert check_payload(row.name, {**needed, "unknown_member": 1}) is row
    canonical.encode(full)


@rows
def test_payload_without_a_needed_member_is_refused_by_name(row: EventType) -> None:
    for name, member in row.members.items():
        if not member.optional:
            with pytest.raises(Malformed, match=f"without {name}"):
                check_payload(row.name, {key: value for key, value in payload(row).items() if key != name})


@rows
@pytest.mark.parametrize("wrong", [None, 1.5, -(2**53), "\n", b"", [], {}, "x" * 201], ids=repr)
def test_payload_with_a_member_of_another_kind_is_refused_by_place(row: EventType, wrong: Any) -> None:
    for name in row.members:
        with pytest.raises(Malformed) as caught:
            check_payload(row.name, {**payload(row), name: wrong})
        assert caught.value.where == f"{row.name}.{name}"


def test_unknown_type_is_refused() -> None:
    with pytest.raises(Malformed):
        check_payload("door_exploded", {})


def test_only_telemetry_waits_and_urgent_events_never_do() -> None:
    assert {row.name for row in EVENT_TYPES.values() if row.family is Family.TELEMETRY} == {
        "temperature_sampled", "heartbeat"}  # fmt: skip
    assert not any(row.urgent for row in EVENT_TYPES.values() if row.family is Family.TELEMETRY)


@given(st.sampled_from(sorted(EVENT_TYPES)), st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=4)))
def test_check_payload_of_anything_raises_nothing_but_malformed(name: str, data: dict[str, Any]) -> None:
    try:
        check_payload(name, data)
    except Malformed:
        return
