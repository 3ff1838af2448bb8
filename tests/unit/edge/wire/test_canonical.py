"""The JSON profile against RFC 8785's public cases: inside the profile the same bytes, outside it a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import canonical
from edge.wire.errors import Malformed
from tests.public_vectors import vectors

SAFE = 2**53 - 1
keys = st.from_regex(r"[a-z0-9_]{1,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-SAFE, SAFE) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
                      max_leaves=15)  # fmt: skip
documents = st.dictionaries(keys, values, max_size=5)


def published(name: str) -> tuple[Any, bytes]:
    folder = vectors("jcs", "testdata")
    octets = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
    return json.loads((folder / "input" / f"{name}.json").read_text()), octets


@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_published_documents_outside_the_profile_are_refused_both_ways(name: str) -> None:
    value, octets = published(name)
    with pytest.raises(Malformed):
        canonical.encode(value)
    with pytest.raises(Malformed):
        canonical.parse(octets)


def test_published_object_inside_the_profile_has_the_published_bytes() -> None:
    value, octets = published("arrays")
    inner = octets[len(b"[56,") : -1]
    assert canonical.encode(value[1]) == inner == b'{"1":[],"10":null,"d":true}'
    assert canonical.parse(inner) == value[1]


@pytest.mark.parametrize("name", ["french", "structures", "unicode", "values", "weird"])
def test_published_strings_and_literals_have_the_published_bytes_as_values(name: str) -> None:
    value, octets = published(name)
    for key, item in value.items():
        for text in (key, *([item] if isinstance(item, str) else [])):
            encoded = canonical.encode({"a": text})[len(b'{"a":') : -1]
            assert encoded in octets
            assert canonical.parse(b'{"a":' + encoded + b"}") == {"a": text}


@given(documents)
def test_canonical_round_trip(value: dict[str, Any]) -> None:
    octets = canonical.encode(value)
    assert canonical.parse(octets) == value
    assert json.loads(octets) == value


@given(documents, st.data())
def test_canonical_with_any_byte_altered_is_refused_or_says_something_else(value: Any, data: st.DataObject) -> None:
    octets = canonical.encode(value)
    place = data.draw(st.integers(0, len(octets) - 1))
    wrong = octets[:place] + bytes([octets[place] ^ data.draw(st.integers(1, 255))]) + octets[place + 1 :]
    try:
        other = canonical.parse(wrong)
    except Malformed:
        return
    assert canonical.encode(other) == wrong != octets


@settings(max_examples=200)
@given(st.binary(max_size=60) | st.text('{}[]":,0123456789.eE-+abtrufalsn\\ ', max_size=40).map(str.encode))
def test_canonical_parse_of_any_bytes_is_refused_or_reproduced(data: bytes) -> None:
    try:
        value = canonical.parse(data)
    except Malformed:
        return
    assert canonical.encode(value) == data


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"1", id="number"),
        pytest.param(b'{"a":1} ', id="space-behind"),
        pytest.param(b' {"a":1}', id="space-before"),
        pytest.param(b'{"a": 1}', id="space-inside"),
        pytest.param(b'{"b":1,"a":1}', id="unordered"),
        pytest.param(b'{"a":1,"a":1}', id="repeated"),
        pytest.param(b'{"a":1,"a":2}', id="repeated-differing"),
        pytest.param(b'{"A":1}', id="upper-case-key"),
        pytest.param(b'{"":1}', id="empty-key"),
        pytest.param(b'{"a-b":1}', id="dash-key"),
        pytest.param(b'{"a":1.0}', id="float"),
        pytest.param(b'{"a":1e3}', id="exponent"),
        pytest.param(b'{"a":-0}', id="minus-zero"),
        pytest.param(b'{"a":01}', id="leading-zero"),
        pytest.param(b'{"a":9007199254740992}', id="2-53"),
        pytest.param(b'{"a":-9007199254740992}', id="minus-2-53"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="5000-digits"),
        pytest.param(b'{"a":NaN}', id="nan"),
        pytest.param(b'{"a":Infinity}', id="infinity"),
        pytest.param(b'{"a":"\\u0061"}', id="needless-escape"),
        pytest.param(b'{"a":"\\/"}', id="escaped-slash"),
        pytest.param(b'{"a":"\\u000A"}', id="long-escape"),
        pytest.param(b'{"a":"\\ud800"}', id="escaped-surrogate"),
        pytest.param(b'{"a":"\xed\xa0\x80"}', id="raw-surrogate"),
        pytest.param(b'{"a":"\xff"}', id="not-utf-8"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte-order-mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="utf-16"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, id="17-deep"),
        pytest.param(b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", id="17-deep-lists"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="100000-deep"),
    ],
)
def test_canonical_parse_outside_the_profile_is_refused(octets: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        canonical.parse(octets, where="test")
    assert caught.value.where == "test"


@pytest.mark.parametrize(
    "value",
    [{"a": 1.0}, {"a": float("inf")}, {"a": SAFE + 1}, {"a": -SAFE - 1}, {"A": 1}, {1: 1}, {"a": b""}, {"a": {1}},
     {"a": "\ud800"}, {"a\n": 1}, {"a" * 65: 1}],
    ids=repr,
)  # fmt: skip
def test_canonical_encode_outside_the_profile_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        canonical.encode(value)


def test_canonical_takes_sixteen_levels_and_no_more() -> None:
    octets = b'{"a":' * 16 + b"1" + b"}" * 16
    value = canonical.parse(octets)
    assert canonical.encode(value) == octets
    with pytest.raises(Malformed):
        canonical.encode({"a": value})
    with pytest.raises(Malformed):
        canonical.parse(b'{"a":' + octets + b"}")


@pytest.mark.parametrize("value", [[], [1], "a", 1, None])
def test_canonical_encode_of_no_object_is_refused(value: Any) -> None:
    with pytest.raises(Malformed):
        canonical.encode(value)
