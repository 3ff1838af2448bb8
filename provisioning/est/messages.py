"""PURE. What EST carries (RFC 7030 section 4): PKCS #10 and certs-only PKCS #7 in Base64, and our request inside."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from edge.wire.enrolment import REQUEST_ATTRIBUTE, EnrolmentRequest
from provisioning.authority import public_der
from provisioning.errors import Refused

CERTIFICATES_TYPE = "application/pkcs7-mime"
REQUEST_TYPE = "application/pkcs10"
ATTRIBUTES_TYPE = "application/csrattrs"
MAX_BODY_BYTES = 48 * 1024
_ASK_AGAIN = "Make the request anew: pw-edge enrol."
# SEQUENCE { Attribute { ecPublicKey, SET { prime256v1 } }, ecdsa-with-SHA256, unstructuredName }
_ATTRIBUTES = bytes.fromhex(
    "302c" "301506072a8648ce3d0201310a06082a8648ce3d030107" "06082a8648ce3d040302" "06092a864886f70d010902"
)  # fmt: skip


def attributes() -> bytes:
    """What a request should have (section 4.5.2): a P-256 key, ECDSA with SHA-256, and the enrolment request."""
    return base64.encodebytes(_ATTRIBUTES)


def certificates(found: Sequence[x509.Certificate]) -> bytes:
    """A certs-only PKCS #7 (RFC 5652) in Base64."""
    return base64.encodebytes(pkcs7.serialize_certificates(list(found), Encoding.DER))


def read_request(body: bytes) -> tuple[EnrolmentRequest, bytes]:
    """The enrolment request inside a simpleenroll or simplereenroll body, parsed and as it came.

    The outer request shows that the sender holds the TLS key; the inner one is judged like any other.

    Raises:
        Refused: not Base64 of a PKCS #10 request with our attribute, or not signed by the same key and subject.
        WireError: the enrolment request is malformed, or its proof does not hold.
    """
    try:
        outer = x509.load_der_x509_csr(base64.b64decode(b"".join(body.split()), validate=True))
        signed = outer.is_signature_valid
        inner = outer.attributes.get_attribute_for_oid(x509.ObjectIdentifier(REQUEST_ATTRIBUTE)).value
        data = base64.b64decode(inner, validate=True)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm, x509.AttributeNotFound) as error:
        what = f"not a PKCS #10 request with an enrolment request: {error}"[:200]
        raise Refused(what, where="request", remedy=_ASK_AGAIN) from error
    if not signed:
        raise Refused("it is not signed by its own key", where="request", remedy=_ASK_AGAIN)
    request = EnrolmentRequest.parse(data)
    if not _same(outer, request.csr.encode()):
        raise Refused("its two parts have different keys or subjects", where="request", remedy=_ASK_AGAIN)
    return request, data


def _same(outer: x509.CertificateSigningRequest, inner_pem: bytes) -> bool:
    try:
        inner = x509.load_pem_x509_csr(inner_pem)
        return public_der(outer) == public_der(inner) and outer.subject == inner.subject
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
