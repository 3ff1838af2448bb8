"""A bridge process with its keys, registry and SQLite file, made for one fleet in one folder."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.wire.keys import Role
from hil.process import Deployable
from tests.chaos.brokers import Credentials, cached_bytecode
from tests.fleets import Fleet, role_private

BRIDGE_NAME = "bridge.1"


@dataclass(slots=True)
class Installation:
    """The service side: `process` is `pw-cloud serve`; its database can be read whatever state it is in."""

    folder: Path
    fleet: Fleet
    seed: int
    process: Deployable = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        words = ["cloud_bridge", "serve", "--config", str(self.config)]
        self.process = Deployable("bridge", words, self.folder / "bridge.log", cached_bytecode(self.folder.parent))

    @property
    def config(self) -> Path:
        return self.folder / "bridge.toml"

    @property
    def database(self) -> Path:
        return self.folder / "bridge.db"

    def prepare(self, broker_port: int, who: Credentials) -> None:
        """Write keys and configuration and register every device of the fleet, through the bridge's own command."""
        self._write_keys()
        self._write_config(broker_port, who)
        words = ["devices", "import", str(self.folder / "keys" / "devices.json"), "--config", str(self.config)]
        subprocess.run([sys.executable, "-m", "cloud_bridge", *words], check=True, stdout=subprocess.DEVNULL)

    def read(self) -> sqlite3.Connection:
        """A reading connection to the ledger, which may be in use."""
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=30)

    def write(self) -> sqlite3.Connection:
        """A connection that may spoil the ledger, to see that this is found."""
        return sqlite3.connect(self.database, timeout=30)

    def _write_keys(self) -> None:
        keys = self.folder / "keys"
        keys.mkdir(mode=0o700)
        (keys / "trust.bundle").write_bytes(self.fleet.sealed_bundle)
        for role in (Role.RECEIPTS, Role.COMMANDS, Role.DESIRED, Role.PICKUP):
            (keys / f"{role.value}.key").write_bytes(_pem(role_private(role, self.seed)))
        rows = [
            {
                "device_id": device.device_id,
                "kind": "locker",
                "state": "active",
                "log_public": device.log_public.hex(),
                "wrap_public": device.wrap_public.hex(),
            }
            for device in self.fleet.devices.values()
        ]
        (keys / "devices.json").write_text(json.dumps({"format": 1, "devices": rows}))

    def _write_config(self, broker_port: int, who: Credentials) -> None:
        lines = [
            f'database = "sqlite:///{self.database}"',
            "listen_port = 0",
            f'keys = "{self.folder / "keys"}"',
            f'state = "{self.folder / "state"}"',
            "[mqtt]",
            f"port = {broker_port}",
            f'worker = "{BRIDGE_NAME.partition(".")[2]}"',
        ]
        if who.username:
            lines += [f'username = "{who.username}"', f'password = "{who.password}"']
        if who.ca:
            lines += [f'ca = "{who.ca}"', f'cert = "{who.certificate}"', f'key = "{who.key}"']
        self.config.write_text("\n".join(lines) + "\n")


def _pem(private: bytes) -> bytes:
    key = Ed25519PrivateKey.from_private_bytes(private)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
