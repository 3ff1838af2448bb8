"""Envelopes and the reader of bodies: whose signature, which shape, and nothing but wire errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import cbor
from edge.wire.envelope import (
    MAX_ENVELOPE_BYTES,
    SELF_SIGNED,
    Fields,
    Kind,
    dump_map,
    open_envelope,
    seal,
    signed_bytes,
    wrap,
)
from edge.wire.errors import BadSignature, Malformed, TooLarge, WireError
from edge.wire.keys import Ed25519Signer, key_id

A, B = Ed25519Signer(bytes(32)), Ed25519Signer(bytes(range(32)))
kinds = st.sampled_from(sorted(set(Kind) - SELF_SIGNED))
KID, SIG = key_id(A.public), bytes(64)


@given(kinds, st.binary(max_size=300))
def test_sealed_envelope_round_trip(kind: Kind, body: bytes) -> None:
    envelope = open_envelope(seal(kind, body, A))
    assert (envelope.kind, envelope.body, envelope.key_id) == (kind, body, KID)
    envelope.verify(A.public)
    with pytest.raises(BadSignature):
        envelope.verify(B.public)


@given(kinds, kinds, st.binary(max_size=20))
def test_signature_of_one_kind_never_passes_for_another(kind: Kind, other: Kind, body: bytes) -> None:
    envelope = open_envelope(seal(kind, body, A))
    moved = open_envelope(cbor.encode([1, other.value, body, envelope.key_id, envelope.signature]))
    if kind != other:
        with pytest.raises(BadSignature):
            moved.verify(A.public)


def test_signed_bytes_begin_with_the_context() -> None:
    assert signed_bytes(Kind.COMMAND, b"body") == b"parcelworks/command/v1\x00body"


@pytest.mark.parametrize("kind", sorted(SELF_SIGNED))
def test_wrapped_envelope_carries_no_signature(kind: Kind) -> None:
    envelope = open_envelope(wrap(kind, b"body"))
    assert (envelope.kind, envelope.key_id, envelope.signature) == (kind, b"", b"")


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param([], id="empty"),
        pytest.param({}, id="map"),
        pytest.param([1, "hint", b"", KID], id="four-members"),
        pytest.param([1, "hint", b"", KID, SIG, 0], id="six-members"),
        pytest.param([0, "hint", b"", KID, SIG], id="version-0"),
        pytest.param([2, "hint", b"", KID, SIG], id="version-2"),
        pytest.param([True, "hint", b"", KID, SIG], id="version-true"),
        pytest.param([1, "Hint", b"", KID, SIG], id="unknown-kind"),
        pytest.param([1, b"hint", b"", KID, SIG], id="kind-bytes"),
        pytest.param([1, None, b"", KID, SIG], id="kind-null"),
        pytest.param([1, ["hint"], b"", KID, SIG], id="kind-list"),
        pytest.param([1, "hint", "", KID, SIG], id="body-text"),
        pytest.param([1, "hint", b"", b"", b""], id="no-signature"),
        pytest.param([1, "hint", b"", KID[:7], SIG], id="short-key-id"),
        pytest.param([1, "hint", b"", KID, SIG[:63]], id="short-signature"),
        pytest.param([1, "batch", b"", KID, SIG], id="signed-batch"),
        pytest.param([1, "receipt", b"", KID, SIG], id="signed-receipt"),
    ],
)
def test_open_envelope_of_another_shape_is_refused(parts: Any) -> None:
    with pytest.raises(Malformed):
        open_envelope(cbor.encode(parts))


def test_envelope_over_128_kib_is_refused_both_ways() -> None:
    with pytest.raises(TooLarge):
        wrap(Kind.BATCH, bytes(MAX_ENVELOPE_BYTES))
    with pytest.raises(TooLarge):
        open_envelope(bytes(MAX_ENVELOPE_BYTES + 1))


@given(st.binary(max_size=100), st.integers(0, 200), st.binary(max_size=3))
def test_open_envelope_of_any_bytes_raises_nothing_but_wire_errors(data: bytes, place: int, patch: bytes) -> None:
    good = seal(Kind.HINT, b"body", A)
    for candidate in (data, b"\x85\x01\x64hint" + data, good[:place] + patch + good[place + len(patch) :]):
        try:
            open_envelope(candidate).verify(A.public)
        except WireError:
            continue
        assert candidate == good


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (-1, "whole"), (2**53, "whole"), (True, "whole"), ("1", "whole"), (None, "whole"),
        (b"a", "text"), ("a" * 257, "text"), ("a\n", "text"), ("a\x7f", "text"), ("a\x85", "text"), (1, "text"),
        ("a", "octets"), (None, "octets"),
        ([], "mapping"), ({1: 1}, "mapping"), (None, "mapping"),
    ],
)  # fmt: skip
def test_fields_of_another_kind_are_refused_by_name(value: Any, read: str) -> None:
    fields = Fields(dump_map({"member": value}), Kind.HINT)
    with pytest.raises(Malformed, match="member is not"):
        getattr(fields, read)("member")
    with pytest.raises(Malformed, match="other is missing"):
        getattr(fields, read)("other")


def test_fields_within_their_limits_are_read() -> None:
    value = {"whole": 2**53 - 1, "text": "ä" * 256, "octets": bytes(16), "mapping": {"a": [1, {"b": None}]}}
    fields = Fields(dump_map(value), Kind.HINT)
    assert fields.whole("whole") == 2**53 - 1
    assert fields.text("text") == "ä" * 256
    assert fields.octets("octets", (0, 16)) == bytes(16)
    assert fields.mapping("mapping") == value["mapping"]
    assert fields.has("text")
    assert not fields.has("other")


def test_fields_items_checks_each_and_the_number() -> None:
    fields = Fields(dump_map({"items": [1, 2, 3]}), Kind.HINT)
    assert fields.items("items", lambda item: type(item) is int, 3) == [1, 2, 3]
    for check, limit in ((lambda item: item < 3, 3), (lambda item: True, 2)):
        with pytest.raises(Malformed):
            fields.items("items", check, limit)


@pytest.mark.parametrize("size", [0, 15, 17])
def test_fields_octets_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(Malformed):
        Fields(dump_map({"nonce": bytes(size)}), Kind.HINT).octets("nonce", (16,))


@pytest.mark.parametrize("body", [b"", b"\x80", cbor.encode({1: 1}), cbor.encode([1]), b"\xa1\x61a\xf7"])
def test_fields_of_no_text_map_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        Fields(body, Kind.HINT)
