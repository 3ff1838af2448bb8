"""The files that mosquitto runs from: its configuration and its access rules, both made, never edited."""

from __future__ import annotations

import getpass
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from cloud_bridge.errors import ConfigError
from edge.wire.errors import Malformed
from edge.wire.topics import mosquitto_acl

STORE_NAME = "mosquitto.db"
_PLAIN_VALUE = re.compile(r"[^\x00-\x1f\x7f#]+\Z")


@dataclass(frozen=True, slots=True)
class MosquittoConfig:
    """One listener that speaks only TLS with client certificates; the CN becomes user name and client id.

    `registry` is the `devices.json` that `pw-provision export` writes: the devices revoked in it lose every right at
    once, on open connections too, where a revocation list alone only stops their next handshake. Run it from an account
    of its own: the broker keeps the account that starts it, because its files are that account's alone.
    """

    folder: Path
    certificate: Path
    key: Path
    client_authority: Path
    revoked: Path | None = None
    registry: Path | None = None
    bridge_names: tuple[str, ...] = ("bridge.0",)
    listen_host: str = "0.0.0.0"
    listen_port: int = 8883
    max_packet_bytes: int = 256 * 1024
    max_queued_messages: int = 100_000
    max_queued_bytes: int = 256 * 1024 * 1024
    max_keepalive_s: int = 120
    executable: str = "mosquitto"
    run_as: str = field(default_factory=getpass.getuser)

    @property
    def config_file(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def acl_file(self) -> Path:
        return self.folder / "mosquitto.acl"

    @property
    def store_file(self) -> Path:
        return self.folder / STORE_NAME

    def text(self) -> str:
        """The configuration file. `per_listener_settings` stays false: with it, stored clients lose their rules.

        Raises:
            ConfigError: a path that cannot stand in the file.
        """
        lines = [
            "# Made by pw-cloud mosquitto config: do not edit by hand.",
            "per_listener_settings false",
            f"user {self.run_as}",
            "allow_anonymous false",
            f"acl_file {self.acl_file}",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 300",
            "persistent_client_expiration 7d",
            "max_inflight_messages 100",
            f"max_queued_messages {self.max_queued_messages}",
            f"max_queued_bytes {self.max_queued_bytes}",
            f"max_packet_size {self.max_packet_bytes}",
            f"max_keepalive {self.max_keepalive_s}",
            "sys_interval 0",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            f"listener {self.listen_port} {self.listen_host}",
            f"certfile {self.certificate}",
            f"keyfile {self.key}",
            f"cafile {self.client_authority}",
            *([f"crlfile {self.revoked}"] if self.revoked else []),
            "tls_version tlsv1.2",
            "require_certificate true",
            "use_identity_as_username true",
            "use_username_as_clientid true",
        ]
        for line in lines[1:]:
            if not _PLAIN_VALUE.match(line):
                raise ConfigError(f"cannot stand in a file: {line!r:.80}", where="mosquitto", remedy="Use plain paths.")
        return "\n".join([*lines, ""])

    def acl_text(self) -> str:
        """The access rules. An unreadable registry is refused, so that a slip cannot unblock anybody."""
        try:
            blocked = _revoked_devices(self.registry) if self.registry else []
            return mosquitto_acl(*self.bridge_names, blocked=blocked)
        except (OSError, ValidationError, Malformed) as error:
            raise ConfigError(
                f"access rules cannot be made: {error}", where=str(self.registry or "bridge"), remedy="Export it anew."
            ) from error

    def write(self) -> None:
        """Write both files, each whole or not at all; their folder is the broker's own."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self.acl_file, self.acl_text())
            _replace(self.config_file, self.text())
        except OSError as error:
            raise ConfigError(
                f"cannot be written: {error.strerror}", where=str(self.folder), remedy="Name a writable folder."
            ) from error


class _RegistryDevice(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)
    device_id: str
    state: Literal["active", "revoked"]


class _Registry(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)
    format: Literal[1]
    devices: list[_RegistryDevice]


def _revoked_devices(registry: Path) -> list[str]:
    rows = _Registry.model_validate_json(registry.read_bytes()).devices
    return [row.device_id for row in rows if row.state == "revoked"]


def _replace(path: Path, text: str) -> None:
    new = path.with_suffix(path.suffix + ".new")
    new.write_text(text, "utf-8")
    new.chmod(0o600)
    new.replace(path)
