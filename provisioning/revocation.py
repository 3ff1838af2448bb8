"""The revocation list of one authority (RFC 5280 section 5), made anew from the records every time."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from provisioning.authority import DAY_MS, Authority, at, ms
from provisioning.errors import StorageFailed
from provisioning.party import Issued, Party

LIST_LIFE_DAYS = 30
_FORGET_AFTER_MS = DAY_MS  # an expired certificate stands in the lists of one more day


def new_list(authority: Authority, parties: Iterable[Party], number: int, now_ms: int) -> bytes:
    """The list in PEM: every revoked certificate that has not expired."""
    own = authority.issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.issuing.subject)
        .last_update(at(now_ms))
        .next_update(at(now_ms + LIST_LIFE_DAYS * DAY_MS))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own), critical=False)
    )
    for issued in sorted(_revoked(parties, authority.number, now_ms), key=lambda item: item.serial):
        builder = builder.add_revoked_certificate(_entry(issued))
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def is_complete(data: bytes, authority: int, parties: Iterable[Party], now_ms: int) -> bool:
    """Whether the list of that authority names every certificate that it must."""
    serials = {f"{entry.serial_number:040x}" for entry in load(data)}
    return {issued.serial for issued in _revoked(parties, authority, now_ms)} <= serials


def is_stale(data: bytes, now_ms: int) -> bool:
    """Whether half of its life is over. A broker refuses everybody once it has run out, so it is renewed early."""
    return now_ms >= ms(load(data).last_update_utc) + LIST_LIFE_DAYS * DAY_MS // 2


def number_of(data: bytes) -> int:
    return load(data).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def load(data: bytes) -> x509.CertificateRevocationList:
    try:
        return x509.load_pem_x509_crl(data)
    except ValueError as error:
        raise StorageFailed(f"damaged: {error}"[:120], where="ca/crl.pem", remedy="Restore the file.") from error


def _revoked(parties: Iterable[Party], authority: int, now_ms: int) -> list[Issued]:
    return [
        issued
        for party in parties
        for issued in party.certificates
        if issued.authority == authority
        and issued.revoked_at_ms is not None
        and issued.not_after_ms > now_ms - _FORGET_AFTER_MS
    ]


def _entry(issued: Issued) -> x509.RevokedCertificate:
    assert issued.revoked_at_ms is not None
    return (
        x509.RevokedCertificateBuilder()
        .serial_number(int(issued.serial, 16))
        .revocation_date(at(issued.revoked_at_ms))
        .build()
    )
