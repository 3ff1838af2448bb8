from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from provisioning.authority import BACKDATE_MS, Authority, issuing_certificate, ms, new_root
from provisioning.profiles import PROFILES, Kind, check_hosts, check_signing_request
from tests.unit.provisioning.devices import DAY_MS, T0_MS, p256, signing_request

ROOT_KEY, ROOT = new_root("test.fleet", T0_MS)
KEY = p256()
ISSUING = issuing_certificate("test.fleet", KEY.public_key(), ROOT_KEY, ROOT, T0_MS)
AUTHORITY = Authority(ISSUING, ROOT, KEY)


def issued(kind: Kind, party_id: str, *hosts: str) -> x509.Certificate:
    profile = PROFILES[kind]
    request = check_signing_request(signing_request(p256(), party_id), party_id)
    return AUTHORITY.issue(request, profile, check_hosts(hosts, profile), 90, T0_MS)


@pytest.mark.parametrize(("certificate", "length"), [(ROOT, 1), (ISSUING, 0)], ids=["root", "issuing"])
def test_authority_may_sign_certificates_and_lists_and_nothing_else(certificate: x509.Certificate, length: int) -> None:
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert constraints.critical and constraints.value == x509.BasicConstraints(ca=True, path_length=length)
    assert usage.critical and usage.value.key_cert_sign and usage.value.crl_sign
    assert not usage.value.digital_signature


@pytest.mark.parametrize(
    ("kind", "party_id", "hosts", "usage"),
    [
        (Kind.LOCKER, "locker-0001", (), ExtendedKeyUsageOID.CLIENT_AUTH),
        (Kind.HANDHELD, "handheld-1", (), ExtendedKeyUsageOID.CLIENT_AUTH),
        (Kind.ROBOT_GATEWAY, "robots-1", (), ExtendedKeyUsageOID.CLIENT_AUTH),
        (Kind.BRIDGE, "bridge.1", (), ExtendedKeyUsageOID.CLIENT_AUTH),
        (Kind.BROKER, "broker.1", ("dns:localhost",), ExtendedKeyUsageOID.SERVER_AUTH),
    ],
)
def test_certificate_says_what_the_profile_says(
    kind: Kind, party_id: str, hosts: tuple[str, ...], usage: x509.ObjectIdentifier
) -> None:
    leaf = issued(kind, party_id, *hosts)
    of = leaf.extensions.get_extension_for_class
    assert of(x509.BasicConstraints).value == x509.BasicConstraints(ca=False, path_length=None)
    assert list(of(x509.ExtendedKeyUsage).value) == [usage]
    assert of(x509.KeyUsage).value.digital_signature and not of(x509.KeyUsage).value.key_cert_sign
    names = {attribute.oid: attribute.value for attribute in leaf.subject}
    assert names == {
        NameOID.ORGANIZATION_NAME: "test.fleet",
        NameOID.ORGANIZATIONAL_UNIT_NAME: kind.value,
        NameOID.COMMON_NAME: party_id,
    }


def test_certificate_begins_early_enough_for_a_slow_clock_and_ends_in_time() -> None:
    leaf = issued(Kind.LOCKER, "locker-0001")
    assert ms(leaf.not_valid_before_utc) == T0_MS - BACKDATE_MS
    assert ms(leaf.not_valid_after_utc) == T0_MS + 90 * DAY_MS


def test_two_certificates_of_one_request_have_different_serials() -> None:
    assert len({issued(Kind.LOCKER, "locker-0001").serial_number for _ in range(20)}) == 20


def test_text_of_the_authority_holds_no_key() -> None:
    assert "key=" not in repr(AUTHORITY)
