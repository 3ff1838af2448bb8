"""Whether two parcels are for the same contact, without keeping the contact: a keyed hash of what reaches it."""

from __future__ import annotations

import hashlib
import hmac

from cloud_bridge.lockers.model import Recipient

_HASH_BYTES = 16


def contact_hash(key: bytes, tenant: str, recipient: Recipient) -> bytes | None:
    """Equal for equal addresses of one tenant; whoever lacks `key` cannot try addresses. None: nothing reaches it."""
    address = recipient.email.strip().lower() or recipient.phone.strip()
    if not key or not address:
        return None
    message = b"\0".join((b"contact/v1", tenant.encode(), address.encode()))
    return hmac.digest(key, message, hashlib.sha256)[:_HASH_BYTES]
