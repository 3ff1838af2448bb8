"""Who a client is: the CN of its verified certificate, or on loopback without TLS a name with its token."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cloud_bridge.errors import ConfigError
from edge.wire.errors import Malformed
from edge.wire.ids import check_device_id
from edge.wire.topics import is_bridge_name

MIN_TOKEN_CHARS = 16
_FILE = TypeAdapter(dict[str, str])


class Credentials:
    """Names with their tokens, kept as digests and compared in constant time."""

    __slots__ = ("_digests",)

    def __init__(self, tokens: Mapping[str, str]) -> None:
        """Raises ConfigError: a name that is neither a device's nor a bridge worker's, a short or a shared token."""
        for name, token in tokens.items():
            _check_name(name)
            if len(token) < MIN_TOKEN_CHARS:
                raise ConfigError(
                    f"token of {name} is too short", where="credentials", remedy=f"Use {MIN_TOKEN_CHARS} or more."
                )
        if len(set(tokens.values())) != len(tokens):
            raise ConfigError("two names share one token", where="credentials", remedy="Give every name its own token.")
        self._digests = {name: _digest(token) for name, token in tokens.items()}

    @classmethod
    def read(cls, path: Path) -> Credentials:
        """Credentials of a JSON file `{"name": "token"}` that only its owner may read.

        Raises:
            ConfigError: no such file, readable by others, or not that shape.
        """
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigError("readable by others", where=str(path), remedy=f"Run chmod 600 {path}.")
            return cls(_FILE.validate_json(path.read_bytes(), strict=True))
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(path), remedy="Name a file.") from error
        except ValidationError as error:
            raise ConfigError(
                f"not a table of names and tokens ({error.error_count()} faults)",
                where=str(path),
                remedy='Write {"locker-0001": "…"}.',
            ) from None

    def hold(self, name: str | None, token: str | None) -> bool:
        """Whether this is the token of that name; an unknown name costs the same time."""
        known = self._digests.get(name or "")
        same = hmac.compare_digest(known or bytes(32), _digest(token or ""))
        return same and known is not None


def certificate_name(peer: ssl.SSLObject) -> str | None:
    """The one CN of the client's verified certificate; None when it has none or several."""
    certificate = peer.getpeercert() or {}
    subject = certificate.get("subject", ())
    names = [value for relative in subject for key, value in relative if key == "commonName"]  # type: ignore[misc]
    return str(names[0]) if len(names) == 1 else None


def _check_name(name: str) -> None:
    if not is_bridge_name(name):
        try:
            check_device_id(name)
        except Malformed as error:
            raise ConfigError(f"not a name: {name!r:.60}", where="credentials", remedy=error.remedy) from None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
