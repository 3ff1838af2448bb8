"""One certificate authority of a fleet: a root that is used once, and the issuing key that signs every day."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from provisioning.errors import Conflict, StorageFailed
from provisioning.profiles import Kind, Profile

DAY_MS = 86_400_000
BACKDATE_MS = 3_600_000  # a device's clock may be that much behind
ROOT_LIFE_DAYS = 20 * 365
ISSUING_LIFE_DAYS = 5 * 365


def at(moment_ms: int) -> datetime.datetime:
    """Unix milliseconds as the aware UTC second that X.509 can write."""
    return datetime.datetime.fromtimestamp(moment_ms // 1000, datetime.UTC)


def ms(moment: datetime.datetime) -> int:
    return int(moment.timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class Authority:
    """The issuing certificate with its key, and the root above it.

    `number` counts the fleet's authorities from 1. `cross`: the issuing certificate once more, signed by the former
    root, so that a peer that knows only that one goes on trusting what is issued here.
    """

    issuing: x509.Certificate
    root: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    number: int = 1
    cross: x509.Certificate | None = None

    @property
    def trusted(self) -> tuple[x509.Certificate, ...]:
        """What a peer trusts: issuing certificate, then root."""
        return self.issuing, self.root

    @property
    def shown(self) -> x509.Certificate:
        """What follows a certificate when it is shown.

        With a former root it is the cross certificate alone: whoever trusts this authority holds its issuing
        certificate already, and of two with one key a verifier may take the one that it can follow no further.
        """
        return self.cross or self.issuing

    def issue(
        self,
        request: x509.CertificateSigningRequest,
        profile: Profile,
        hosts: Sequence[x509.GeneralName],
        life_days: int,
        now_ms: int,
    ) -> x509.Certificate:
        """Certify a request that the policy has accepted; the request gives its key and CN and nothing else.

        Raises:
            Conflict: it would outlive the issuing certificate.
        """
        end_ms = now_ms + life_days * DAY_MS
        if end_ms > ms(self.issuing.not_valid_after_utc):
            raise Conflict(
                f"it would outlive the issuing certificate ({self.issuing.not_valid_after_utc:%Y-%m-%d})",
                where="life",
                remedy="Ask for fewer days, or set up a new issuing certificate.",
            )
        common = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        subject = _name(str(common), profile.kind, self.issuing.subject)
        builder = _builder(subject, self.issuing.subject, request.public_key(), now_ms, end_ms)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(profile.usages), critical=False)
        builder = builder.add_extension(_authority_key_id(self.issuing), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        return builder.sign(self.key, hashes.SHA256())


def new_root(fleet: str, now_ms: int, number: int = 1) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A self-signed root for one fleet; it may sign one level of authorities below it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _authority_name(fleet, "root", number)
    builder = _authority_builder(name, name, key.public_key(), now_ms, ROOT_LIFE_DAYS, path_length=1)
    return key, builder.sign(key, hashes.SHA256())


def issuing_certificate(
    fleet: str,
    public: ec.EllipticCurvePublicKey,
    root_key: ec.EllipticCurvePrivateKey,
    root: x509.Certificate,
    now_ms: int,
    *,
    number: int = 1,
    life_days: int = ISSUING_LIFE_DAYS,
) -> x509.Certificate:
    """The certificate of an issuing key below `root`; it may sign no further authority."""
    name = _authority_name(fleet, "issuing", number)
    builder = _authority_builder(name, root.subject, public, now_ms, life_days, path_length=0)
    return builder.add_extension(_authority_key_id(root), critical=False).sign(root_key, hashes.SHA256())


def certificate_pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates)


def certificate_der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def read_certificate(pem: bytes, where: str) -> x509.Certificate:
    """
    Raises:
        StorageFailed: it is damaged.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise StorageFailed(f"damaged: {error}"[:120], where=where, remedy="Restore the folder.") from error


def read_key(pem: bytes, where: str) -> ec.EllipticCurvePrivateKey:
    """
    Raises:
        StorageFailed: it is damaged, or no key on a curve.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise StorageFailed(f"damaged: {error}"[:120], where=where, remedy="Restore the folder.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StorageFailed("not a key on a curve", where=where, remedy="Restore the folder.")
    return key


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_der(request: x509.CertificateSigningRequest) -> bytes:
    """The request's public key as SubjectPublicKeyInfo."""
    return request.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _authority_builder(
    name: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now_ms: int,
    life_days: int,
    path_length: int,
) -> x509.CertificateBuilder:
    builder = _builder(name, issuer, public, now_ms, now_ms + life_days * DAY_MS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
    return builder.add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: CertificatePublicKeyTypes, now_ms: int, end_ms: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at(now_ms - BACKDATE_MS))
        .not_valid_after(at(end_ms))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    own = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _key_usage(**wanted: bool) -> x509.KeyUsage:
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names.split()})


def _authority_name(fleet: str, level: str, number: int) -> x509.Name:
    common = f"{fleet} {level}" if number == 1 else f"{fleet} {level} {number}"
    parts = (NameOID.ORGANIZATION_NAME, fleet), (NameOID.COMMON_NAME, common)
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts])


def _name(party_id: str, kind: Kind, issuer: x509.Name) -> x509.Name:
    return x509.Name(
        [
            *issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, kind.value),
            x509.NameAttribute(NameOID.COMMON_NAME, party_id),
        ]
    )
