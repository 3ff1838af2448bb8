"""Errors of the wire contract.

WireError
├── Malformed        bytes or values outside the contract's grammar
├── TooLarge         a stated size limit is exceeded
├── BadSignature     the bytes are not what the key signed
├── UnknownKey       no key of that id in that role
├── WrongOrigin      a valid message of another device, stream or audience
├── BadProof         a Merkle proof or root does not hold
├── NotValidNow      outside its time window or its session
├── AlreadyUsed      a credential that is good for one visit came again
└── Revoked          a credential or key that was withdrawn
"""

from __future__ import annotations

from typing import ClassVar, Literal

Retry = Literal["never", "after_s", "after_reset"]


class WireError(ValueError):
    """What is wrong, where it stands, and what to do about it."""

    code: ClassVar[str] = "wire"
    retry: ClassVar[Retry] = "never"

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy or "Send bytes that follow docs/reference/wire.md."
        super().__init__(f"{where}: {what}" if where else what)


class Malformed(WireError):
    code = "malformed"


class TooLarge(WireError):
    code = "too_large"


class BadSignature(WireError):
    code = "bad_signature"


class UnknownKey(WireError):
    code = "unknown_key"


class WrongOrigin(WireError):
    code = "wrong_origin"


class BadProof(WireError):
    code = "bad_proof"


class NotValidNow(WireError):
    code = "not_valid_now"


class AlreadyUsed(WireError):
    code = "already_used"


class Revoked(WireError):
    code = "revoked"
