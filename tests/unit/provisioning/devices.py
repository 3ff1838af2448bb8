"""Devices and server requests as they reach the authority, with keys made on the spot."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.wire.enrolment import DeviceKind, EnrolmentRequest
from edge.wire.keys import Ed25519Signer

FLEET = "test.fleet"
T0_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def signing_request(key: object, *names: str, digest: object = hashes.SHA256(), extension: object = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, None if isinstance(key, Ed25519PrivateKey) else digest).public_bytes(Encoding.PEM)


def p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Device:
    """A device with its three keys, any of which a test may exchange."""

    device_id: str
    log: Ed25519Signer
    wrap_public: bytes
    tls: object
    kind: DeviceKind = DeviceKind.LOCKER

    def request(self, fleet: str = FLEET) -> bytes:
        csr = signing_request(self.tls, self.device_id).decode()
        plain = EnrolmentRequest(fleet, self.device_id, self.kind, csr, self.log.public, self.wrap_public)
        return plain.proved(self.log).encode()


def device(number: int = 1, tls: object = None) -> Device:
    log = Ed25519Signer(Ed25519PrivateKey.generate().private_bytes_raw())
    wrap = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return Device(f"locker-{number:04d}", log, wrap, tls or p256())
