"""The next certificate, asked for in time: at two thirds of the life of the one in use, spread over the fleet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.agents.enrolment import verified_bundle
from edge.agents.trust_anchors import ANCHORS
from edge.config import AgentConfig
from edge.errors import ConfigError, EdgeError, LinkDown
from edge.link.est_client import EstClient, EstServer, chain_pem
from edge.storage.document_file import DocumentFiles
from edge.storage.key_file import KeyFile
from edge.wire.enrolment import renew_at_ms, renewal_jitter
from edge.wire.envelope import open_envelope
from edge.wire.errors import WireError
from edge.wire.messages import Bundle

LOOK_EVERY_S = 3600
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Life:
    """A certificate's window, and when its successor is to be asked for."""

    not_after_ms: int
    renew_at_ms: int


def life_of(certificate: x509.Certificate) -> Life:
    start_ms = int(certificate.not_valid_before_utc.timestamp()) * 1000
    end_ms = int(certificate.not_valid_after_utc.timestamp()) * 1000
    jitter = renewal_jitter(certificate.public_bytes(Encoding.DER))
    return Life(end_ms, renew_at_ms(start_ms, end_ms, jitter))


class Renewal:
    """One device's way to its next certificate."""

    def __init__(self, config: AgentConfig, keys: KeyFile) -> None:
        self._config = config
        self._keys = keys

    def life(self) -> Life | None:
        """Of the certificate in use; None before enrolment."""
        certificate = self._keys.certificate()
        return None if certificate is None else life_of(certificate)

    async def renew(self) -> Life:
        """Ask for the next certificate and keep it, with the newest trust bundle.

        The certificate in use shows who asks. With one that has expired no handshake succeeds: then the log key
        speaks for the device, and an operator must have allowed it.

        Raises:
            ConfigError: no server is configured, or the device was never enrolled.
            EnrolmentRefused: the fleet says no.
            LinkDown: no answer; try again later.
        """
        where = self._config.enrolment
        if where is None:
            raise ConfigError("no server to ask", where="enrolment", remedy="Set enrolment.url, or renew by hand.")
        if self.life() is None:
            raise ConfigError("this device was never enrolled", where="keys", remedy="Enrol it: pw-edge enrol.")
        authorities = self._authorities().read_text("ascii")
        client = EstClient(EstServer(where.url, authorities))
        showing = EstServer(where.url, authorities, self._keys.certificate_path, self._keys.tls_key_path)
        request = self._keys.est_request(self._config.fleet, where.kind)
        try:
            leaf = await EstClient(showing).renew(request)
        except LinkDown:
            leaf = await client.renew(request)
        chain = chain_pem(leaf, await client.authorities())
        sealed = verified_bundle(await client.trust_bundle(), self._config.root_public_hex, self._config.fleet)
        self._keys.install_certificate(chain)
        if _version(sealed) > _version(self._config.trust_file.read_bytes()):
            DocumentFiles(self._config.trust_file.parent).save(self._config.trust_file.name, sealed)
        return life_of(leaf)

    async def run(self, now_ms: Callable[[], int]) -> None:
        """Look every hour, until cancelled. What cannot be done is said in the log and tried again."""
        while True:
            try:
                life = self.life()
                if life is not None and now_ms() >= life.renew_at_ms:
                    after = await self.renew()
                    _log.info("certificate renewed", not_after_ms=after.not_after_ms)
            except (EdgeError, WireError, OSError) as error:  # the doors go on working, whatever a file holds
                _log.warning("certificate not renewed", error=str(error), remedy=getattr(error, "remedy", ""))
            await asyncio.sleep(LOOK_EVERY_S)

    def _authorities(self) -> Path:
        """What the trust bundle says, as the agent wrote it; else what came with the enrolment."""
        told, given = self._config.data_dir / "documents" / ANCHORS, self._config.mqtt.ca_file
        if told.exists():
            return told
        if given is None:
            raise ConfigError("mqtt.ca_file is missing", where="mqtt", remedy="Name the fleet CA's certificate file.")
        return given


def _version(sealed: bytes) -> int:
    return Bundle.parse(open_envelope(sealed).body).bundle.version
