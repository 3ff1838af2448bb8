"""Opens a scanned credential: form and signature first, then audience, time, use and revocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.core.locker.state import LockerState
from edge.ports import Now
from edge.wire.errors import AlreadyUsed, NotValidNow, Revoked, WireError, WrongOrigin
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import check_courier_claims, open_courier_action
from edge.wire.pickup_token import check_claims, open_token, wears_credential

ACTION_PREFIX = "PW1:A"
# What each form of credential may be used for at a locker, and whose visit that is.
TOKEN_VISITS: Mapping[Operation, str] = {
    Operation.COLLECT: "recipient",
    Operation.DROP_OFF: "sender",
    Operation.MAINTAIN: "technician",
}
ACTION_VISITS: Mapping[Operation, str] = {
    Operation.DEPOSIT: "courier",
    Operation.RETRIEVE: "courier",
    Operation.MAINTAIN: "technician",
}
PURPOSES: Mapping[Operation, str] = {
    Operation.COLLECT: "collect",
    Operation.DROP_OFF: "deposit",
    Operation.DEPOSIT: "deposit",
    Operation.RETRIEVE: "retrieve",
    Operation.MAINTAIN: "maintain",
}
_REASONS: tuple[tuple[type[WireError], str], ...] = (
    (NotValidNow, "not_valid_now"),
    (AlreadyUsed, "already_used"),
    (Revoked, "revoked"),
    (WrongOrigin, "other_locker"),
)


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that may start a visit now. `kind`: recipient, sender, courier or technician."""

    kind: str
    operation: Operation
    jti: str | None = None
    pickup_id: str | None = None
    actor: str | None = None
    expires_at_ms: int | None = None

    @property
    def purpose(self) -> str:
        """What the doors of its visit are opened for."""
        return PURPOSES[self.operation]


def wears_token(text: str) -> bool:
    """Whether a scan claims to be a credential, and no parcel's label."""
    return wears_credential(text)


def open_credential(text: str, state: LockerState, now: Now) -> Credential | str:
    """The credential, or the reason why it opens nothing here and now.

    Before the first signed time of a boot the clock stands at its floor, and true time is that or later: what was
    issued while the device was cut off is not too early then.
    """
    if state.trust is None:
        return "untrusted"
    try:
        if text.startswith(ACTION_PREFIX):
            return _action(text, state, now)
        return _token(text, state, now)
    except WireError as error:
        return next((reason for kind, reason in _REASONS if isinstance(error, kind)), "untrusted")


def _audiences(state: LockerState) -> frozenset[str]:
    return state.desired.audiences | {locker_audience(state.device_id)}


def _token(text: str, state: LockerState, now: Now) -> Credential | str:
    assert state.trust is not None
    claims = open_token(text, state.trust)
    check_claims(
        claims,
        _audiences(state),
        now.at_ms,
        issuer=state.trust.fleet,
        used=state.durable.used_jtis,
        revoked=state.desired.revoked,
        behind=now.clock == "floor",
    )
    kind = TOKEN_VISITS.get(claims.operation)
    whose = claims.subject if kind == "technician" else claims.pickup_id
    if kind is None or whose is None:  # two technicians are told apart by their subjects
        return "operation_not_offered"
    return Credential(kind, claims.operation, claims.jti, claims.pickup_id, claims.subject, claims.expires_at_ms)


def _action(text: str, state: LockerState, now: Now) -> Credential | str:
    assert state.trust is not None
    claims = open_courier_action(text, state.trust)
    check_courier_claims(
        claims,
        _audiences(state),
        now.at_ms,
        issuer=state.trust.fleet,
        used=state.durable.used_jtis,
        revoked=state.desired.revoked,
        behind=now.clock == "floor",
    )
    action = claims.action
    kind = ACTION_VISITS.get(action.operation)
    if kind is None:
        return "operation_not_offered"
    return Credential(kind, action.operation, action.jti, None, claims.grant.subject, action.expires_at_ms)
