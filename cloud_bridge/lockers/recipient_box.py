"""Personal data at rest: AES-256-GCM under a key of its own for every parcel; dropping the key erases the person."""

from __future__ import annotations

import json

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloud_bridge.errors import StoreFailed
from cloud_bridge.lockers.model import Recipient

DATA_KEY_BYTES = 32
NONCE_BYTES = 12


def seal_recipient(recipient: Recipient, data_key: bytes, nonce: bytes, parcel_key: str) -> bytes:
    """The sealed bytes, bound to the parcel: they cannot be moved to another row."""
    plain = json.dumps([recipient.name, recipient.email, recipient.phone, recipient.language]).encode()
    return nonce + AESGCM(data_key).encrypt(nonce, plain, parcel_key.encode())


def open_recipient(sealed: bytes, data_key: bytes, parcel_key: str) -> Recipient:
    """Raises StoreFailed when bytes, key and parcel do not belong together."""
    try:
        plain = AESGCM(data_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], parcel_key.encode())
    except InvalidTag as error:
        raise StoreFailed("a sealed recipient does not open", where=parcel_key, remedy="Restore the row.") from error
    return Recipient(*json.loads(plain))
