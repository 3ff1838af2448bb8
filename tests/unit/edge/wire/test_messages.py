"""Bodies of messages: round trips, limits, inflation, and nothing but wire errors for any bytes."""

from __future__ import annotations

import dataclasses
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import cbor
from edge.wire.envelope import Kind
from edge.wire.errors import Malformed, TooLarge, WireError
from edge.wire.keys import Role, RoleKey, TrustAnchor, TrustBundle
from edge.wire.merkle import Frontier
from edge.wire.messages import (
    MAX_INFLATED_BYTES,
    PARSERS,
    Batch,
    Bundle,
    Command,
    Desired,
    Hello,
    Hint,
    Refusal,
    Rewind,
    Secret,
    Welcome,
    inflate,
)

STREAM = "0123456789abcdef" * 2
whole = st.integers(0, 2**53 - 1)
device_ids = st.from_regex(r"[a-z0-9-]{3,40}", fullmatch=True)
fleets = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,39}", fullmatch=True)
hex_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
nonces = st.binary(min_size=16, max_size=16)
notes = st.binary(max_size=300)
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.binary(max_size=8)
plain = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
events = st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=20).map(tuple)
role_keys = st.builds(RoleKey, st.binary(min_size=32, max_size=32), whole, whole)


@st.composite
def hellos(draw: st.DrawFn) -> Hello:
    leaves = draw(st.lists(st.binary(min_size=32, max_size=32), max_size=9))
    base = Frontier().append(leaves)
    return Hello(draw(device_ids), draw(fleets), draw(hex_ids), draw(whole), draw(st.just(b"") | nonces), draw(notes),
                 base.size, base.to_bytes(), draw(notes), draw(texts), draw(whole), draw(whole))  # fmt: skip


anchors = st.builds(TrustAnchor, st.binary(min_size=1, max_size=64), whole)


@st.composite
def commands(draw: st.DrawFn) -> Command:
    start, life = draw(st.integers(0, 2**52)), draw(st.integers(1, 60_000))
    args = draw(st.dictionaries(st.text(max_size=8), plain, max_size=3))
    return Command(draw(hex_ids), draw(device_ids), draw(nonces), draw(texts), args, start, start + life, draw(texts),
                   draw(texts))  # fmt: skip


messages = st.one_of(
    hellos(),
    commands(),
    st.builds(Batch, device_ids, hex_ids, whole, notes, events),
    st.builds(Hint, device_ids, st.binary(max_size=300)),
    st.builds(Welcome, device_ids, nonces, whole, hex_ids, whole, whole, whole,
              st.just(b"") | st.binary(min_size=32, max_size=32), whole),
    st.builds(Rewind, device_ids, hex_ids, whole, whole),
    st.builds(Refusal, device_ids, texts, texts, texts, whole),
    st.builds(Desired, device_ids, whole, whole, st.binary(max_size=300)),
    st.builds(Secret, device_ids, texts, whole, st.binary(max_size=200)),
    st.builds(Bundle, st.builds(TrustBundle, fleets, whole, whole, st.dictionaries(
        st.sampled_from(Role), st.lists(role_keys, max_size=3).map(tuple), max_size=3),
        st.lists(anchors, max_size=3).map(tuple))),
)  # fmt: skip


@settings(max_examples=150)
@given(messages)
def test_message_round_trip(message: Any) -> None:
    body = message.encode()
    assert PARSERS[message.KIND](body) == message
    assert PARSERS[message.KIND](body).encode() == body


@settings(max_examples=150)
@given(messages, st.data())
def test_message_with_any_byte_altered_is_refused_or_says_something_else(message: Any, data: st.DataObject) -> None:
    body = message.encode()
    place = data.draw(st.integers(0, len(body) - 1))
    wrong = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    try:
        other = PARSERS[message.KIND](wrong)
    except WireError:
        return
    if message.KIND is not Kind.BATCH:  # deflate knows many spellings of the same bytes; the root decides there
        assert other != message


@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=80), plain)
def test_parse_of_any_bytes_raises_nothing_but_wire_errors(kind: Kind, data: bytes, value: Any) -> None:
    for body in (data, cbor.encode({"device_id": "abc", "value": value})):
        with pytest.raises(WireError):
            PARSERS[kind](body)


COMMAND = Command("c0" * 16, "locker-0001", bytes(16), "open", {"compartment_no": 7}, 1000, 61_000, "a", "b")


@pytest.mark.parametrize("expires_at_ms", [61_001, 1000, 999, 0])
def test_command_that_lives_too_long_or_not_at_all_is_refused(expires_at_ms: int) -> None:
    with pytest.raises(Malformed):
        Command.parse(dataclasses.replace(COMMAND, expires_at_ms=expires_at_ms).encode())


def test_command_with_a_float_cannot_be_encoded() -> None:
    with pytest.raises(Malformed):
        dataclasses.replace(COMMAND, args={"weight": 1.5}).encode()


def test_member_unknown_to_v1_is_passed_over() -> None:
    body = cbor.decode(COMMAND.encode(), where="test")
    assert Command.parse(cbor.encode({**body, "later": 1})) == COMMAND


