"""The courier chain: a grant alone opens nothing, an action holds only with its own grant, locker and minute."""

from __future__ import annotations

import dataclasses
from typing import Any

import cbor2
import pytest
from cwt import COSE, COSEKey
from hypothesis import given
from hypothesis import strategies as st

from edge.wire import base45, cbor, cose
from edge.wire.errors import (
    AlreadyUsed,
    BadSignature,
    Malformed,
    NotValidNow,
    Revoked,
    UnknownKey,
    WireError,
    WrongOrigin,
)
from edge.wire.keys import Ed25519Signer, Role, RoleKey, TrustBundle, key_id
from edge.wire.pickup_claims import Operation, to_text
from edge.wire.pickup_courier import (
    ACTION_CONTEXT,
    GRANT_CONTEXT,
    CourierAction,
    CourierClaims,
    CourierGrant,
    action_context,
    check_courier_claims,
    issue_grant,
    open_courier_action,
    open_grant,
    sign_action,
)
from edge.wire.pickup_token import PickupClaims, issue_token, open_token

ISSUER = Ed25519Signer(bytes(range(32)))
COURIER = Ed25519Signer(bytes(range(32, 64)))
KEYS = {key_id(ISSUER.public): ISSUER.public}
START_MS = 1_795_500_000_000
DAY_MS = 24 * 3600 * 1000
HERE = "locker:locker-0001"
GRANT = CourierGrant(
    issuer="test.fleet",
    subject="courier:0042",
    courier_public=COURIER.public,
    audiences=("group:route-7", "locker:locker-0009"),
    operations=(Operation.DEPOSIT, Operation.RETRIEVE),
    not_before_ms=START_MS,
    expires_at_ms=START_MS + DAY_MS,
    jti="c0" * 16,
)
ACTION = CourierAction(
    audience=HERE,
    operation=Operation.DEPOSIT,
    not_before_ms=START_MS + 60_000,
    expires_at_ms=START_MS + 360_000,
    jti="d0" * 16,
)
GRANT_TEXT = issue_grant(GRANT, ISSUER)
RAW_GRANT: dict[int, Any] = {
    1: "test.fleet", 2: "courier:0042", 3: ["group:route-7", "locker:locker-0009"], 4: (START_MS + DAY_MS) // 1000,
    5: START_MS // 1000, 7: b"\xc0" * 16, 8: {1: {1: 1, -1: 6, -2: COURIER.public}}, -65537: ["deposit", "retrieve"],
}  # fmt: skip
RAW_ACTION: dict[int, Any] = {
    3: HERE, 4: START_MS // 1000 + 360, 5: START_MS // 1000 + 60, 7: b"\xd0" * 16, -65537: "deposit",
}  # fmt: skip
OURS = (HERE, "group:route-7")
NOW_MS = START_MS + 61_000


def judge_key(signer: Ed25519Signer) -> COSEKey:
    return COSEKey.new({1: 1, -1: 6, -2: signer.public, 2: key_id(signer.public), 3: -8})


def grant_bytes(claims: object = RAW_GRANT, context: bytes = GRANT_CONTEXT, signer: Ed25519Signer = ISSUER) -> bytes:
    return cose.sign1(cbor.encode(claims), context, signer)


def shown(claims: object = RAW_ACTION, grant: bytes | None = None, context: bytes | None = None,
          signer: Ed25519Signer = COURIER) -> str:  # fmt: skip
    grant = grant_bytes() if grant is None else grant
    action = cose.sign1(cbor.encode(claims), context or action_context(grant), signer)
    return to_text("A", cbor.encode([grant, action]), 4000)


def test_courier_action_round_trip() -> None:
    assert open_grant(GRANT_TEXT, KEYS) == GRANT
    text = sign_action(ACTION, GRANT_TEXT, COURIER)
    assert open_courier_action(text, KEYS) == CourierClaims(GRANT, ACTION)
    assert text == shown()
    assert len(text) < 700


