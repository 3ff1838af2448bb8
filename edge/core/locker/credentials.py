"""Opens a scanned credential: signature first, then audience, time, use and revocation."""

from __future__ import annotations

from dataclasses import dataclass

from edge.core.locker.state import LockerState


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that may start a visit now. `kind`: recipient or courier."""

    kind: str
    jti: str | None
    pickup_id: str | None
    actor: str | None
    expires_at_ms: int | None


def wears_token(text: str) -> bool:
    return text.startswith("PW1:")


def open_credential(text: str, state: LockerState, at_ms: int) -> Credential | str:
    return "untrusted"
