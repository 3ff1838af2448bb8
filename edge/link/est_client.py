"""The device's side of Enrolment over Secure Transport (RFC 7030)."""

from __future__ import annotations

import base64
import json
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from edge.errors import EnrolmentRefused, LinkDown

TRUST_BUNDLE = "/.well-known/parcelworks/trust.bundle"
MAX_ANSWER_BYTES = 64 * 1024
TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class EstServer:
    """`url`: up to `/.well-known/est`. `authorities`: whom to trust, PEM. `certificate`, `key`: files to show."""

    url: str
    authorities: str
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 at least, trusting only these authorities.

        Raises:
            EnrolmentRefused: the authorities are no certificates, or the files do not belong together.
        """
        try:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=self.authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None and self.key is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ValueError) as error:
            remedy = "Bring a new claim file."
            raise EnrolmentRefused(f"no usable certificates: {error}"[:200], where=self.url, remedy=remedy) from error
        return context


@dataclass(frozen=True, slots=True)
class ClaimSecret:
    """A claim, as HTTP Basic authentication carries it."""

    claim_id: str
    secret: str = field(repr=False)


class EstClient:
    """Requests to one server; each is a connection of its own, because they are few and far between."""

    def __init__(self, server: EstServer) -> None:
        self._server = server

    async def authorities(self) -> list[x509.Certificate]:
        """/cacerts: whom the fleet trusts."""
        return _certificates(await self._call("GET", f"{self._server.url}/cacerts"))

    async def enrol(self, request: bytes, claim: ClaimSecret) -> x509.Certificate:
        """/simpleenroll with a PKCS #10 request in DER.

        Raises:
            LinkDown: no answer; try again later.
            EnrolmentRefused: the server said no.
        """
        shown = base64.b64encode(f"{claim.claim_id}:{claim.secret}".encode()).decode()
        return await self._certify("simpleenroll", request, {"Authorization": f"Basic {shown}"})

    async def renew(self, request: bytes) -> x509.Certificate:
        """/simplereenroll; who asks is shown by the certificate of the TLS handshake, or by the request alone."""
        return await self._certify("simplereenroll", request, {})

    async def trust_bundle(self) -> bytes:
        """The fleet's sealed trust bundle; its seal is not checked here."""
        return await self._call("GET", urljoin(self._server.url, TRUST_BUNDLE))

    async def _certify(self, operation: str, request: bytes, shown: dict[str, str]) -> x509.Certificate:
        headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64", **shown}
        url = f"{self._server.url}/{operation}"
        found = _certificates(await self._call("POST", url, base64.encodebytes(request), headers))
        if len(found) != 1:
            raise LinkDown(f"{len(found)} certificates instead of one", where=url, remedy="Check the server.")
        return found[0]

    async def _call(
        self, method: str, url: str, data: bytes | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        context, timeout = self._server.context(), aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
                session.request(method, url, data=data, ssl=context, allow_redirects=False) as reply,
            ):
                body, status = await reply.content.read(MAX_ANSWER_BYTES), reply.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise LinkDown(reason[:300], where=url, remedy="It is tried again; check network and address.") from error
        if status == 200:
            return body
        what, remedy = _told(body, status)
        kind = EnrolmentRefused if status in (400, 401, 403) else LinkDown
        raise kind(what, where=url, remedy=remedy)


def read_certificates(body: bytes) -> list[x509.Certificate]:
    """The certificates of a certs-only PKCS #7 (RFC 5652) in Base64.

    Raises:
        ValueError: anything else.
    """
    data = base64.b64decode(b"".join(body.split()), validate=True)
    return list(pkcs7.load_der_pkcs7_certificates(data))


def chain_pem(leaf: x509.Certificate, authorities: list[x509.Certificate]) -> bytes:
    """The leaf and whoever issued it, as TLS shows them.

    Raises:
        EnrolmentRefused: none of the authorities issued it.
    """
    for issuer in authorities:
        try:
            leaf.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            continue
        return leaf.public_bytes(Encoding.PEM) + issuer.public_bytes(Encoding.PEM)
    raise EnrolmentRefused("none of the fleet's authorities issued it", where="certificate", remedy="Check the server.")


def _certificates(body: bytes) -> list[x509.Certificate]:
    try:
        return read_certificates(body)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise LinkDown(f"not certificates: {error}"[:200], where="EST", remedy="Check the server.") from error


def _told(body: bytes, status: int) -> tuple[str, str]:
    """What the server says of its refusal; a proxy's page is not repeated."""
    try:
        told = json.loads(body)
        return str(told["what"])[:300], str(told["remedy"])[:300]
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {status}", "Check the address."
