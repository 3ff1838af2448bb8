"""Couriers: the issuer certifies a courier's key for a route and a day, and that key signs every single action.

The grant alone opens nothing. What the courier shows is `PW1:A` and base45 of the CBOR array `[grant, action]`; the
action is bound to its grant, names one locker, and lives five minutes at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Container
from dataclasses import dataclass, field
from typing import Any

from edge.wire import cbor, cose
from edge.wire.errors import AlreadyUsed, BadSignature, Malformed, Revoked, WrongOrigin
from edge.wire.ids import check_fleet
from edge.wire.keys import PUBLIC_KEY_BYTES, RoleKey, Signer, key_id
from edge.wire.pickup_claims import (
    AUD,
    CNF,
    CTI,
    EXP,
    ISS,
    NBF,
    OPERATION,
    SUB,
    Claims,
    Keys,
    Operation,
    check_audience,
    check_life,
    check_operation,
    check_subject,
    from_text,
    hex_bytes,
    seconds_of,
    to_text,
    verify_issuer,
)
from edge.wire.pickup_token import check_key_window, check_window

GRANT_CONTEXT = b"parcelworks/courier-grant/v1"
ACTION_CONTEXT = b"parcelworks/courier-action/v1"
MAX_GRANT_LIFE_MS = 24 * 3600 * 1000
MAX_ACTION_LIFE_MS = 5 * 60 * 1000
MAX_GRANT_AUDIENCES = 16  # a longer route is a group
MAX_GRANT_CHARACTERS = 1700
MAX_ACTION_CHARACTERS = 2100  # a QR code of version 27, level L, holds 2,132
_GRANT_LETTER, _ACTION_LETTER = "G", "A"
_GRANT_CLAIMS = frozenset({ISS, SUB, AUD, EXP, NBF, CTI, CNF, OPERATION})
_ACTION_CLAIMS = frozenset({AUD, EXP, NBF, CTI, OPERATION})
_COSE_KEY, _KTY, _OKP, _CRV, _ED25519, _X = 1, 1, 1, -1, 6, -2  # RFC 8747 section 3.1, RFC 9053 section 7.2


@dataclass(frozen=True, slots=True)
class CourierGrant:
    """The issuer's word that `courier_public` may act as `subject` on this route, 24 h at most.

    `audiences`: the lockers and groups of the route. `key`: the issuer's key that an opened grant was verified with.
    """

    issuer: str
    subject: str
    courier_public: bytes
    audiences: tuple[str, ...]
    operations: tuple[Operation, ...]
    not_before_ms: int
    expires_at_ms: int
    jti: str
    key: RoleKey | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_fleet(self.issuer, where="grant.iss")
        check_subject(self.subject, where="grant.sub")
        if type(self.courier_public) is not bytes or len(self.courier_public) != PUBLIC_KEY_BYTES:
            raise Malformed("an Ed25519 public key has 32 bytes", where="grant.cnf")
        if not 1 <= len(self.audiences) <= MAX_GRANT_AUDIENCES or not 1 <= len(self.operations) <= len(Operation):
            raise Malformed("a grant names 1 to 16 audiences and at least one operation", where="grant")
        for audience in self.audiences:
            check_audience(audience, where="grant.aud")
        for operation in self.operations:
            check_operation(operation, where="grant.operation")
        check_life(self.not_before_ms, self.expires_at_ms, MAX_GRANT_LIFE_MS, where="grant.exp")
        hex_bytes(self.jti, where="grant.cti")


@dataclass(frozen=True, slots=True)
class CourierAction:
    """One act at one locker, signed by the courier's key. `audience`: `locker:<device_id>`."""

    audience: str
    operation: Operation
    not_before_ms: int
    expires_at_ms: int
    jti: str

    def __post_init__(self) -> None:
        if not check_audience(self.audience, where="action.aud").startswith("locker:"):
            raise Malformed("an action names one locker", where="action.aud")
        check_operation(self.operation, where="action.operation")
        check_life(self.not_before_ms, self.expires_at_ms, MAX_ACTION_LIFE_MS, where="action.exp")
        hex_bytes(self.jti, where="action.cti")


@dataclass(frozen=True, slots=True)
class CourierClaims:
    """An opened courier action with the grant it rests on; both signatures hold."""

    grant: CourierGrant
    action: CourierAction


def issue_grant(grant: CourierGrant, signer: Signer) -> str:
    """Sign a grant with an issuer's key; the text goes to the courier's phone. Milliseconds are cut off."""
    payload = {
        ISS: grant.issuer,
        SUB: grant.subject,
        AUD: grant.audiences,
        EXP: seconds_of(grant.expires_at_ms, where="grant.exp"),
        NBF: seconds_of(grant.not_before_ms, where="grant.nbf"),
        CTI: hex_bytes(grant.jti, where="grant.cti"),
        CNF: {_COSE_KEY: {_KTY: _OKP, _CRV: _ED25519, _X: grant.courier_public}},
        OPERATION: [operation.value for operation in grant.operations],
    }
    return to_text(_GRANT_LETTER, cose.sign1(cbor.encode(payload), GRANT_CONTEXT, signer), MAX_GRANT_CHARACTERS)


def open_grant(text: str, keys: Keys) -> CourierGrant:
    """Read a grant and verify its signature, as the courier's phone does.

    Raises:
        Malformed, TooLarge, UnknownKey, BadSignature: as for tokens.
    """
    return _open_grant(from_text(_GRANT_LETTER, text, MAX_GRANT_CHARACTERS), keys)


