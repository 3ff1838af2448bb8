"""The quick way of parsing an event accepts and means exactly what the thorough way does."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.wire.errors import WireError
from edge.wire.event import EventDraft, LogIdentity, _parse_any, _parse_plain, encode_event

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(max_size=12))
DATA = st.dictionaries(st.from_regex(r"[a-z0-9_]{1,6}", fullmatch=True), SCALARS, max_size=5)
IDENTITY = LogIdentity("test.fleet", "locker-0001", "ab" * 16, 3)
BASE = encode_event(EventDraft("heartbeat", {"a": 1, "b": "x"}, 1_790_000_000_123), IDENTITY, 12)


def verdict(parse, raw: bytes) -> object:
    try:
        return parse(raw)
    except WireError:
        return None


def encodable(text: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


@settings(max_examples=100)
@given(DATA, st.integers(0, 2**41), st.integers(0, 2**53 - 1))
def test_plain_parse_of_an_encoded_event_equals_the_thorough_parse(data, at_ms, seq) -> None:
    if not all(encodable(value) for value in data.values() if isinstance(value, str)):
        return
    raw = encode_event(EventDraft("heartbeat", data, at_ms), IDENTITY, seq)
    quick = _parse_plain(raw)
    assert quick is None or quick == _parse_any(raw)


@settings(max_examples=100)
@given(
    st.integers(0, len(BASE)),
    st.integers(0, 4),
    st.binary(max_size=3) | st.sampled_from([b'"a":1,', b"-0", b"\\u0041", b"\xff"]),
)
@example(BASE.index(b'"a":1'), 0, b'"a":1,')
@example(BASE.index(b'"a":1'), 0, b'"c":1,')
@example(BASE.index(b'"a":1') + 4, 1, b"-0")
@example(BASE.index(b'"a":1') + 4, 1, b"01")
@example(BASE.index(b'"a":1') + 4, 1, b"1.0")
def test_plain_parse_never_accepts_what_the_thorough_parse_refuses(at, cut, piece) -> None:
    raw = BASE[:at] + piece + BASE[at + cut :]
    quick = verdict(_parse_plain, raw)
    assert quick is None or quick == verdict(_parse_any, raw)


def test_plain_parse_takes_the_quick_way_for_ordinary_events() -> None:
    assert _parse_plain(BASE) == _parse_any(BASE)
    assert json.loads(BASE)["seq"] == 12
