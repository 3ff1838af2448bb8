"""COSE_Sign1 with the cwt library as an independent judge, in both directions."""

from __future__ import annotations

import pytest
from cwt import COSE, COSEKey
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import cose
from edge.wire.errors import BadSignature, WireError
from edge.wire.keys import Ed25519Signer, key_id

SIGNER = Ed25519Signer(bytes(range(32)))
OTHER = Ed25519Signer(bytes(32))
CONTEXT = b"parcelworks/test/v1"


def judge_key(*, private: bool = False) -> COSEKey:
    jwk = {1: 1, -1: 6, -2: SIGNER.public, 2: key_id(SIGNER.public), 3: -8}
    return COSEKey.new({**jwk, -4: bytes(range(32))} if private else jwk)


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=100), st.binary(max_size=40))
def test_sign1_holds_for_an_independent_implementation(payload: bytes, context: bytes) -> None:
    data = cose.sign1(payload, context, SIGNER)
    assert COSE.new().decode(data, judge_key(), external_aad=context) == payload


def test_parse_sign1_of_an_independent_implementation_verifies() -> None:
    data = COSE.new().encode_and_sign(
        b"payload",
        judge_key(private=True),
        protected={1: -8, 4: key_id(SIGNER.public)},
        external_aad=CONTEXT,
    )
    token = cose.parse_sign1(data)
    token.verify(SIGNER.public, CONTEXT)
    assert (token.payload, token.key_id) == (b"payload", key_id(SIGNER.public))
    assert data == cose.sign1(b"payload", CONTEXT, SIGNER)


def test_sign1_under_another_context_does_not_hold() -> None:
    token = cose.parse_sign1(cose.sign1(b"payload", CONTEXT, SIGNER))
    with pytest.raises(BadSignature):
        token.verify(SIGNER.public, b"parcelworks/other/v1")


def test_sign1_of_another_key_does_not_hold() -> None:
    token = cose.parse_sign1(cose.sign1(b"payload", CONTEXT, SIGNER))
    with pytest.raises(BadSignature):
        token.verify(OTHER.public, CONTEXT)


def test_sign1_with_any_bit_flipped_is_refused() -> None:
    data = cose.sign1(b"payload", CONTEXT, SIGNER)
    for place in range(len(data)):
        for bit in range(8):
            wrong = data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]
            with pytest.raises(WireError):
                cose.parse_sign1(wrong).verify(SIGNER.public, CONTEXT)


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="nothing"),
        pytest.param("8440a04170" + "5840" + "00" * 64, id="untagged"),
        pytest.param("d28440a04170" + "5840" + "00" * 64, id="no-protected-header"),
        pytest.param("d28443a10126a04170" + "5840" + "00" * 64, id="es256"),
        pytest.param("d2844da2012704480011223344556677a1045820" + "00" * 32 + "41705840" + "00" * 64, id="unprotected"),
        pytest.param("d2844da2012704480011223344556677a0f65840" + "00" * 64, id="detached"),
        pytest.param("d2844da2012704480011223344556677a0405840" + "00" * 64, id="empty-payload"),
        pytest.param("d2844da2012704480011223344556677a04170583f" + "00" * 63, id="short-signature"),
        pytest.param("d2844ca20127044700112233445566a041705840" + "00" * 64, id="short-key-id"),
        pytest.param("d28441a0a041705840" + "00" * 64, id="header-is-no-map"),
        pytest.param("d2834da2012704480011223344556677a04170", id="three-members"),
        pytest.param("d1844da2012704480011223344556677a041705840" + "00" * 64, id="tag-17"),
    ],
)
def test_parse_sign1_of_another_structure_is_refused(octets: str) -> None:
    with pytest.raises(WireError):
        cose.parse_sign1(bytes.fromhex(octets))


@given(st.binary(max_size=200))
def test_parse_sign1_of_any_bytes_raises_nothing_but_wire_errors(data: bytes) -> None:
    for candidate in (data, cose.TAG + data):
        try:
            cose.parse_sign1(candidate)
        except WireError:
            continue