def sign_action(action: CourierAction, grant_text: str, signer: Signer) -> str:
    """Sign one action with the courier's key, bound to the grant; the result is the text of a QR code."""
    grant = from_text(_GRANT_LETTER, grant_text, MAX_GRANT_CHARACTERS)
    payload = {
        AUD: action.audience,
        EXP: seconds_of(action.expires_at_ms, where="action.exp"),
        NBF: seconds_of(action.not_before_ms, where="action.nbf"),
        CTI: hex_bytes(action.jti, where="action.cti"),
        OPERATION: action.operation.value,
    }
    signed = cose.sign1(cbor.encode(payload), action_context(grant), signer)
    return to_text(_ACTION_LETTER, cbor.encode([grant, signed]), MAX_ACTION_CHARACTERS)


def action_context(grant: bytes) -> bytes:
    """An action's context string: it names the one grant that the action may be shown with."""
    return ACTION_CONTEXT + b"\x00" + hashlib.sha256(grant).digest()


def open_courier_action(text: str, keys: Keys) -> CourierClaims:
    """Read what a courier shows and verify both signatures; neither time nor audience nor use is judged here.

    Raises:
        Malformed, TooLarge: not an action with its grant.
        UnknownKey: the grant is signed by a key that is none of `keys`.
        BadSignature: one of the signatures does not hold, or the action belongs to another grant or courier.
    """
    parts = cbor.decode(from_text(_ACTION_LETTER, text, MAX_ACTION_CHARACTERS), where="action")
    if type(parts) is not list or len(parts) != 2 or not all(type(part) is bytes for part in parts):
        raise Malformed("not a grant and an action", where="action")
    grant = _open_grant(parts[0], keys)
    signed = cose.parse_sign1(parts[1])
    if signed.key_id != key_id(grant.courier_public):
        raise BadSignature("signed by another key than the grant names", where="action")
    signed.verify(grant.courier_public, action_context(parts[0]))
    claims = Claims(signed.payload, _ACTION_CLAIMS, _ACTION_CLAIMS, "action")
    action = CourierAction(
        audience=check_audience(claims.value(AUD), where="action.aud"),
        operation=check_operation(claims.value(OPERATION), where="action.operation"),
        not_before_ms=claims.at_ms(NBF),
        expires_at_ms=claims.at_ms(EXP),
        jti=claims.hex_id(CTI),
    )
    return CourierClaims(grant, action)


def check_courier_claims(
    claims: CourierClaims,
    audiences: Collection[str],
    at_ms: int,
    *,
    issuer: str | None = None,
    used: Container[str] = (),
    revoked: Container[str] = (),
    behind: bool = False,
) -> None:
    """Judge an opened action here and now; arguments as in `check_claims`. `revoked` may name grants and actions.

    Raises:
        WrongOrigin: another locker, a route without this locker, an operation the grant does not give, another issuer.
        NotValidNow: grant, action or the issuer's key is outside its window.
        Revoked, AlreadyUsed: withdrawn, or consumed.
    """
    grant, action = claims.grant, claims.action
    if action.audience not in audiences:
        raise WrongOrigin(f"for {action.audience}", where="action.aud", remedy="Sign for the locker you stand at.")
    if not any(audience in audiences for audience in grant.audiences):
        raise WrongOrigin("the route does not come to this locker", where="grant.aud", remedy="Fetch a new grant.")
    if action.operation not in grant.operations:
        raise WrongOrigin(f"the grant does not give {action.operation.value}", where="grant.operation")
    if issuer is not None and grant.issuer != issuer:
        raise WrongOrigin(f"issued by {grant.issuer}", where="grant.iss")
    check_window(grant.not_before_ms, grant.expires_at_ms, at_ms, where="grant", behind=behind)
    check_window(action.not_before_ms, action.expires_at_ms, at_ms, where="action", behind=behind)
    check_key_window(grant.key, at_ms, behind=behind)
    if grant.jti in revoked or action.jti in revoked:
        raise Revoked("the grant or the action was withdrawn", where="grant.cti", remedy="Fetch a new grant.")
    if action.jti in used:
        raise AlreadyUsed("a visit has used this action", where="action.cti", remedy="Sign a new action.")


def _open_grant(data: bytes, keys: Keys) -> CourierGrant:
    token = cose.parse_sign1(data)
    key = verify_issuer(token, keys, GRANT_CONTEXT)
    claims = Claims(token.payload, _GRANT_CLAIMS, _GRANT_CLAIMS, "grant")
    operations = claims.items(OPERATION, len(Operation))
    return CourierGrant(
        issuer=check_fleet(claims.value(ISS), where="grant.iss"),
        subject=check_subject(claims.value(SUB), where="grant.sub"),
        courier_public=_courier_public(claims.value(CNF)),
        audiences=tuple(claims.items(AUD, MAX_GRANT_AUDIENCES)),
        operations=tuple(check_operation(item, where="grant.operation") for item in operations),
        not_before_ms=claims.at_ms(NBF),
        expires_at_ms=claims.at_ms(EXP),
        jti=claims.hex_id(CTI),
        key=key,
    )


def _courier_public(cnf: Any) -> bytes:
    key = cnf.get(_COSE_KEY) if type(cnf) is dict and len(cnf) == 1 else None
    if type(key) is not dict or key.keys() != {_KTY, _CRV, _X} or (key[_KTY], key[_CRV]) != (_OKP, _ED25519):
        raise Malformed("cnf is not one Ed25519 COSE key", where="grant.cnf")
    public = key[_X]
    if type(public) is not bytes:
        raise Malformed("the key's x is not a byte string", where="grant.cnf")
    return public
