"""Reading an expected event accepts only what the thorough parse and the table of types accept, and means the same."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.wire import canonical
from edge.wire.errors import WireError
from edge.wire.event import EventDraft, LogIdentity, encode_event, parse_event
from edge.wire.event_types import EVENT_TYPES, EventType, Member, check_payload
from edge.wire.expected_event import ExpectedEvents, KnownEvent

STREAM, DEVICE, FLEET = "ab" * 16, "locker-0001", "test.fleet"
IDENTITY = LogIdentity(FLEET, DEVICE, STREAM, 3)
EXPECTED = ExpectedEvents(FLEET, DEVICE, STREAM)
AT_MS = 1_790_000_000_123
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text("aA\u00e9\x7f\x85\\\"\n -~", max_size=6),
    st.lists(st.integers(0, 9), max_size=2), st.just({"id": 1}),
    st.sampled_from(["A" * 40, "a" * 64, "a" * 201, 10000]),
)  # fmt: skip


def ordinary(member: Member) -> st.SearchStrategy[Any]:
    return st.from_regex(member.pattern, fullmatch=True).map(
        lambda text: canonical.parse(f'{{"a":{text}}}'.encode())["a"]
    )


@st.composite
def payloads(draw: st.DrawFn) -> tuple[EventType, dict[str, Any]]:
    """A type with a payload that fits it, at times with one member made odd, dropped or added."""
    row = draw(st.sampled_from(sorted(EVENT_TYPES.values(), key=lambda row: row.name)))
    members = row.members.items()
    data = {n: draw(ordinary(m)) for n, m in members if not m.optional or draw(st.booleans())}
    match draw(st.sampled_from(["as it is", "as it is", "odd", "dropped", "added"])):
        case "odd" if data:
            data[draw(st.sampled_from(sorted(data)))] = draw(ODD)
        case "dropped" if data:
            del data[draw(st.sampled_from(sorted(data)))]
        case "added":
            data[draw(st.sampled_from(["aaa", "parcel_id", "zzz", "compartment_no"]))] = draw(ODD)
    return row, data


def thorough(raw: bytes, seq: int) -> KnownEvent | None:
    try:
        event = parse_event(raw)
        check_payload(event.type, event.data)
    except WireError:
        return None
    if (event.fleet, event.device_id, event.stream, event.seq) != (FLEET, DEVICE, STREAM, seq):
        return None
    parcel, compartment = event.data.get("parcel_id"), event.data.get("compartment_no")
    return KnownEvent(
        event.type, event.at_ms, parcel if type(parcel) is str else None,
        compartment if type(compartment) is int else None, event.boot, event.clock, canonical.encode(event.data),
    )  # fmt: skip


@settings(max_examples=150)
@given(payloads(), st.integers(0, 2**41), st.sampled_from([0, 12, 10**15 - 1, 2**53 - 1]))
def test_read_of_any_encoded_event_equals_the_thorough_parse_or_says_nothing(typed, at_ms, seq) -> None:
    row, data = typed
    raw = encode_event(EventDraft(row.name, data, at_ms), IDENTITY, seq)
    quick = EXPECTED.read(raw, seq)
    assert quick is None or quick == thorough(raw, seq)
    assert quick is None or quick.data() == data


BASE = encode_event(
    EventDraft("parcel_collected", {"parcel_id": "AB-1234", "compartment_no": 7, "visit_id": "cd" * 16}, AT_MS),
    IDENTITY,
    12,
)
SMUGGLED = b'{"boot":3,"clock":"synced","data":{"uptime_s":1},"id":"x","time":"2026","type":"heartbeat"}'


@settings(max_examples=200)
@given(
    st.integers(0, len(BASE)),
    st.integers(0, 4),
    st.binary(max_size=3)
    | st.sampled_from([b'"a":1,', b"-0", b"0", b"\\u0041", b"\xff", b",", b"}", b"{", b"\n", SMUGGLED]),
)
@example(BASE.index(b'":7') + 2, 0, b"0")
@example(BASE.index(b'":7') + 3, 0, b",")
@example(BASE.index(b'":7') + 2, 1, b"7.0")
@example(BASE.index(b'"parcel_id"'), 0, b'"parcel_id":"AB-1234",')
@example(BASE.index(b'"time":"2026') + 12, 1, b" ")
@example(BASE.index(b'"time":"2026') + 13, 2, b"13")
@example(BASE.index(b'"specversion":"1') + 15, 1, b"2")
@example(len(BASE), 0, b"\n")
def test_read_of_changed_bytes_never_accepts_what_the_thorough_parse_refuses(at, cut, piece) -> None:
    raw = BASE[:at] + piece + BASE[at + cut :]
    quick = EXPECTED.read(raw, 12)
    assert quick is None or quick == thorough(raw, 12)


@pytest.mark.parametrize("row", EVENT_TYPES.values(), ids=lambda row: row.name)
def test_read_of_an_ordinary_event_of_each_type_takes_the_quick_way(row: EventType) -> None:
    data = {name: ORDINARY[member.kind] for name, member in row.members.items()}
    raw = encode_event(EventDraft(row.name, data, AT_MS), IDENTITY, 12)
    assert EXPECTED.read(raw, 12) == thorough(raw, 12) != None  # noqa: E711


@pytest.mark.parametrize("seq", [11, 13, 1, 120])
def test_read_of_an_event_in_another_place_says_nothing(seq: int) -> None:
    assert EXPECTED.read(BASE, seq) is None


@pytest.mark.parametrize(
    "other",
    [ExpectedEvents("other", DEVICE, STREAM), ExpectedEvents(FLEET, "locker-0002", STREAM),
     ExpectedEvents(FLEET, DEVICE, "cd" * 16)],
    ids=["fleet", "device", "stream"],
)  # fmt: skip
def test_read_of_another_source_says_nothing(other: ExpectedEvents) -> None:
    assert other.read(BASE, 12) is None


MEMBERS = {member.kind: member for row in EVENT_TYPES.values() for member in row.members.values()}
ORDINARY: dict[str, Any] = {
    kind: next(
        value for value in (1, "AB-1234", "cd" * 16, "ordinary", True, *re.split(", | or ", kind)) if m.check(value)
    )
    for kind, m in MEMBERS.items()
}


@settings(max_examples=60)
@given(st.sampled_from(sorted(MEMBERS)), st.data())
def test_pattern_of_a_member_matches_only_what_its_check_passes(kind: str, data: st.DataObject) -> None:
    assert MEMBERS[kind].check(data.draw(ordinary(MEMBERS[kind])))
