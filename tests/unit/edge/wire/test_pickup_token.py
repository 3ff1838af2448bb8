"""Pickup tokens: round trips, an independent reader, every altered character refused, each judgement by name."""

from __future__ import annotations

import dataclasses

import cbor2
import pytest
from cwt import COSE, COSEKey
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire import base45, cbor, cose
from edge.wire.errors import (
    AlreadyUsed,
    BadSignature,
    Malformed,
    NotValidNow,
    Revoked,
    TooLarge,
    UnknownKey,
    WireError,
    WrongOrigin,
)
from edge.wire.keys import Ed25519Signer, Role, RoleKey, TrustBundle, key_id
from edge.wire.pickup_claims import Operation, group_audience, locker_audience, to_text
from edge.wire.pickup_token import (
    TOKEN_CONTEXT,
    PickupClaims,
    check_claims,
    issue_token,
    open_token,
    wears_credential,
)

ISSUER = Ed25519Signer(bytes(range(32)))
KEYS = {key_id(ISSUER.public): ISSUER.public}
NBF_MS, EXP_MS = 1_795_500_000_000, 1_795_600_000_000
HERE = locker_audience("locker-0001")
CLAIMS = PickupClaims(
    issuer="test.fleet",
    audience=HERE,
    operation=Operation.COLLECT,
    not_before_ms=NBF_MS,
    expires_at_ms=EXP_MS,
    jti="a0" * 16,
    pickup_id="b1" * 16,
)
RAW = {1: "test.fleet", 3: HERE, 4: EXP_MS // 1000, 5: NBF_MS // 1000, 7: b"\xa0" * 16, -65537: "collect",
       -65538: b"\xb1" * 16}  # fmt: skip

hex_ids = st.binary(min_size=16, max_size=16).map(bytes.hex)
audiences = st.from_regex(r"(locker|group):[a-z0-9-]{3,40}", fullmatch=True)


@st.composite
def claim_sets(draw: st.DrawFn) -> PickupClaims:
    operation = draw(st.sampled_from(Operation))
    start_s, life_s = draw(st.integers(0, 2**40)), draw(st.integers(1, 31 * 86400))
    pickup_id = None if operation is Operation.MAINTAIN else draw(hex_ids)
    subject = draw(st.none() | st.from_regex(r"[a-z0-9_.:-]{1,64}", fullmatch=True))
    return PickupClaims("test.fleet", draw(audiences), operation, start_s * 1000, (start_s + life_s) * 1000,
                        draw(hex_ids), pickup_id, subject)  # fmt: skip


def signed(claims: object) -> str:
    return to_text("P", cose.sign1(cbor.encode(claims), TOKEN_CONTEXT, ISSUER), 2000)


def trust(start_ms: int = 0, end_ms: int = 2 * EXP_MS, role: Role = Role.PICKUP) -> TrustBundle:
    return TrustBundle("test.fleet", 1, 0, {role: (RoleKey(ISSUER.public, start_ms, end_ms),)})


