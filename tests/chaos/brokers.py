"""The three brokers under test as processes that can be killed and come back on the same port."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pwdlib.hashers.argon2 import Argon2Hasher

from hil.process import Deployable
from tests.integration.brokers import free_port
from tests.integration.tls_material import Authority

KINDS = ("stock", "hardened", "mosquitto")


def cached_bytecode(folder: Path) -> dict[str, str]:
    """Environment of a process that comes back often: it compiles its imports once, whatever the machine's default."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one client logs in with: a token on loopback, or the paths of authority, certificate and key."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(slots=True)
class TestBroker:
    """One broker; `restarts_itself` when a supervisor brings it back after a kill."""

    kind: str
    port: int
    process: Deployable
    clients: dict[str, Credentials]
    restarts_itself: bool = False

    async def kill(self) -> None:
        """SIGKILL the broker itself; mosquitto's supervisor stays, and that is what is tested then."""
        if not self.restarts_itself:
            return await self.process.kill()
        for child in _children(self.process.pid):
            os.kill(child, signal.SIGKILL)

    async def revive(self) -> None:
        if not self.process.running:
            await self.process.start()


def make_broker(kind: str, folder: Path, names: Sequence[str]) -> TestBroker:
    """A broker of this kind that knows the clients `names`; not started yet."""
    folder.mkdir(parents=True)
    return {"stock": _stock, "hardened": _hardened, "mosquitto": _mosquitto}[kind](folder, names)


def _stock(folder: Path, names: Sequence[str]) -> TestBroker:
    clients, hasher = _tokens(names), Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1)
    file, port = folder / "passwords", free_port()
    file.write_text("".join(f"{name}:{hasher.hash(who.password or '')}\n" for name, who in clients.items()))
    words = ["tests.chaos.stock_broker", str(port), str(file)]
    return TestBroker(
        "stock", port, Deployable("broker", words, folder / "broker.log", cached_bytecode(folder.parent)), clients
    )


def _hardened(folder: Path, names: Sequence[str]) -> TestBroker:
    clients, port = _tokens(names), free_port()
    file = folder / "credentials.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({name: who.password for name, who in clients.items()}))
    words = ["cloud_bridge.broker", "broker", "--listen", f"127.0.0.1:{port}", "--credentials", str(file)]
    return TestBroker(
        "hardened", port, Deployable("broker", words, folder / "broker.log", cached_bytecode(folder.parent)), clients
    )


def _mosquitto(folder: Path, names: Sequence[str]) -> TestBroker:
    authority, port = Authority(folder / "tls"), free_port()
    server = authority.issue("broker.test")
    words = ["cloud_bridge.broker", "mosquitto", "run", "--folder", str(folder / "mosquitto")]
    words += ["--listen", f"127.0.0.1:{port}", "--ca", str(authority.file), "--revoked", str(authority.revoked_file)]
    words += ["--cert", str(server.certificate), "--key", str(server.key)]
    clients = {}
    for name in names:
        issued = authority.issue(name)
        clients[name] = Credentials(None, None, str(authority.file), str(issued.certificate), str(issued.key))
        words += ["--bridge", name] if name.startswith("bridge.") else []
    return TestBroker(
        "mosquitto",
        port,
        Deployable("broker", words, folder / "broker.log", cached_bytecode(folder.parent)),
        clients,
        True,
    )


def _tokens(names: Sequence[str]) -> dict[str, Credentials]:
    return {name: Credentials(name, f"token-of-{name}-0123456789") for name in names}


def _children(process_id: int | None) -> list[int]:
    """The direct children of a process, from the kernel's own list."""
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [int(word) for word in found]
