"""The cloud's Ed25519 keys as files: one key a file, PKCS #8 PEM, named by its role and key id."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from edge.wire.keys import Ed25519Signer, Role, key_id
from provisioning.errors import StorageFailed


def path(role: Role, public: bytes) -> str:
    """Where the key lies in the fleet folder."""
    return f"roles/{role.value}-{key_id(public).hex()}.key"


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signer(data: bytes, where: str) -> Ed25519Signer:
    """
    Raises:
        StorageFailed: it is damaged, or no Ed25519 key.
    """
    try:
        key = load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StorageFailed("not a private key in PEM", where=where, remedy="Restore the file.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageFailed("not an Ed25519 key", where=where, remedy="Restore the file.")
    return Ed25519Signer(key.private_bytes_raw())
