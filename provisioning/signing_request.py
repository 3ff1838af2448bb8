"""A key and its signing request for a server of the fleet (bridge, broker), made where the server runs."""

from __future__ import annotations

from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from provisioning.errors import Refused


class Algorithm(StrEnum):
    P256 = "p256"
    ED25519 = "ed25519"


def new_key(algorithm: Algorithm) -> bytes:
    """A private key as PKCS #8 PEM."""
    if algorithm is Algorithm.P256:
        key: ec.EllipticCurvePrivateKey | Ed25519PrivateKey = ec.generate_private_key(ec.SECP256R1())
    else:
        key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request_for(party_id: str, key_pem: bytes) -> bytes:
    """A PKCS #10 request for CN = `party_id`, in PEM.

    Raises:
        Refused: the key is damaged, or neither P-256 nor Ed25519.
    """
    try:
        key = load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise Refused(
            "not a private key in PEM", where="key", remedy="Name a new file; a key is made there."
        ) from error
    builder = x509.CertificateSigningRequestBuilder()
    builder = builder.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, party_id)]))
    if isinstance(key, Ed25519PrivateKey):
        return builder.sign(key, None).public_bytes(Encoding.PEM)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    raise Refused("neither P-256 nor Ed25519", where="key", remedy="Name a new file; a key is made there.")
