"""EST over HTTPS (RFC 7030): /cacerts, /simpleenroll, /simplereenroll, /csrattrs, and the fleet's trust bundle."""

from __future__ import annotations

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from pathlib import Path

import structlog
from aiohttp import hdrs, web
from cryptography import x509

from edge.wire.errors import WireError
from provisioning.authority import certificate_pem
from provisioning.errors import Conflict, Denied, NotFound, ProvisioningError, StorageFailed, Unauthenticated, Unsafe
from provisioning.est import messages
from provisioning.est.service import EnrolmentService
from provisioning.output import describe

BASE = "/.well-known/est"
TRUST_BUNDLE = "/.well-known/parcelworks/trust.bundle"
RETRY_AFTER_S = 60
_log = structlog.get_logger("est")
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Unauthenticated, 401), (Denied, 403), (Conflict, 403), (NotFound, 503), (StorageFailed, 503), (Unsafe, 503),
)  # fmt: skip


def tls_context(certificate: Path, key: Path, authorities: list[x509.Certificate]) -> ssl.SSLContext:
    """TLS 1.2 or later; a client may show a certificate of the fleet, and a wrong one ends the handshake.

    Raises:
        StorageFailed: certificate and key cannot be read or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_OPTIONAL
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        remedy = "Issue one: pw-provision issue est.1 --kind est."
        raise StorageFailed(f"no usable certificate: {error}"[:200], where=str(certificate), remedy=remedy) from error
    context.load_verify_locations(cadata=certificate_pem(*authorities).decode())
    return context


def application(service: EnrolmentService) -> web.Application:
    """The routes. The fleet's folder is read and written on a thread, because its lock may wait."""
    app = web.Application(client_max_size=messages.MAX_BODY_BYTES, middlewares=[_errors_told])
    turn = asyncio.Lock()

    async def cacerts(request: web.Request) -> web.Response:
        return _certificates(await asyncio.to_thread(service.authorities))

    async def csrattrs(request: web.Request) -> web.Response:
        return _answer(messages.attributes(), messages.ATTRIBUTES_TYPE)

    async def trust_bundle(request: web.Request) -> web.Response:
        data = await asyncio.to_thread(service.trust_bundle)
        return web.Response(body=data, content_type="application/cbor")

    async def certified(work: Callable[[], x509.Certificate], how: str) -> web.Response:
        async with turn:
            leaf = await asyncio.to_thread(work)
        _log.info("certified", how=how, subject=leaf.subject.rfc4514_string(), serial=f"{leaf.serial_number:040x}")
        return _certificates([leaf])

    async def enroll(request: web.Request) -> web.Response:
        claim_id, secret = _basic(request)
        body = await _body(request)
        return await certified(lambda: service.by_claim(claim_id, secret, body), "claim")

    async def reenroll(request: web.Request) -> web.Response:
        shown, body = _peer(request), await _body(request)
        if shown is None:
            return await certified(lambda: service.by_former_key(body), "former key")
        return await certified(lambda: service.by_certificate(shown, body), "certificate")

    app.router.add_get(f"{BASE}/cacerts", cacerts)
    app.router.add_get(f"{BASE}/csrattrs", csrattrs)
    app.router.add_post(f"{BASE}/simpleenroll", enroll)
    app.router.add_post(f"{BASE}/simplereenroll", reenroll)
    app.router.add_get(TRUST_BUNDLE, trust_bundle)
    return app


@web.middleware
async def _errors_told(request: web.Request, handler: Callable[[web.Request], object]) -> web.StreamResponse:
    """What is refused becomes a status and a JSON text; the secret of a request is in neither, nor in the log."""
    try:
        return await handler(request)  # type: ignore[misc, no-any-return]
    except (ProvisioningError, WireError) as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
        _log.warning("refused", path=request.path, status=status, code=error.code, what=str(error))
        headers = {hdrs.WWW_AUTHENTICATE: 'Basic realm="enrolment"'} if status == 401 else {}
        headers |= {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)} if status == 503 else {}
        return web.json_response(describe(error), status=status, headers=headers)


def _basic(request: web.Request) -> tuple[str, str]:
    """The claim's id and secret (RFC 7617)."""
    scheme, _, encoded = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        name = colon = secret = ""
    if scheme.lower() != "basic" or not colon:
        raise Unauthenticated("no claim was shown", where="Authorization", remedy="Send claim id and secret (Basic).")
    return name, secret


def _peer(request: web.Request) -> bytes | None:
    transport = request.transport
    tls = None if transport is None else transport.get_extra_info("ssl_object")
    return None if tls is None else tls.getpeercert(binary_form=True)


async def _body(request: web.Request) -> bytes:
    if request.content_type != messages.REQUEST_TYPE:
        raise web.HTTPUnsupportedMediaType(text=f"send {messages.REQUEST_TYPE}\n")
    return await request.read()


def _certificates(found: list[x509.Certificate]) -> web.Response:
    return _answer(messages.certificates(found), f"{messages.CERTIFICATES_TYPE}; smime-type=certs-only")


def _answer(body: bytes, content_type: str) -> web.Response:
    headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CONTENT_TRANSFER_ENCODING: "base64"}
    return web.Response(body=body, headers=headers)