@settings(max_examples=50)
@given(claim_sets())
def test_token_round_trip(claims: PickupClaims) -> None:
    text = issue_token(claims, ISSUER)
    assert open_token(text, KEYS) == claims
    assert open_token(text, trust()) == claims
    assert wears_credential(text)
    assert set(text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert len(text) <= 512


def test_token_is_a_cwt_for_an_independent_reader() -> None:
    key = COSEKey.new({1: 1, -1: 6, -2: ISSUER.public, 2: key_id(ISSUER.public), 3: -8})
    data = base45.decode(issue_token(CLAIMS, ISSUER).removeprefix("PW1:P"))
    assert cbor2.loads(COSE.new().decode(data, key, external_aad=TOKEN_CONTEXT)) == RAW


def test_token_times_are_cut_to_whole_seconds() -> None:
    claims = dataclasses.replace(CLAIMS, not_before_ms=NBF_MS + 999, expires_at_ms=EXP_MS + 1)
    assert open_token(issue_token(claims, ISSUER), KEYS) == CLAIMS


def test_token_with_any_character_altered_is_refused() -> None:
    text = issue_token(CLAIMS, ISSUER)
    for place, character in enumerate(text):
        other = "0" if character != "0" else "1"
        with pytest.raises(WireError):
            open_token(text[:place] + other + text[place + 1 :], KEYS)


def test_token_cut_or_lengthened_is_refused() -> None:
    text = issue_token(CLAIMS, ISSUER)
    for end in range(len(text)):
        with pytest.raises(WireError):
            open_token(text[:end], KEYS)
    for tail in ("0", "00", "000", " ", "\n"):
        with pytest.raises(WireError):
            open_token(text + tail, KEYS)


@given(st.text(max_size=60))
def test_open_token_of_any_text_raises_nothing_but_wire_errors(text: str) -> None:
    for candidate in (text, "PW1:P" + text):
        with pytest.raises(WireError):
            open_token(candidate, KEYS)


@given(st.binary(max_size=120))
def test_open_token_of_any_signed_payload_raises_nothing_but_wire_errors(payload: bytes) -> None:
    text = to_text("P", cose.sign1(payload or b"\0", TOKEN_CONTEXT, ISSUER), 2000)
    with pytest.raises(WireError):
        open_token(text, KEYS)


def test_open_token_of_an_unknown_issuer_key_is_refused() -> None:
    stranger = Ed25519Signer(bytes(32))
    with pytest.raises(UnknownKey):
        open_token(issue_token(CLAIMS, stranger), KEYS)
    with pytest.raises(UnknownKey):
        open_token(issue_token(CLAIMS, ISSUER), trust(role=Role.COMMANDS))


def test_open_token_signed_for_another_purpose_is_refused() -> None:
    data = cose.sign1(cbor.encode(RAW), b"parcelworks/courier-grant/v1", ISSUER)
    with pytest.raises(BadSignature):
        open_token(to_text("P", data, 512), KEYS)


def test_open_token_over_its_cap_is_refused() -> None:
    with pytest.raises(TooLarge):
        open_token("PW1:P" + "0" * 508, KEYS)


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param([], id="no-map"),
        pytest.param({}, id="empty"),
        pytest.param({**RAW, 6: 1}, id="unknown-claim"),
        pytest.param({**RAW, "aud": HERE}, id="text-claim"),
        pytest.param({key: value for key, value in RAW.items() if key != 3}, id="no-audience"),
        pytest.param({key: value for key, value in RAW.items() if key != 4}, id="no-expiry"),
        pytest.param({key: value for key, value in RAW.items() if key != 7}, id="no-jti"),
        pytest.param({key: value for key, value in RAW.items() if key != -65538}, id="collect-without-pickup"),
        pytest.param({**RAW, -65537: "maintain"}, id="maintain-with-pickup"),
        pytest.param({**RAW, -65537: "open"}, id="unknown-operation"),
        pytest.param({**RAW, -65537: 1}, id="operation-number"),
        pytest.param({**RAW, 3: [HERE]}, id="audience-list"),
        pytest.param({**RAW, 3: "locker:"}, id="audience-empty"),
        pytest.param({**RAW, 3: "locker:Locker-1"}, id="audience-upper-case"),
        pytest.param({**RAW, 3: HERE + "\n"}, id="audience-newline"),
        pytest.param({**RAW, 1: "Test"}, id="issuer"),
        pytest.param({**RAW, 2: "Jane Doe"}, id="subject-with-space"),
        pytest.param({**RAW, 4: True}, id="expiry-true"),
        pytest.param({**RAW, 4: -1}, id="expiry-negative"),
        pytest.param({**RAW, 4: 2**63}, id="expiry-huge"),
        pytest.param({**RAW, 4: NBF_MS // 1000}, id="empty-window"),
        pytest.param({**RAW, 4: NBF_MS // 1000 + 31 * 86400 + 1}, id="over-31-days"),
        pytest.param({**RAW, 7: b"\xa0" * 15}, id="jti-short"),
        pytest.param({**RAW, 7: "a0" * 16}, id="jti-text"),
        pytest.param({**RAW, -65538: b""}, id="pickup-empty"),
    ],
)
def test_open_token_with_claims_outside_the_grammar_is_refused(claims: object) -> None:
    with pytest.raises(Malformed):
        open_token(signed(claims), KEYS)


def test_open_token_looks_at_no_clock() -> None:
    text = signed({**RAW, 5: 1, 4: 2})
    assert open_token(text, KEYS).expires_at_ms == 2000


@pytest.mark.parametrize(
    ("audience", "ours"),
    [(HERE, [HERE]), (group_audience("old-town"), [HERE, "group:old-town"])],
    ids=["locker", "group"],
)
def test_check_claims_within_window_and_audience_passes(audience: str, ours: list[str]) -> None:
    claims = dataclasses.replace(CLAIMS, audience=audience)
    check_claims(claims, ours, NBF_MS, issuer="test.fleet", used={"00"}, revoked={"11"})
    check_claims(claims, ours, EXP_MS - 1)


@pytest.mark.parametrize(
    ("at_ms", "where"),
    [(NBF_MS - 1, "token.nbf"), (0, "token.nbf"), (EXP_MS, "token.exp"), (2**53, "token.exp")],
)
def test_check_claims_outside_the_window_is_refused(at_ms: int, where: str) -> None:
    with pytest.raises(NotValidNow) as caught:
        check_claims(CLAIMS, [HERE], at_ms)
    assert caught.value.where == where


@pytest.mark.parametrize("ours", [[], ["locker:locker-0002"], ["group:locker-0001"], ["locker:locker-00011"]])
def test_check_claims_of_another_audience_is_refused(ours: list[str]) -> None:
    with pytest.raises(WrongOrigin):
        check_claims(CLAIMS, ours, NBF_MS)


def test_check_claims_of_another_issuer_used_or_revoked_is_refused() -> None:
    with pytest.raises(WrongOrigin):
        check_claims(CLAIMS, [HERE], NBF_MS, issuer="other.fleet")
    with pytest.raises(AlreadyUsed):
        check_claims(CLAIMS, [HERE], NBF_MS, used={CLAIMS.jti})
    with pytest.raises(Revoked):
        check_claims(CLAIMS, [HERE], NBF_MS, used={CLAIMS.jti}, revoked={CLAIMS.jti})


@pytest.mark.parametrize("window", [(NBF_MS + 1, EXP_MS), (0, NBF_MS)], ids=["not-yet", "over"])
def test_check_claims_when_the_issuer_key_is_outside_its_window_is_refused(window: tuple[int, int]) -> None:
    claims = open_token(issue_token(CLAIMS, ISSUER), trust(*window))
    with pytest.raises(NotValidNow):
        check_claims(claims, [HERE], NBF_MS)
