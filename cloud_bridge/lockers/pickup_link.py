"""The recipient's link: derived from the pickup and its generation, so that nothing of it is stored anywhere."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_ID_BYTES = 16
_PROOF_BYTES = 16


def make_link(key: bytes, pickup_id: str, generation: int) -> str:
    """43 characters: the pickup id and 128 bits that only the holder of `key` can make. A new generation voids it."""
    body = bytes.fromhex(pickup_id)
    return base64.urlsafe_b64encode(body + _proof(key, b"link/v1", pickup_id, generation)).rstrip(b"=").decode()


def pickup_of(link: str) -> str | None:
    """Which pickup a link claims to be for; whether it is genuine is `link_holds`'s to say."""
    try:
        data = base64.b64decode(link + "=" * (-len(link) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return data[:_ID_BYTES].hex() if len(data) == _ID_BYTES + _PROOF_BYTES else None


def link_holds(key: bytes, link: str, pickup_id: str, generation: int) -> bool:
    return hmac.compare_digest(make_link(key, pickup_id, generation).encode(), link.encode("utf-8", "replace"))


def token_jti(key: bytes, pickup_id: str, generation: int) -> str:
    """The QR token's id: the same each time the page is opened, so that one visit consumes them all."""
    return _proof(key, b"jti/v1", pickup_id, generation).hex()


def _proof(key: bytes, use: bytes, pickup_id: str, generation: int) -> bytes:
    message = use + bytes.fromhex(pickup_id) + generation.to_bytes(8, "big")
    return hmac.digest(key, message, hashlib.sha256)[:_PROOF_BYTES]
