"""How a device reaches its broker."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The fleet's CA and the device's own certificate and key (PEM).

    `anchors`: what the trust bundle says of the CA, as the agent last wrote it; it takes the place of `ca`.
    """

    ca: Path
    certificate: Path
    key: Path
    anchors: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A client context that trusts only the fleet's CA and shows the device's certificate; TLS 1.2 at least.

        The files are read anew, so that each connection goes by the newest.

        Raises:
            OSError, ssl.SSLError: a file is missing or is not what it should be.
        """
        ca = self.anchors if self.anchors is not None and self.anchors.exists() else self.ca
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(str(self.certificate), str(self.key))
        return context


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """One broker. Without `tls` a user name and password stand in: only for the embedded broker on loopback.

    `first_retry_ms` bounds the first wait after a lost link, uniformly drawn; it doubles to `max_retry_ms`. With
    10 s, ten thousand devices that lose a broker at once come back at a thousand a second.
    """

    host: str
    port: int
    device_id: str
    tls: TlsFiles | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 30
    connect_timeout_s: float = 10.0
    max_in_flight: int = 32
    first_retry_ms: int = 10_000
    max_retry_ms: int = 60_000
