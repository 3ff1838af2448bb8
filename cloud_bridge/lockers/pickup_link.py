"""Links of recipients, proxies and senders: derived from what they open, so that nothing of them is stored anywhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import Enum

_ID_BYTES = 16
_PROOF_BYTES = 16


class LinkUse(bytes, Enum):
    """Whom a link is for: the uses share no link, even for the same id."""

    RECIPIENT = b"link/v1"
    PROXY = b"proxy/v1"
    SENDER = b"drop/v1"


def make_link(key: bytes, subject_id: str, generation: int, use: LinkUse = LinkUse.RECIPIENT) -> str:
    """43 characters: the id (a pickup's or a proxy's) and 128 bits that only the holder of `key` can make.

    A new generation voids it.
    """
    body = bytes.fromhex(subject_id)
    return base64.urlsafe_b64encode(body + _proof(key, use.value, subject_id, generation)).rstrip(b"=").decode()


def pickup_of(link: str) -> str | None:
    """Which id a link claims to be for; whether it is genuine is `link_holds`'s to say."""
    try:
        data = base64.b64decode(link + "=" * (-len(link) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data[:_ID_BYTES].hex() if len(data) == _ID_BYTES + _PROOF_BYTES else None


def link_holds(
    key: bytes, link: str, subject_id: str, generation: int, use: LinkUse = LinkUse.RECIPIENT
) -> bool:  # fmt: skip
    return hmac.compare_digest(make_link(key, subject_id, generation, use).encode(), link.encode("utf-8", "replace"))


def token_jti(key: bytes, pickup_id: str, generation: int) -> str:
    """The QR token's id: the same each time the page is opened, so that one visit consumes them all."""
    return _proof(key, b"jti/v1", pickup_id, generation).hex()


def drop_off_jti(key: bytes, pickup_id: str) -> str:
    """The id of a sender's code: one drop-off consumes it."""
    return _proof(key, b"drop-jti/v1", pickup_id, 0).hex()


def _proof(key: bytes, use: bytes, pickup_id: str, generation: int) -> bytes:
    message = use + bytes.fromhex(pickup_id) + generation.to_bytes(8, "big")
    return hmac.digest(key, message, hashlib.sha256)[:_PROOF_BYTES]
