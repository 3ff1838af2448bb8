"""How the embedded broker listens: on loopback with tokens, or anywhere with certificates of both sides."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from cloud_bridge.broker.credentials import Credentials
from cloud_bridge.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BrokerTls:
    """The broker's certificate and key, the authority of its clients, and what that authority has revoked.

    The files are read once: a new revocation list holds after a restart (mosquitto takes one while it runs).
    """

    certificate: Path
    key: Path
    client_authority: Path
    revoked: Path | None = None

    def context(self) -> ssl.SSLContext:
        """A server context that completes no handshake without a valid, unrevoked client certificate.

        Raises:
            ConfigError: a file is missing or is not what it should be.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_cert_chain(self.certificate, self.key)
            context.load_verify_locations(self.client_authority)
            if self.revoked is not None:
                context.load_verify_locations(self.revoked)
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        except OSError as error:
            raise ConfigError(
                f"certificate files are not usable: {error.strerror or error}",
                where="broker.tls",
                remedy="Name PEM files: certificate and its key, the clients' authority, its revocation list.",
            ) from error
        return context


@dataclass(frozen=True, slots=True)
class EmbeddedConfig:
    """Limits are for sites of up to about 200 devices; keepalives are enforced at 1.5 times their value."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 1883
    credentials: Credentials = field(default_factory=lambda: Credentials({}), repr=False)
    tls: BrokerTls | None = None
    max_connections: int = 400
    max_packet_bytes: int = 256 * 1024
    max_keepalive_s: int = 120
    connect_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        """Raises ConfigError: not an address, or one that others can reach without certificates."""
        try:
            address = ipaddress.ip_address(self.listen_host)
        except ValueError:
            raise ConfigError(
                f"not an IP address: {self.listen_host!r:.60}", where="broker.listen", remedy="Use 127.0.0.1."
            ) from None
        if not address.is_loopback and self.tls is None:
            raise ConfigError(
                f"{address} can be reached by others and no client certificates are required",
                where="broker.listen",
                remedy="Listen on 127.0.0.1, or give the certificate, key and client authority.",
            )


def parse_listen(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:1883` or `[::1]:1883`; port 0 takes a free one.

    Raises:
        ConfigError: not of that form.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f"not an address with a port: {text!r:.60}", where="--listen", remedy="Use 127.0.0.1:1883.")
    return host.strip("[]"), int(port)
