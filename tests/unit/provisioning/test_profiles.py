from __future__ import annotations

import base64
import ipaddress
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.ids import check_device_id
from provisioning.errors import Refused
from provisioning.profiles import (
    PROFILES,
    Kind,
    check_hosts,
    check_life_days,
    check_party_id,
    check_signing_request,
)
from tests.unit.provisioning.devices import p256, signing_request

ID = "locker-0001"
GOOD = signing_request(p256(), ID)
DEVICES = [Kind.LOCKER, Kind.HANDHELD, Kind.ROBOT_GATEWAY]


@pytest.mark.parametrize("make", [p256, Ed25519PrivateKey.generate], ids=["p256", "ed25519"])
def test_signing_request_of_an_allowed_key_is_accepted(make) -> None:
    key = make()
    assert check_signing_request(signing_request(key, ID), ID).public_key() == key.public_key()


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 2048),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ec.generate_private_key(ec.SECP521R1()),
        lambda: ec.generate_private_key(ec.SECP256K1()),
    ],
    ids=["rsa", "p384", "p521", "secp256k1"],
)
def test_signing_request_of_another_key_is_refused(make) -> None:
    with pytest.raises(Refused, match="key of kind"):
        check_signing_request(signing_request(make(), ID), ID)


def test_signing_request_of_ed448_is_refused() -> None:
    key = Ed448PrivateKey.generate()
    with pytest.raises(Refused):
        check_signing_request(signing_request(key, ID, digest=None), ID)


@pytest.mark.parametrize("names", [(), ("locker-0002",), (ID, ID), ("locker-0001\x00",), ("LOCKER-0001",)])
def test_signing_request_of_another_subject_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(Refused, match="subject"):
        check_signing_request(signing_request(p256(), *names), ID)


@pytest.mark.parametrize(
    "extension",
    [x509.BasicConstraints(ca=True, path_length=None), x509.SubjectAlternativeName([x509.DNSName("broker.example")])],
    ids=["authority", "host"],
)
def test_signing_request_with_an_extension_is_refused(extension: object) -> None:
    with pytest.raises(Refused, match="extensions"):
        check_signing_request(signing_request(p256(), ID, extension=extension), ID)


def test_signing_request_of_a_key_that_did_not_sign_is_refused() -> None:
    mine, other = (x509.load_pem_x509_csr(signing_request(p256(), ID)) for _ in range(2))
    der = mine.public_bytes(Encoding.DER)
    keys = [csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for csr in (mine, other)]
    body = base64.encodebytes(der.replace(*keys)).decode()
    pem = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n".encode()
    with pytest.raises(Refused, match="signed"):
        check_signing_request(pem, ID)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_signing_request_damaged_anywhere_is_refused(data: st.DataObject) -> None:
    good = bytearray(GOOD)
    spot = data.draw(st.integers(40, len(good) - 40))
    good[spot] = data.draw(st.integers(0, 255).filter(lambda value: value != good[spot]))
    try:
        request = check_signing_request(bytes(good), ID)
    except Refused:
        return
    same = x509.load_pem_x509_csr(GOOD)  # a changed line break says the same
    assert request.tbs_certrequest_bytes == same.tbs_certrequest_bytes
    assert request.signature == same.signature


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_signing_request_of_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Refused):
        check_signing_request(noise, ID)


def test_signing_request_oversize_is_refused() -> None:
    with pytest.raises(Refused, match="at most"):
        check_signing_request(GOOD + b"\n" * 9000, ID)


@pytest.mark.parametrize("kind", Kind)
def test_profile_of_every_kind_gives_one_side_of_tls_and_a_short_life(kind: Kind) -> None:
    profile = PROFILES[kind]
    server = kind in (Kind.BROKER, Kind.EST)
    assert profile.usages == ((ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH),)
    assert profile.has_hosts is server
    assert profile.has_log_key is (kind in DEVICES)
    assert check_life_days(None, profile) == 90


@pytest.mark.parametrize("kind", Kind)
def test_life_outside_the_profile_is_refused(kind: Kind) -> None:
    profile = PROFILES[kind]
    assert check_life_days(profile.max_life_days, profile) == profile.max_life_days
    for days in (0, -1, profile.max_life_days + 1):
        with pytest.raises(Refused):
            check_life_days(days, profile)


@pytest.mark.parametrize("kind", [Kind.BRIDGE, Kind.BROKER])
def test_server_id_is_never_a_device_id(kind: Kind) -> None:
    server_id = check_party_id(f"{kind}.1", PROFILES[kind])
    with pytest.raises(Malformed):
        check_device_id(server_id)
    for device in DEVICES:
        with pytest.raises(Malformed):
            check_party_id(server_id, PROFILES[device])


@pytest.mark.parametrize("party_id", ["locker-0001", "bridge.", "bridge.A", "broker.1", "bridge.1\n", "bridge.1.2"])
def test_bridge_id_of_another_form_is_refused(party_id: str) -> None:
    with pytest.raises(Refused):
        check_party_id(party_id, PROFILES[Kind.BRIDGE])


def test_hosts_of_a_broker_become_alternative_names() -> None:
    names = check_hosts(["dns:broker.example", "ip:127.0.0.1", "ip:::1"], PROFILES[Kind.BROKER])
    assert [name.value for name in names] == [
        "broker.example",
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("::1"),
    ]


@pytest.mark.parametrize(
    "hosts",
    [[], ["localhost"], ["dns:"], ["dns:*.example"], ["dns:a b"], ["ip:1.2.3"], ["dns:a\n"], ["dns:x"] * 17, ["uri:a"]],
)
def test_hosts_of_another_form_are_refused(hosts: list[str]) -> None:
    with pytest.raises(Refused):
        check_hosts(hosts, PROFILES[Kind.BROKER])


def test_hosts_of_a_device_are_refused() -> None:
    with pytest.raises(Refused):
        check_hosts(["dns:localhost"], PROFILES[Kind.LOCKER])


def test_signing_request_signed_with_sha1_is_refused(tmp_path: Path) -> None:
    command = "openssl req -new -sha1 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout key -subj"
    made = subprocess.run([*command.split(), f"/CN={ID}"], cwd=tmp_path, capture_output=True, check=True)
    with pytest.raises(Refused, match="SHA-2"):
        check_signing_request(made.stdout, ID)
