"""A throw-away authority for broker tests: it issues certificates by name and lists what it has revoked."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_UNTIL = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Issued:
    certificate: Path
    key: Path
    serial: int


class Authority:
    """Writes PEM files into one folder; every name gets its own key, made once."""

    def __init__(self, folder: Path, name: str = "test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        self._issued: dict[str, Issued] = {}
        self._certificate = self._sign(self._name, self._key.public_key(), authority=True)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self.revoked_file = folder / "revoked.pem"
        self.revoke()

    def issue(self, name: str) -> Issued:
        if name not in self._issued:
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = self._sign(_named(name), key.public_key())
            stem = f"{len(self._issued):03d}-{''.join(c if c.isalnum() else '_' for c in name)}"
            paths = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
            paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
            paths[1].write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
            self._issued[name] = Issued(*paths, certificate.serial_number)
        return self._issued[name]

    def revoke(self, *names: str) -> None:
        """Write the revocation list: exactly these names."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(_FROM).next_update(_UNTIL)
        for name in names:
            entry = x509.RevokedCertificateBuilder().serial_number(self.issue(name).serial).revocation_date(_FROM)
            builder = builder.add_revoked_certificate(entry.build())
        text = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.revoked_file.write_bytes(text)

    def _sign(
        self, subject: x509.Name, public: ec.EllipticCurvePublicKey, *, authority: bool = False
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_FROM)
            .not_valid_after(_UNTIL)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            hosts = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
