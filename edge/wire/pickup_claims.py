"""What credentials state: operations, audiences, times, and the CWT claims (RFC 8392) that carry them.

Claims that v1 does not know are refused: a credential may say nothing that its reader does not understand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Any

from edge.wire import base45, cbor, cose
from edge.wire.errors import Malformed, TooLarge, UnknownKey
from edge.wire.ids import MAX_SAFE_INTEGER, check_hex_id
from edge.wire.keys import Role, RoleKey, TrustBundle

PREFIX = "PW1:"
ISS, SUB, AUD, EXP, NBF, CTI, CNF = 1, 2, 3, 4, 5, 7, 8
OPERATION, PICKUP_ID = -65537, -65538  # private use: below -65536 (RFC 8392 section 9.1)
JTI_BYTES = PICKUP_ID_BYTES = 16
MAX_SECONDS = MAX_SAFE_INTEGER // 1000
_AUDIENCE = re.compile(r"(locker|group):[a-z0-9-]{3,40}\Z")
_SUBJECT = re.compile(r"[a-z0-9_.:-]{1,64}\Z")

Keys = Mapping[bytes, bytes] | TrustBundle


class Operation(StrEnum):
    """What a credential allows its bearer to do."""

    COLLECT = "collect"
    DEPOSIT = "deposit"
    RETRIEVE = "retrieve"
    DROP_OFF = "drop_off"
    MAINTAIN = "maintain"


def drop_off_parcel_id(pickup_id: str) -> str:
    """The id of a parcel that is dropped off without a label: made from its pickup's id, alike on both sides."""
    return f"D-{check_hex_id(pickup_id, where='pickup_id').upper()}"


def locker_audience(device_id: str) -> str:
    """The audience of one locker."""
    return check_audience(f"locker:{device_id}")


def group_audience(name: str) -> str:
    """The audience of a named group of lockers near each other."""
    return check_audience(f"group:{name}")


def check_audience(text: Any, *, where: str = "aud") -> str:
    """Return `text` when it is `locker:<device_id>` or `group:<name>`, names of 3 to 40 of `a-z 0-9 -`."""
    if type(text) is not str or not _AUDIENCE.match(text):
        raise Malformed(f"not an audience: {text!r:.60}", where=where, remedy="Use locker:<device_id> or group:<name>.")
    return text


def check_subject(text: Any, *, where: str = "sub") -> str:
    """Return `text` when it is an actor's code: 1 to 64 of `a-z 0-9 _ . : -`, a pseudonym and never a name."""
    if type(text) is not str or not _SUBJECT.match(text):
        raise Malformed(f"not an actor's code: {text!r:.60}", where=where)
    return text


def check_operation(text: Any, *, where: str = "operation") -> Operation:
    """The operation of that name."""
    if not isinstance(text, str) or text not in set(Operation):
        raise Malformed(f"unknown operation {text!r:.40}", where=where)
    return Operation(text)


def check_life(not_before_ms: int, expires_at_ms: int, limit_ms: int, *, where: str) -> None:
    """Refuse a window that in whole seconds is empty or longer than `limit_ms`."""
    if not 0 < expires_at_ms // 1000 - not_before_ms // 1000 <= limit_ms // 1000:
        raise Malformed(f"lives longer than {limit_ms // 1000} s, or not at all", where=where)


def seconds_of(at_ms: int, *, where: str) -> int:
    """A NumericDate: whole seconds; milliseconds are cut off."""
    if type(at_ms) is not int or not 0 <= at_ms <= MAX_SAFE_INTEGER:
        raise Malformed("not a time in Unix milliseconds", where=where)
    return at_ms // 1000


def hex_bytes(text: str, *, where: str) -> bytes:
    """16 bytes from 32 lower-case hex digits."""
    return bytes.fromhex(check_hex_id(text, where=where))


class Claims:
    """Reads a claim set; every miss is a `Malformed` that names the claim."""

    def __init__(self, payload: bytes, needed: Set[int], allowed: Set[int], where: str) -> None:
        value = cbor.decode(payload, where=where)
        if type(value) is not dict or not needed <= value.keys() <= allowed:
            raise Malformed("a claim is missing or unknown", where=where)
        self._claims: dict[Any, Any] = value
        self._where = where

    def has(self, label: int) -> bool:
        return label in self._claims

    def value(self, label: int) -> Any:
        return self._claims[label]

    def at_ms(self, label: int) -> int:
        """A NumericDate as Unix milliseconds."""
        value = self._claims[label]
        if type(value) is not int or not 0 <= value <= MAX_SECONDS:
            raise Malformed(f"claim {label} is not whole seconds", where=self._where)
        return value * 1000

    def hex_id(self, label: int) -> str:
        """16 bytes as 32 hex digits."""
        value = self._claims[label]
        if type(value) is not bytes or len(value) != JTI_BYTES:
            raise Malformed(f"claim {label} is not 16 bytes", where=self._where)
        return value.hex()

    def items(self, label: int, limit: int) -> list[Any]:
        """A list of 1 to `limit` items."""
        value = self._claims[label]
        if type(value) is not list or not 1 <= len(value) <= limit:
            raise Malformed(f"claim {label} is not a list of 1 to {limit}", where=self._where)
        return value


def verify_issuer(token: cose.Sign1, keys: Keys, context: bytes) -> RoleKey:
    """Check an issuer's signature and return the key that holds; its time window is not looked at.

    Raises:
        UnknownKey: no pickup key of that id.
        BadSignature: it does not hold.
    """
    if isinstance(keys, TrustBundle):
        key = keys.key(Role.PICKUP, token.key_id)
    elif (public := keys.get(token.key_id)) is not None:
        key = RoleKey(public, 0, MAX_SAFE_INTEGER)
    else:
        raise UnknownKey(f"no pickup key {token.key_id.hex()}", where="keys", remedy="Fetch the newest bundle.")
    token.verify(key.public, context)
    return key


def to_text(letter: str, data: bytes, limit: int) -> str:
    """`PW1:`, the letter of the kind, and base45: all of them characters of a QR code's alphanumeric mode.

    Raises:
        TooLarge: more than `limit` characters.
    """
    text = PREFIX + letter + base45.encode(data)
    if len(text) > limit:
        raise TooLarge(f"{len(text)} characters, at most {limit}", where="credential")
    return text


def from_text(letter: str, text: str, limit: int) -> bytes:
    """Inverse of `to_text`.

    Raises:
        TooLarge, Malformed: too long, another kind, or not base45.
    """
    if len(text) > limit:
        raise TooLarge(f"{len(text)} characters, at most {limit}", where="credential")
    if not text.startswith(PREFIX + letter):
        raise Malformed(f"does not begin with {PREFIX}{letter}", where="credential")
    return base45.decode(text[len(PREFIX) + 1 :])
