"""Pickup tokens: what a recipient, a sender or a technician shows as a QR code; the locker holds public keys only.

A token is a CWT in a COSE_Sign1, in text `PW1:P` and base45. `open_token` looks at form and signature and at no
clock; `check_claims` then judges audience, time and use.
"""

from __future__ import annotations

from collections.abc import Collection, Container
from dataclasses import dataclass, field
from typing import Any

from edge.wire import cbor, cose
from edge.wire.errors import AlreadyUsed, Malformed, NotValidNow, Revoked, WrongOrigin
from edge.wire.ids import check_fleet
from edge.wire.keys import RoleKey, Signer
from edge.wire.pickup_claims import (
    AUD,
    CTI,
    EXP,
    ISS,
    NBF,
    OPERATION,
    PICKUP_ID,
    PREFIX,
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

TOKEN_CONTEXT = b"parcelworks/pickup-token/v1"
MAX_TOKEN_CHARACTERS = 512
MAX_TOKEN_LIFE_MS = 31 * 24 * 3600 * 1000
_LETTER = "P"
_NEEDED = frozenset({ISS, AUD, EXP, NBF, CTI, OPERATION})
_ALLOWED = _NEEDED | {SUB, PICKUP_ID}


@dataclass(frozen=True, slots=True)
class PickupClaims:
    """What a token states. Times are Unix milliseconds UTC, carried as whole seconds; `expires_at_ms` is exclusive.

    `jti` and `pickup_id`: 32 hex digits. `collect` needs a pickup id, `maintain` has none. `subject`: a pseudonym.
    `key`: the issuer's key that an opened token was verified with.
    """

    issuer: str
    audience: str
    operation: Operation
    not_before_ms: int
    expires_at_ms: int
    jti: str
    pickup_id: str | None = None
    subject: str | None = None
    key: RoleKey | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        check_fleet(self.issuer, where="token.iss")
        check_audience(self.audience, where="token.aud")
        check_operation(self.operation, where="token.operation")
        check_life(self.not_before_ms, self.expires_at_ms, MAX_TOKEN_LIFE_MS, where="token.exp")
        hex_bytes(self.jti, where="token.cti")
        if self.pickup_id is not None:
            hex_bytes(self.pickup_id, where="token.pickup_id")
        if self.subject is not None:
            check_subject(self.subject, where="token.sub")
        if self.operation == Operation.COLLECT and self.pickup_id is None:
            raise Malformed("collect needs a pickup id", where="token.pickup_id")
        if self.operation == Operation.MAINTAIN and self.pickup_id is not None:
            raise Malformed("maintain has no pickup id", where="token.pickup_id")


def wears_credential(text: str) -> bool:
    """Whether a scanned text claims to be one of our credentials, and no parcel label."""
    return text.startswith(PREFIX)


def issue_token(claims: PickupClaims, signer: Signer) -> str:
    """Sign claims with an issuer's key; the result is the text of a QR code. Milliseconds are cut off.

    Raises:
        Malformed: a time outside the range.
        TooLarge: over 512 characters.
    """
    payload: dict[int, Any] = {
        ISS: claims.issuer,
        AUD: claims.audience,
        EXP: seconds_of(claims.expires_at_ms, where="token.exp"),
        NBF: seconds_of(claims.not_before_ms, where="token.nbf"),
        CTI: hex_bytes(claims.jti, where="token.cti"),
        OPERATION: claims.operation.value,
    }
    if claims.subject is not None:
        payload[SUB] = claims.subject
    if claims.pickup_id is not None:
        payload[PICKUP_ID] = hex_bytes(claims.pickup_id, where="token.pickup_id")
    return to_text(_LETTER, cose.sign1(cbor.encode(payload), TOKEN_CONTEXT, signer), MAX_TOKEN_CHARACTERS)


def open_token(text: str, keys: Keys) -> PickupClaims:
    """Read a token and verify its signature; neither time nor audience nor use is judged here.

    Raises:
        Malformed, TooLarge: not a token.
        UnknownKey: signed by a key that is none of `keys`.
        BadSignature: the signature does not hold.
    """
    token = cose.parse_sign1(from_text(_LETTER, text, MAX_TOKEN_CHARACTERS))
    key = verify_issuer(token, keys, TOKEN_CONTEXT)
    claims = Claims(token.payload, _NEEDED, _ALLOWED, "token")
    return PickupClaims(
        issuer=check_fleet(claims.value(ISS), where="token.iss"),
        audience=check_audience(claims.value(AUD), where="token.aud"),
        operation=check_operation(claims.value(OPERATION), where="token.operation"),
        not_before_ms=claims.at_ms(NBF),
        expires_at_ms=claims.at_ms(EXP),
        jti=claims.hex_id(CTI),
        pickup_id=claims.hex_id(PICKUP_ID) if claims.has(PICKUP_ID) else None,
        subject=check_subject(claims.value(SUB), where="token.sub") if claims.has(SUB) else None,
        key=key,
    )


def check_claims(
    claims: PickupClaims,
    audiences: Collection[str],
    at_ms: int,
    *,
    issuer: str | None = None,
    used: Container[str] = (),
    revoked: Container[str] = (),
    behind: bool = False,
) -> None:
    """Judge an opened token here and now.

    Args:
        audiences: who we are: `locker:<device_id>` and our groups.
        at_ms: authority time.
        issuer: whose tokens count; None takes every issuer whose key we hold.
        used: jtis of credentials that a visit consumed.
        revoked: withdrawn jtis.
        behind: true time may be later than `at_ms` (a boot without the cloud), so nothing is too early.

    Raises:
        WrongOrigin: for another locker, or of another issuer.
        NotValidNow: too early, expired, or its key's window is closed; `where` says which.
        Revoked, AlreadyUsed: withdrawn, or consumed.
    """
    if claims.audience not in audiences:
        raise WrongOrigin(f"for {claims.audience}", where="token.aud", remedy="Go to the locker the message names.")
    if issuer is not None and claims.issuer != issuer:
        raise WrongOrigin(f"issued by {claims.issuer}", where="token.iss")
    check_window(claims.not_before_ms, claims.expires_at_ms, at_ms, where="token", behind=behind)
    check_key_window(claims.key, at_ms, behind=behind)
    if claims.jti in revoked:
        raise Revoked("the credential was withdrawn", where="token.cti", remedy="Ask for a new code.")
    if claims.jti in used:
        raise AlreadyUsed("a visit has used this credential", where="token.cti", remedy="Ask for a new code.")


def check_window(not_before_ms: int, expires_at_ms: int, at_ms: int, *, where: str, behind: bool = False) -> None:
    """Raise `NotValidNow` outside `[not_before_ms, expires_at_ms)`; `behind`: only after it."""
    if at_ms < not_before_ms and not behind:
        raise NotValidNow("not valid yet", where=f"{where}.nbf", remedy="Come back later.")
    if at_ms >= expires_at_ms:
        raise NotValidNow("expired", where=f"{where}.exp", remedy="Ask for a new code.")


def check_key_window(key: RoleKey | None, at_ms: int, *, behind: bool = False) -> None:
    """Raise `NotValidNow` when the issuer's key is not in its window; `behind`: only after it."""
    if key is not None and not key.valid_at(max(at_ms, key.not_before_ms) if behind else at_ms):
        raise NotValidNow("the issuer's key is outside its window", where="token.key", remedy="Ask for a new code.")
