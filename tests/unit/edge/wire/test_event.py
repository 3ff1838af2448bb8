"""Events: hand-written bytes, round trips, one encoding only, and both readers (plain and general) of one mind."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import canonical
from edge.wire.errors import Malformed, TooLarge, WireError
from edge.wire.event import (
    LATE_AFTER_MS,
    EventDraft,
    LogIdentity,
    encode_event,
    format_time,
    is_late,
    parse_event,
    parse_time,
)

STREAM = "0123456789abcdef" * 2
IDENTITY = LogIdentity("test.fleet", "locker-0001", STREAM, 3)
RAW = (
    b'{"boot":3,"clock":"synced","data":{"compartment_no":7},"id":"locker-0001/0123456789abcdef0123456789abcdef/41"'
    b',"seq":41,"source":"test.fleet/locker-0001","specversion":"1.0","stream":"0123456789abcdef0123456789abcdef"'
    b',"time":"2026-11-25T08:00:00.123Z","type":"door_closed"}'
)
AT_MS = 1_795_593_600_123

keys = st.from_regex(r"[a-z0-9_]{1,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
payloads = st.dictionaries(keys, scalars | st.lists(scalars, max_size=3) | st.dictionaries(keys, scalars, max_size=2),
                           max_size=4)  # fmt: skip
times = st.integers(-62_135_596_800_000, 253_402_300_799_999)
drafts = st.builds(EventDraft, st.from_regex(r"[a-z][a-z0-9_]{2,20}", fullmatch=True), payloads, times,
                   st.sampled_from(["synced", "floor"]))  # fmt: skip


def test_event_written_by_hand_is_what_the_encoder_makes() -> None:
    draft = EventDraft("door_closed", {"compartment_no": 7}, AT_MS)
    assert encode_event(draft, IDENTITY, 41) == RAW
    event = parse_event(RAW)
    assert (event.device_id, event.fleet, event.stream, event.seq, event.boot) == (
        "locker-0001", "test.fleet", STREAM, 41, 3)  # fmt: skip
    assert (event.type, event.at_ms, event.clock, event.data, event.raw) == (
        "door_closed", AT_MS, "synced", {"compartment_no": 7}, RAW)  # fmt: skip


@given(drafts, st.integers(0, 2**53 - 1))
def test_event_round_trip(draft: EventDraft, seq: int) -> None:
    raw = encode_event(draft, IDENTITY, seq)
    event = parse_event(raw)
    assert (event.type, event.data, event.at_ms, event.clock) == (draft.type, draft.data, draft.at_ms, draft.clock)
    assert (event.seq, event.boot, event.stream) == (seq, 3, STREAM)
    assert canonical.parse(raw) == json.loads(raw)


def agrees_with_the_general_reader(raw: bytes) -> None:
    """Whatever `parse_event` takes must be canonical and mean the same to the general JSON reader."""
    try:
        event = parse_event(raw)
    except WireError:
        return
    body = canonical.parse(raw)
    assert body["id"] == f"{event.device_id}/{event.stream}/{event.seq}"
    assert body["source"] == f"{event.fleet}/{event.device_id}"
    assert (body["boot"], body["clock"], body["type"]) == (event.boot, event.clock, event.type)
    assert (body["time"], body["data"], body["specversion"]) == (format_time(event.at_ms), event.data, "1.0")


@settings(max_examples=200)
@given(drafts, st.data())
def test_event_with_any_byte_altered_is_refused_or_says_something_else(draft: EventDraft, data: st.DataObject) -> None:
    raw = encode_event(draft, IDENTITY, 5)
    place = data.draw(st.integers(0, len(raw) - 1))
    agrees_with_the_general_reader(raw[:place] + data.draw(st.binary(max_size=2)) + raw[place + 1 :])


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'{"a":":","a":1}', b'{"a":":"}', b'{"a":"":"b"}', b'{"a":-0}',
        b'{"a":00}', b'{"a":1000000000000000}', b'{"a":9007199254740992}', b'{"a":"\\u0041"}', b'{"a":"\\n"}',
        b'{"a":"\x7f"}', b'{"a":"\x1f"}', b'{"a":"\xe2\x80\xa8"}', b'{"a":"\xed\xa0\x80"}', b'{"a":{"b":1}}',
        b'{"a":[]}', b"[]", b"{}", b"null", b'{"":1}', b'{"A":1}', b'{"a":1,}', b'{"a":1 }', b'{"a":1}}', b'"{}"',
    ],
)  # fmt: skip
def test_event_with_hostile_data_is_read_as_the_general_reader_does(data: bytes) -> None:
    raw = RAW.replace(b'{"compartment_no":7}', data)
    agrees_with_the_general_reader(raw)
    try:
        body = canonical.parse(raw)
    except WireError:
        with pytest.raises(WireError):
            parse_event(raw)
        return
    if type(body["data"]) is dict:
        assert parse_event(raw).data == body["data"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'"boot":3', b'"boot":-1', id="boot-negative"),
        pytest.param(b'"boot":3', b'"boot":true', id="boot-true"),
        pytest.param(b'"boot":3', b'"boot":"3"', id="boot-text"),
        pytest.param(b'"synced"', b'"guess"', id="clock"),
        pytest.param(b'{"compartment_no":7}', b"[]", id="data-list"),
        pytest.param(b'/41"', b'/42"', id="id-of-another-seq"),
        pytest.param(b'"id":"locker-0001', b'"id":"locker-0002', id="id-of-another-device"),
        pytest.param(b'"seq":41', b'"seq":42', id="seq-unlike-id"),
        pytest.param(b"test.fleet/locker-0001", b"test.fleet/locker-0002", id="source-unlike-id"),
        pytest.param(b"test.fleet/locker-0001", b"locker-0001", id="source-without-fleet"),
        pytest.param(b"test.fleet/locker-0001", b"Test/locker-0001", id="source-upper-case"),
        pytest.param(b'"1.0"', b'"1.1"', id="specversion"),
        pytest.param(b'"stream":"0', b'"stream":"1', id="stream-unlike-id"),
        pytest.param(b"T08:00:00.123Z", b"T08:00:00Z", id="time-without-ms"),
        pytest.param(b"T08:00:00.123Z", b"T08:00:00.123+00:00", id="time-offset"),
        pytest.param(b"2026-11-25", b"2026-02-29", id="no-such-day"),
        pytest.param(b"T08:00:00", b"T24:00:00", id="hour-24"),
        pytest.param(b"T08:00:00", b"T23:59:60", id="leap-second"),
        pytest.param(b"2026-11-25", b"0000-11-25", id="year-0"),
        pytest.param(b"door_closed", b"Door", id="type-upper-case"),
        pytest.param(b"door_closed", b"d", id="type-short"),
        pytest.param(b',"type":"door_closed"', b"", id="no-type"),
        pytest.param(b'"boot":3,', b"", id="no-boot"),
        pytest.param(b'{"boot"', b' {"boot"', id="space"),
    ],
)
def test_event_that_contradicts_the_profile_is_refused(old: bytes, new: bytes) -> None:
    assert RAW.count(old) == 1
    with pytest.raises(Malformed):
        parse_event(RAW.replace(old, new))


def test_event_with_members_unknown_to_v1_is_kept_in_its_bytes() -> None:
    raw = RAW.replace(b',"type"', b',"traceparent":"00-1","type"')
    assert parse_event(raw).raw == raw
    assert parse_event(raw).type == "door_closed"


def test_event_over_16_kib_is_refused_both_ways() -> None:
    with pytest.raises(TooLarge):
        encode_event(EventDraft("door_closed", {"a": "x" * 16384}, 0), IDENTITY, 0)
    with pytest.raises(TooLarge):
        parse_event(RAW + b" " * 16384)


@pytest.mark.parametrize("type_name", ["", "ab", "Door", "1door", "door closed", "door\n", "a" * 65])
def test_encode_event_of_no_type_name_is_refused(type_name: str) -> None:
    with pytest.raises(Malformed):
        encode_event(EventDraft(type_name, {}, 0), IDENTITY, 0)


@pytest.mark.parametrize("parts", [("Fleet", "abc", STREAM), ("f", "ab", STREAM), ("f", "abc", STREAM[:-1])])
def test_log_identity_outside_the_grammar_is_refused(parts: tuple[str, str, str]) -> None:
    with pytest.raises(Malformed):
        LogIdentity(*parts, 0)


@given(times)
def test_time_round_trip(at_ms: int) -> None:
    assert parse_time(format_time(at_ms)) == at_ms


@pytest.mark.parametrize("at_ms", [-(2**60), 2**60, 253_402_300_800_000])
def test_format_time_beyond_the_calendar_is_refused(at_ms: int) -> None:
    with pytest.raises(Malformed):
        format_time(at_ms)


def test_is_late_begins_a_millisecond_after_15_minutes() -> None:
    assert not is_late(0, LATE_AFTER_MS)
    assert is_late(0, LATE_AFTER_MS + 1)


@given(st.binary(max_size=200))
def test_parse_event_of_any_bytes_raises_nothing_but_wire_errors(data: bytes) -> None:
    for raw in (data, RAW[:50] + data, data + RAW[50:]):
        agrees_with_the_general_reader(raw)