def test_courier_action_holds_for_an_independent_reader() -> None:
    grant, action = cbor2.loads(base45.decode(sign_action(ACTION, GRANT_TEXT, COURIER).removeprefix("PW1:A")))
    judge = COSE.new()
    assert cbor2.loads(judge.decode(grant, judge_key(ISSUER), external_aad=GRANT_CONTEXT)) == RAW_GRANT
    assert cbor2.loads(judge.decode(action, judge_key(COURIER), external_aad=action_context(grant))) == RAW_ACTION


def test_courier_action_of_the_longest_route_fits_its_code() -> None:
    grant = dataclasses.replace(GRANT, audiences=tuple(f"locker:{number:033d}" for number in range(16)))
    text = sign_action(ACTION, issue_grant(grant, ISSUER), COURIER)
    assert open_courier_action(text, KEYS).grant == grant


def test_grant_alone_opens_nothing() -> None:
    for text in (GRANT_TEXT, "PW1:A" + GRANT_TEXT.removeprefix("PW1:G"), "PW1:P" + GRANT_TEXT.removeprefix("PW1:G")):
        with pytest.raises(WireError):
            open_courier_action(text, KEYS)
        with pytest.raises(WireError):
            open_token(text, KEYS)


def test_token_is_no_grant() -> None:
    claims = PickupClaims("test.fleet", HERE, Operation.DEPOSIT, START_MS, START_MS + 1000, "00" * 16)
    text = issue_token(claims, ISSUER)
    with pytest.raises(WireError):
        open_grant("PW1:G" + text.removeprefix("PW1:P"), KEYS)


def test_action_with_any_character_altered_is_refused() -> None:
    text = sign_action(ACTION, GRANT_TEXT, COURIER)
    for place, character in enumerate(text):
        with pytest.raises(WireError):
            open_courier_action(text[:place] + ("0" if character != "0" else "1") + text[place + 1 :], KEYS)


def test_action_moved_to_another_grant_of_the_same_courier_is_refused() -> None:
    other = grant_bytes({**RAW_GRANT, 7: b"\xc1" * 16})
    with pytest.raises(BadSignature):
        open_courier_action(shown(grant=other, context=action_context(grant_bytes())), KEYS)


@pytest.mark.parametrize("signer", [ISSUER, Ed25519Signer(bytes(32))], ids=["issuer", "stranger"])
def test_action_signed_by_anybody_but_the_courier_is_refused(signer: Ed25519Signer) -> None:
    with pytest.raises(BadSignature):
        open_courier_action(shown(signer=signer), KEYS)


def test_action_without_its_context_is_refused() -> None:
    with pytest.raises(BadSignature):
        open_courier_action(shown(context=ACTION_CONTEXT), KEYS)


