"""Opens a scanned credential: form and signature first, then audience, time, use and revocation."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.locker.state import LockerState
from edge.wire.errors import AlreadyUsed, NotValidNow, Revoked, WireError, WrongOrigin
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import check_courier_claims, open_courier_action
from edge.wire.pickup_token import check_claims, open_token, wears_credential

ACTION_PREFIX = "PW1:A"
_REASONS: tuple[tuple[type[WireError], str], ...] = (
    (NotValidNow, "not_valid_now"),
    (AlreadyUsed, "already_used"),
    (Revoked, "revoked"),
    (WrongOrigin, "other_locker"),
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that may start a visit now. `kind`: recipient or courier."""

    kind: str
    jti: str | None
    pickup_id: str | None
    actor: str | None
    expires_at_ms: int | None


def wears_token(text: str) -> bool:
    """Whether a scan claims to be a credential, and no parcel's label."""
    return wears_credential(text)


def open_credential(text: str, state: LockerState, at_ms: int) -> Credential | str:
    """The credential, or the reason why it opens nothing here and now."""
    if state.trust is None:
        return "untrusted"
    try:
        if text.startswith(ACTION_PREFIX):
            return _courier(text, state, at_ms)
        return _recipient(text, state, at_ms)
    except WireError as error:
        return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "untrusted")


def _audiences(state: LockerState) -> frozenset[str]:
    return state.desired.audiences | {locker_audience(state.device_id)}


def _recipient(text: str, state: LockerState, at_ms: int) -> Credential | str:
    assert state.trust is not None
    claims = open_token(text, state.trust)
    check_claims(
        claims,
        _audiences(state),
        at_ms,
        issuer=state.trust.fleet,
        used=state.durable.used_jtis,
        revoked=state.desired.revoked,
    )
    if claims.operation is not Operation.COLLECT:
        return "operation_not_offered"
    return Credential("recipient", claims.jti, claims.pickup_id, claims.subject, claims.expires_at_ms)


def _courier(text: str, state: LockerState, at_ms: int) -> Credential | str:
    assert state.trust is not None
    claims = open_courier_action(text, state.trust)
    check_courier_claims(
        claims,
        _audiences(state),
        at_ms,
        issuer=state.trust.fleet,
        used=state.durable.used_jtis,
        revoked=state.desired.revoked,
    )
    if claims.action.operation is not Operation.DEPOSIT:
        return "operation_not_offered"
    return Credential("courier", claims.action.jti, None, claims.grant.subject, claims.action.expires_at_ms)
