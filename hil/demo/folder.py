"""The demo's folder: where each process keeps its state, and the files that configure them."""

from __future__ import annotations

import json
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLEET = "demo"
DEVICE_ID = "locker-demo-1"
BRIDGE_ID = "bridge"
SIZES = {"S": (380, 110, 590), "M": (380, 230, 590), "L": (380, 480, 590)}  # width, height, depth in mm
COLUMN = "SSSMSSSMSSLS"  # one module of 12 doors, bottom to top
MODULES = (("a", "xor_8a", 1), ("b", "kerong_cu", 0))


@dataclass(frozen=True, slots=True)
class Folder:
    """Paths below the demo's state folder (`.demo`)."""

    root: Path

    @property
    def fleet(self) -> Path:
        return self.root / "fleet"

    @property
    def bridge(self) -> Path:
        return self.root / "bridge"

    @property
    def device(self) -> Path:
        return self.root / "device"

    @property
    def keys(self) -> Path:
        return self.device / "keys"

    @property
    def links(self) -> Path:
        return self.root / "ports"

    @property
    def control(self) -> Path:
        return self.root / "sim.sock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def make(self) -> Folder:
        for path in (self.root, self.bridge, self.device, self.links, self.logs):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def secret(self, name: str) -> str:
        """A random secret of this demo, made once and kept in a file only its user reads."""
        path = self.root / f"{name}.secret"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()


def compartments() -> list[dict[str, Any]]:
    """The locker's 24 doors: two columns of twelve, numbered from the bottom of the left one."""
    rows: list[dict[str, Any]] = []
    for module, _family, _address in MODULES:
        sill_mm = 150
        for channel, size in enumerate(COLUMN, 1):
            width_mm, height_mm, depth_mm = SIZES[size]
            rows.append(
                {
                    "no": len(rows) + 1,
                    "module": module,
                    "channel": channel,
                    "width_mm": width_mm,
                    "height_mm": height_mm,
                    "depth_mm": depth_mm,
                    "sill_mm": sill_mm,
                }
            )
            sill_mm += height_mm + 20
    return rows


def write_simulator(folder: Folder) -> Path:
    """The simulated locker: two boards of different families, each on a port of its own."""
    boards = {
        "a": {"module": "a", "family": "xor_8a", "address": 1, "channels": 12},
        "b": {"module": "b", "family": "kerong_cu", "address": 0, "channels": 12},
    }
    ports = [{"name": f"lock-{name}", "boards": [board]} for name, board in boards.items()]
    return _write(folder.root / "simulator.json", json.dumps({"ports": ports}, indent=2))


def write_broker(folder: Folder) -> Path:
    """Names and tokens of the two parties on the embedded broker."""
    tokens = {DEVICE_ID: folder.secret("device"), "bridge.1": folder.secret("bridge")}
    path = folder.root / "broker-tokens.json"
    path.touch(mode=0o600)
    return _write(path, json.dumps(tokens))


def write_bridge(folder: Folder, http_port: int, broker_port: int, smtp_port: int) -> Path:
    """The bridge's TOML: SQLite, loopback, the demo's own mail server."""
    path = folder.bridge / "bridge.toml"
    path.touch(mode=0o600)
    lines = [
        f'database = "sqlite:///{folder.bridge / "bridge.db"}"',
        f"listen_port = {http_port}",
        f'public_url = "http://127.0.0.1:{http_port}"',
        f'keys = "{folder.bridge / "fleet"}"',
        f'state = "{folder.bridge / "state"}"',
        "[mqtt]",
        f"port = {broker_port}",
        'username = "bridge.1"',
        f'password = "{folder.secret("bridge")}"',
        "[smtp]",
        'host = "127.0.0.1"',
        f"port = {smtp_port}",
        'sender = "lockers@demo.example"',
        'tls = "none"',
    ]
    return _write(path, "\n".join(lines) + "\n")


def write_device(folder: Folder, root_public_hex: str, broker_port: int, screen_port: int) -> Path:
    """The agent's TOML."""
    lines = [
        f'device_id = "{DEVICE_ID}"',
        f'fleet = "{FLEET}"',
        f'data_dir = "{folder.device}"',
        f'keys_dir = "{folder.keys}"',
        f'root_public_hex = "{root_public_hex}"',
        f'trust_file = "{folder.device / "fleet" / "trust.bundle"}"',
        "[mqtt]",
        f"port = {broker_port}",
        "tls = false",
        f'password_file = "{folder.root / "device.secret"}"',
        "first_retry_ms = 1000",
        "max_retry_ms = 3000",  # a person is watching, and there is one device
        "keepalive_s = 5",
        "[screen]",
        f"port = {screen_port}",
    ]
    for name, family, address in MODULES:
        sensors = "true" if family == "kerong_cu" else "false"
        lines += [
            "[[bus]]",
            f'port = "{folder.links / f"lock-{name}"}"',
            "[[bus.board]]",
            f'module = "{name}"',
            f'family = "{family}"',
            f"address = {address}",
            "channels = 12",
            f"item_sensors = {sensors}",
        ]
    for row in compartments():
        lines.append("[[compartment]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in row.items()]
    return _write(folder.device / "locker.toml", "\n".join(lines) + "\n")


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path