def test_grant_signed_by_the_courier_itself_is_refused() -> None:
    with pytest.raises(UnknownKey):
        open_courier_action(shown(grant=grant_bytes(signer=COURIER)), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({8: {}}, id="no-key"),
        pytest.param({8: {1: {1: 1, -1: 6}}}, id="no-x"),
        pytest.param({8: {1: {1: 1, -1: 6, -2: b"\0" * 31}}}, id="short-key"),
        pytest.param({8: {1: {1: 2, -1: 6, -2: COURIER.public}}}, id="other-key-type"),
        pytest.param({8: {1: {1: 1, -1: 6, -2: COURIER.public, -4: b"\0" * 32}}}, id="private-key"),
        pytest.param({3: []}, id="no-audience"),
        pytest.param({3: HERE}, id="audience-no-list"),
        pytest.param({3: [HERE] * 17}, id="17-audiences"),
        pytest.param({3: [1]}, id="audience-number"),
        pytest.param({-65537: []}, id="no-operation"),
        pytest.param({-65537: ["fly"]}, id="unknown-operation"),
        pytest.param({4: START_MS // 1000 + 86401}, id="over-24-h"),
        pytest.param({4: START_MS // 1000}, id="no-life"),
        pytest.param({2: ""}, id="no-subject"),
        pytest.param({9: 1}, id="unknown-claim"),
    ],
)
def test_grant_outside_the_grammar_is_refused(change: dict[int, Any]) -> None:
    with pytest.raises(Malformed):
        open_courier_action(shown(grant=grant_bytes({**RAW_GRANT, **change})), KEYS)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({3: "group:route-7"}, id="for-a-group"),
        pytest.param({4: START_MS // 1000 + 361}, id="over-5-min"),
        pytest.param({4: START_MS // 1000 + 60}, id="no-life"),
        pytest.param({-65537: "fly"}, id="unknown-operation"),
        pytest.param({7: b""}, id="no-jti"),
        pytest.param({1: "test.fleet"}, id="unknown-claim"),
    ],
)
def test_action_outside_the_grammar_is_refused(change: dict[int, Any]) -> None:
    with pytest.raises(Malformed):
        open_courier_action(shown({**RAW_ACTION, **change}), KEYS)


@given(st.binary(max_size=80))
def test_open_courier_action_of_any_bytes_raises_nothing_but_wire_errors(data: bytes) -> None:
    for candidate in (data, cbor.encode([data, data]), cbor.encode([grant_bytes(), data])):
        with pytest.raises(WireError):
            open_courier_action(to_text("A", candidate, 4000), KEYS)


def test_check_courier_claims_on_the_route_and_in_time_passes() -> None:
    check_courier_claims(CourierClaims(GRANT, ACTION), OURS, NOW_MS, issuer="test.fleet")


@pytest.mark.parametrize(
    ("ours", "where"),
    [
        (["locker:locker-0002", "group:route-7"], "action.aud"),
        ([HERE], "grant.aud"),
        ([HERE, "group:x-9"], "grant.aud"),
    ],
    ids=["another-locker", "no-group", "another-group"],
)
def test_check_courier_claims_off_the_route_is_refused(ours: list[str], where: str) -> None:
    with pytest.raises(WrongOrigin) as caught:
        check_courier_claims(CourierClaims(GRANT, ACTION), ours, NOW_MS)
    assert caught.value.where == where


@pytest.mark.parametrize(
    ("at_ms", "where"),
    [(START_MS - 1, "grant.nbf"), (START_MS + 59_999, "action.nbf"), (START_MS + 360_000, "action.exp"),
     (START_MS + DAY_MS, "grant.exp")],
)  # fmt: skip
def test_check_courier_claims_out_of_time_is_refused(at_ms: int, where: str) -> None:
    with pytest.raises(NotValidNow) as caught:
        check_courier_claims(CourierClaims(GRANT, ACTION), OURS, at_ms)
    assert caught.value.where == where


def test_check_courier_claims_judges_operation_issuer_use_and_revocation() -> None:
    claims = CourierClaims(GRANT, ACTION)
    with pytest.raises(WrongOrigin):
        check_courier_claims(
            CourierClaims(GRANT, dataclasses.replace(ACTION, operation=Operation.MAINTAIN)), OURS, NOW_MS
        )
    with pytest.raises(WrongOrigin):
        check_courier_claims(claims, OURS, NOW_MS, issuer="other.fleet")
    with pytest.raises(AlreadyUsed):
        check_courier_claims(claims, OURS, NOW_MS, used={ACTION.jti})
    for jti in (GRANT.jti, ACTION.jti):
        with pytest.raises(Revoked):
            check_courier_claims(claims, OURS, NOW_MS, revoked={jti})


def test_check_courier_claims_when_the_issuer_key_is_retired_is_refused() -> None:
    bundle = TrustBundle("test.fleet", 1, 0, {Role.PICKUP: (RoleKey(ISSUER.public, 0, NOW_MS),)})
    claims = open_courier_action(sign_action(ACTION, GRANT_TEXT, COURIER), bundle)
    check_courier_claims(claims, OURS, NOW_MS - 1000 + 999)
    with pytest.raises(NotValidNow):
        check_courier_claims(claims, OURS, NOW_MS)
