"""Ed25519 keys, key roles and the trust bundle.

A signature always covers a context string, so that no signed bytes of one kind can pass as another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from edge.wire.errors import BadSignature, Malformed, UnknownKey

KEY_ID_BYTES = 8
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Role(StrEnum):
    """What a key may sign. Device log keys stand in the registry, the fleet root in the device's provisioning."""

    ROOT = "root"
    RECEIPTS = "receipts"
    COMMANDS = "commands"
    DESIRED = "desired"
    PICKUP = "pickup"
    RELEASES = "releases"


class Signer(Protocol):
    """Signs with one Ed25519 key that never leaves its holder."""

    @property
    def public(self) -> bytes:
        """The raw public key, 32 bytes (RFC 8032)."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Pure Ed25519 signature, 64 bytes (RFC 8032 section 5.1)."""
        ...


class Ed25519Signer:
    """A `Signer` over a private key held in memory."""

    def __init__(self, private: bytes) -> None:
        """`private`: the 32-byte seed (RFC 8032 section 5.1.5)."""
        if len(private) != 32:
            raise Malformed("an Ed25519 seed has 32 bytes", where="private key")
        self.public, self._secret = crypto_sign_seed_keypair(private)

    def sign(self, message: bytes) -> bytes:
        return crypto_sign(message, self._secret)[:SIGNATURE_BYTES]


@lru_cache(maxsize=4096)
def key_id(public: bytes) -> bytes:
    """First 8 bytes of SHA-256 over the raw public key: names a key inside its role."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


def verify(public: bytes, signature: bytes, message: bytes, *, where: str) -> None:
    """Check a pure Ed25519 signature (RFC 8032 section 5.1.7).

    Raises:
        BadSignature: it does not hold.
        Malformed: `public` is no key at all.
    """
    if len(public) != PUBLIC_KEY_BYTES:
        raise Malformed("an Ed25519 public key has 32 bytes", where="public key")
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignature("a signature has 64 bytes", where=where)
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError as error:
        raise BadSignature("the signature does not hold", where=where) from error


@dataclass(frozen=True, slots=True)
class RoleKey:
    """A public key with its time window; `not_after_ms` is exclusive. Times are Unix milliseconds, UTC."""

    public: bytes
    not_before_ms: int
    not_after_ms: int

    @property
    def key_id(self) -> bytes:
        return key_id(self.public)

    def valid_at(self, at_ms: int) -> bool:
        return self.not_before_ms <= at_ms < self.not_after_ms


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A certificate (DER) below which TLS peers of the fleet are trusted; `not_after_ms` is exclusive."""

    certificate: bytes
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class TrustBundle:
    """The cloud's role keys, versioned; during a rotation a role has two keys with overlapping windows.

    `anchors`: how TLS peers are known, both roots of the certificate authority while one follows the other. Empty:
    the bundle says nothing about them.
    """

    fleet: str
    version: int
    issued_at_ms: int
    roles: Mapping[Role, tuple[RoleKey, ...]]
    anchors: tuple[TrustAnchor, ...] = ()

    def key(self, role: Role, wanted: bytes, at_ms: int | None = None) -> RoleKey:
        """The key of that id in that role; with `at_ms`, only while its window is open.

        Raises:
            UnknownKey: there is none.
        """
        for key in self.roles.get(role, ()):
            if key.key_id == wanted and (at_ms is None or key.valid_at(at_ms)):
                return key
        raise UnknownKey(f"no {role.value} key {wanted.hex()}", where="trust bundle", remedy="Fetch the newest bundle.")

    def keys(self, role: Role) -> tuple[RoleKey, ...]:
        return self.roles.get(role, ())
