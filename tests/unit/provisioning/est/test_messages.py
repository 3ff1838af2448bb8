from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.est_client import read_certificates
from edge.storage.key_file import KeyFile
from edge.wire.enrolment import REQUEST_ATTRIBUTE, DeviceKind
from edge.wire.errors import WireError
from provisioning.authority import new_root
from provisioning.errors import Refused
from provisioning.est.messages import certificates, read_request
from tests.unit.provisioning.devices import FLEET, T0_MS, Device, device, p256

WHO = device()


def outer(who: Device, key: object, *, name: str = "", value: bytes | None = None) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or who.device_id)])
    inner = base64.b64encode(who.request()) if value is None else value
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_attribute(x509.ObjectIdentifier(REQUEST_ATTRIBUTE), inner)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def test_request_of_the_device_is_read_as_it_was_made(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path, "locker-0001")
    request, data = read_request(base64.encodebytes(keys.est_request(FLEET, DeviceKind.LOCKER)))
    assert (request.device_id, request.log_public) == ("locker-0001", keys.log_public)
    assert data == request.encode()


@pytest.mark.parametrize(
    "body",
    [
        lambda: outer(WHO, p256()),
        lambda: outer(WHO, WHO.tls, name="locker-0002"),
        lambda: outer(WHO, WHO.tls, value=b"%%%"),
        lambda: outer(WHO, WHO.tls)[:-1] + b"\x00",
        lambda: x509.load_pem_x509_csr(WHO.request().decode().split('"')[3].replace("\\n", "\n").encode()).public_bytes(
            Encoding.DER
        ),
    ],
    ids=["other-key", "other-subject", "no-base64-inside", "altered-signature", "plain"],
)
def test_request_whose_parts_do_not_belong_together_is_refused(body) -> None:
    with pytest.raises(Refused) as caught:
        read_request(base64.encodebytes(body()))
    assert caught.value.remedy


GOOD = outer(WHO, WHO.tls)


@settings(max_examples=50)
@given(
    st.binary(max_size=300)
    | st.builds(
        lambda at, byte: GOOD[:at] + byte + GOOD[at + 1 :],
        st.integers(0, len(GOOD) - 1),
        st.binary(min_size=1, max_size=1),
    )
)
def test_request_of_any_bytes_is_read_or_refused_with_a_typed_error(data: bytes) -> None:
    for body in (data, base64.b64encode(data)):
        try:
            request, _ = read_request(body)
        except (Refused, WireError):
            continue
        assert request.device_id == WHO.device_id


def test_certificates_are_read_by_the_device_as_they_were_sent() -> None:
    found = [new_root("test.fleet", T0_MS)[1], new_root("test.fleet", T0_MS, 2)[1]]
    assert set(read_certificates(certificates(found))) == set(found)


@settings(max_examples=50)
@given(st.binary(max_size=200))
def test_certificates_of_any_bytes_are_a_list_or_a_value_error(data: bytes) -> None:
    for body in (data, base64.b64encode(data)):
        try:
            read_certificates(body)
        except ValueError:
            continue
