"""The three brokers as real processes, for any integration test: stock amqtt, the hardened one, mosquitto with mTLS.

    with hardened_amqtt(tmp_path) as broker:
        client = broker.client("locker-0001")
        client.connect(broker.host, broker.port)

Each yields a `RunningBroker`; `mosquitto` fails, and says how to install it, where it is missing.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from cloud_bridge.broker.supervisor import find_mosquitto
from edge.wire.topics import CHANNELS, topic
from tests.integration.tls_material import Authority

DEVICES = ("locker-0001", "locker-0002", "locker-0003")
BRIDGES = ("bridge.0", "bridge.1")
_STOCK = """
import asyncio, sys
from amqtt.broker import Broker
async def main():
    auth = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    broker = Broker({"listeners": {"default": {"type": "tcp", "bind": "127.0.0.1:" + sys.argv[1]}}, "plugins": auth})
    await broker.start()
    print("{\\"ready\\": true, \\"port\\": " + sys.argv[1] + "}", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@dataclass(slots=True)
class RunningBroker:
    """A broker process; `authority` is set when it speaks TLS, `tokens` when it asks for a name and a token."""

    kind: str
    host: str
    port: int
    folder: Path
    command: Sequence[str]
    authority: Authority | None = None
    tokens: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    def client(self, name: str, *, client_id: str | None = None, **options: Any) -> mqtt.Client:
        """A paho client that holds `name`'s credentials, not yet connected."""
        options = {"reconnect_on_failure": False, **options}
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or name, **options)
        if self.authority is not None:
            issued = self.authority.issue(name)
            client.tls_set(str(self.authority.file), str(issued.certificate), str(issued.key))
        elif self.tokens:
            client.username_pw_set(name, self.tokens.get(name, "no-such-token-here"))
        return client

    def start(self) -> None:
        """Start the process and wait for its line; after `kill`, the same broker on the same port."""
        with (self.folder / f"{self.kind}.log").open("a") as log:
            self.process = subprocess.Popen(
                self.command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.kind} did not start:\n{(self.folder / f'{self.kind}.log').read_text()}")
        self.port = json.loads(line)["port"]

    def kill(self) -> None:
        """SIGKILL, as a power cut."""
        self.process.kill()
        self._reap()

    def terminate(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._reap()

    def _reap(self) -> int:
        code = self.process.wait(20)
        self.process.stdout.close()
        return code

    def log(self) -> str:
        return (self.folder / f"{self.kind}.log").read_text()


@contextmanager
def stock_amqtt(folder: Path) -> Iterator[RunningBroker]:
    """amqtt as it is installed, open to anybody: for showing what the hardened one mends."""
    command = [sys.executable, "-W", "ignore", "-c", _STOCK, str(free_port())]
    yield from _running(RunningBroker("stock_amqtt", "127.0.0.1", 0, folder, command))


@contextmanager
def hardened_amqtt(
    folder: Path, names: Sequence[str] = DEVICES + BRIDGES, *, tls: bool = False
) -> Iterator[RunningBroker]:
    """The embedded broker through its command: tokens on loopback, or client certificates."""
    base = [sys.executable, "-m", "cloud_bridge.broker", "broker", "--listen", f"127.0.0.1:{free_port()}"]
    if tls:
        authority = Authority(folder / "tls")
        broker = RunningBroker("hardened_amqtt_tls", "127.0.0.1", 0, folder, base + _tls_options(authority), authority)
    else:
        tokens = {name: f"token-of-{name}-0123456789" for name in names}
        file = folder / "credentials.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps(tokens))
        command = [*base, "--credentials", str(file)]
        broker = RunningBroker("hardened_amqtt", "127.0.0.1", 0, folder, command, tokens=tokens)
    yield from _running(broker)


@contextmanager
def mosquitto(
    folder: Path, bridges: Sequence[str] = BRIDGES, *, registry: Path | None = None
) -> Iterator[RunningBroker]:
    """mosquitto under its supervisor, through the command that a service unit runs."""
    find_mosquitto()
    authority = Authority(folder / "tls")
    command = [sys.executable, "-m", "cloud_bridge.broker", "mosquitto", "run", "--folder", str(folder / "mosquitto")]
    command += ["--listen", f"127.0.0.1:{free_port()}", *_tls_options(authority)]
    command += [word for name in bridges for word in ("--bridge", name)]
    command += ["--registry", str(registry)] if registry else []
    yield from _running(RunningBroker("mosquitto", "127.0.0.1", 0, folder, command, authority))


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 10.0) -> bool:
    """Whether the condition came true in time."""
    until = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def topics_of(device_id: str) -> list[str]:
    """Every topic of one device."""
    return [topic(device_id, channel) for channel in CHANNELS]


def _tls_options(authority: Authority) -> list[str]:
    server = authority.issue("broker.test")
    files = {
        "--cert": server.certificate,
        "--key": server.key,
        "--ca": authority.file,
        "--revoked": authority.revoked_file,
    }
    return [word for option, path in files.items() for word in (option, str(path))]


def _running(broker: RunningBroker) -> Iterator[RunningBroker]:
    broker.start()
    try:
        yield broker
    finally:
        if broker.process.poll() is None:
            broker.terminate()