BATCH = Batch("locker-0001", STREAM, 0, b"note", (b"one", b"two"))


@pytest.mark.parametrize(
    ("events", "error"),
    [
        pytest.param((), Malformed, id="none"),
        pytest.param((b"e",) * 501, TooLarge, id="501-events"),
        pytest.param((bytes(16_384),) * 4 + (b"e",), TooLarge, id="over-64-kib"),
        pytest.param((bytes(16_385),), TooLarge, id="event-over-16-kib"),
    ],
)
def test_batch_outside_its_size_is_refused_both_ways(events: tuple[bytes, ...], error: type[WireError]) -> None:
    with pytest.raises(error):
        dataclasses.replace(BATCH, events=events).encode()
    body = cbor.decode(BATCH.encode(deflate=False), where="test")
    with pytest.raises(error):
        Batch.parse(cbor.encode({**body, "events": cbor.encode(events)}))


def test_batch_at_its_limits_is_taken() -> None:
    for events in ((b"e" * 131,) * 500, (bytes(16_384),) * 4):
        batch = dataclasses.replace(BATCH, events=events)
        assert Batch.parse(batch.encode()) == Batch.parse(batch.encode(deflate=False)) == batch


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"encoding": "gzip"}, id="unknown-encoding"),
        pytest.param({"events": cbor.encode(["text"])}, id="text-event"),
        pytest.param({"events": cbor.encode({})}, id="map"),
        pytest.param({"events": b"\x82\x43one"}, id="cut"),
        pytest.param({"events": b"\x9f\x43one\xff"}, id="indefinite"),
        pytest.param({"encoding": "deflate"}, id="not-deflated"),
        pytest.param({"first": -1}, id="first-negative"),
        pytest.param({"stream": "x"}, id="stream"),
        pytest.param({"checkpoint": bytes(2049)}, id="long-note"),
    ],
)
def test_batch_with_a_wrong_member_is_refused(change: dict[str, Any]) -> None:
    body = cbor.decode(BATCH.encode(deflate=False), where="test")
    with pytest.raises(WireError):
        Batch.parse(cbor.encode({**body, **change}))


def test_inflate_of_a_stored_block_written_by_hand() -> None:
    # 78 01: zlib header; 01: last block, stored; 03 00 fc ff: length 3; the bytes; adler-32 of "abc".
    stream = bytes.fromhex("7801 01 0300fcff 616263 024d0127")
    assert inflate(stream, 3) == b"abc"
    with pytest.raises(TooLarge):
        inflate(stream, 2)
    for wrong in (stream[:-1], stream + b"\0", stream[:-1] + b"\x28", b"", stream[2:]):
        with pytest.raises(Malformed):
            inflate(wrong, 3)


def test_batch_that_inflates_beyond_the_cap_is_refused_before_it_is_held() -> None:
    bomb = zlib.compress(bytes(50_000_000), 9)
    body = cbor.decode(BATCH.encode(), where="test")
    with pytest.raises(TooLarge):
        Batch.parse(cbor.encode({**body, "encoding": "deflate", "events": bomb}))
    assert len(bomb) < MAX_INFLATED_BYTES


HELLO = Hello("locker-0001", "test.fleet", STREAM, 0, b"", b"", 0, b"", b"", "1", 0, 0)


@pytest.mark.parametrize(
    "change",
    [{"nonce": bytes(15)}, {"base_size": 1}, {"base_peaks": bytes(32)}, {"base_size": 3, "base_peaks": bytes(32)},
     {"receipt": bytes(2049)}, {"agent": "a" * 65}, {"device_id": "x"}, {"fleet": "X"}, {"boot": -1}],
    ids=str,
)  # fmt: skip
def test_hello_with_a_wrong_member_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        Hello.parse(dataclasses.replace(HELLO, **change).encode())


@pytest.mark.parametrize(
    "roles",
    [{"owner": []}, {"pickup": {}}, {"pickup": [[bytes(32), 0]]}, {"pickup": [[bytes(31), 0, 1]]},
     {"pickup": [[bytes(32), -1, 1]]}, {"pickup": [[bytes(32), 0, 2**53]]}, {"pickup": [[bytes(32), True, 1]]},
     {"pickup": [[bytes(32), 0, 1]] * 9}, {"pickup": [bytes(32)]}],
    ids=str,
)  # fmt: skip
def test_bundle_with_wrong_roles_is_refused(roles: Any) -> None:
    with pytest.raises(Malformed):
        Bundle.parse(cbor.encode({"fleet": "f", "version": 1, "issued_at_ms": 0, "roles": roles}))


@pytest.mark.parametrize(
    "anchors",
    [{}, [[b"x"]], [[b"", 1]], [["x", 1]], [[bytes(4097), 1]], [[b"x", -1]], [[b"x", 2**53]], [[b"x", 1]] * 9],
    ids=["map", "no-end", "empty", "text", "too-long", "early", "late", "too-many"],
)
def test_bundle_with_wrong_anchors_is_refused(anchors: Any) -> None:
    body = {"fleet": "f", "version": 1, "issued_at_ms": 0, "roles": {}, "anchors": anchors}
    with pytest.raises(Malformed):
        Bundle.parse(cbor.encode(body))
