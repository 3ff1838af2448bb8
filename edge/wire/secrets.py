"""Secrets on their way to one device: HPKE (RFC 9180), base mode, DHKEM(X25519), HKDF-SHA256, ChaCha20-Poly1305.

Device, name and version are bound as `info`, so a wrapped secret opens only where and as what it was meant. Who sent
it is proved by the envelope around it (role `desired`), not here. ChaCha20, because not every board has AES in silicon.
"""

from __future__ import annotations

import re

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from edge.wire.errors import BadSignature, Malformed, TooLarge
from edge.wire.ids import MAX_SAFE_INTEGER, check_device_id

PIN_KEY = "pin_key"
PIN_KEY_BYTES = 32
WRAP_KEY_BYTES = 32
MAX_SECRET_BYTES = 512
OVERHEAD_BYTES = 32 + 16
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def wrap_secret(secret: bytes, *, public: bytes, device_id: str, name: str, version: int) -> bytes:
    """Wrap `secret` to a device's X25519 key: encapsulated key (32 bytes), ciphertext, tag (16 bytes).

    Every call gives other bytes (a fresh ephemeral key).

    Args:
        public: the device's raw wrap public key, 32 bytes.

    Raises:
        Malformed: a bad name, version, device id or public key, or an empty secret.
        TooLarge: more than 512 bytes.
    """
    info = _info(device_id, name, version)
    if not secret:
        raise Malformed("an empty secret", where=f"secret {name}")
    if len(secret) > MAX_SECRET_BYTES:
        raise TooLarge(f"{len(secret)} bytes, at most {MAX_SECRET_BYTES}", where=f"secret {name}")
    try:
        return _SUITE.encrypt(secret, X25519PublicKey.from_public_bytes(public), info)
    except ValueError as error:
        raise Malformed(f"not a usable X25519 public key: {error}", where=f"wrap key of {device_id}") from error


def unwrap_secret(wrapped: bytes, *, private: bytes, device_id: str, name: str, version: int) -> bytes:
    """Open what `wrap_secret` made for exactly this device, name and version.

    Args:
        private: the device's raw wrap private key, 32 bytes.

    Raises:
        BadSignature: it was wrapped for another device, name or version, or its bytes were changed.
        Malformed, TooLarge: a bad name, version or device id, or an impossible length.
    """
    info = _info(device_id, name, version)
    if len(wrapped) <= OVERHEAD_BYTES:
        raise Malformed("too short to be a wrapped secret", where=f"secret {name}")
    if len(wrapped) > OVERHEAD_BYTES + MAX_SECRET_BYTES:
        raise TooLarge(f"{len(wrapped)} bytes", where=f"secret {name}")
    try:
        return _SUITE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(private), info)
    except InvalidTag as error:
        raise BadSignature(
            "it does not open with this device's key",
            where=f"secret {name} version {version}",
            remedy="Wrap it to this device's registered key, name and version.",
        ) from error
    except ValueError as error:
        raise Malformed(f"not a usable X25519 private key: {error}", where="wrap key") from error


def check_secret_name(name: str) -> str:
    """Return `name` when it names a secret: a lower-case word of at most 64 of `a-z 0-9 _`."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise Malformed(f"not a secret's name: {name!r:.60}", where="secret", remedy="Use up to 64 of a-z, 0-9, '_'.")
    return name


def _info(device_id: str, name: str, version: int) -> bytes:
    """Unambiguous, because neither grammar holds a NUL and the version has a fixed width."""
    if type(version) is not int or not 0 <= version <= MAX_SAFE_INTEGER:
        raise Malformed(f"not a version: {version!r:.40}", where=f"secret {name!r:.40}")
    parts = (check_device_id(device_id).encode(), check_secret_name(name).encode(), version.to_bytes(8, "big"))
    return b"parcelworks/secret/v1\x00" + b"\x00".join(parts)
