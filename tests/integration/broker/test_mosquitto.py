"""mosquitto under its supervisor: revocation, spoilt stores, crashes, and failures that say what to do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_bridge.broker.__main__ import app
from cloud_bridge.broker.supervisor import STORE_MAGIC, find_mosquitto
from cloud_bridge.errors import ConfigError
from edge.wire.topics import ALL_SHARDS, Channel, device_filters, shard_filters, topic
from tests.integration.broker.peer import Peer, peer
from tests.integration.brokers import RunningBroker, mosquitto, wait_until

A, B, BRIDGE = "locker-0001", "locker-0002", "bridge.0"


def _registry(path: Path, *revoked: str) -> Path:
    rows = [
        {"device_id": name, "kind": "locker", "state": "revoked" if name in revoked else "active"} for name in (A, B)
    ]
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"format": 1, "fleet": "test", "issued_at_ms": 0, "devices": rows}))
    return new.replace(path)


def _lets_in(broker: RunningBroker, name: str) -> bool:
    one = Peer(broker.client(name))
    admitted = one.connect(broker)
    one.close()
    return admitted


def _mosquitto_pid(broker: RunningBroker) -> int:
    return int(Path(f"/proc/{broker.process.pid}/task/{broker.process.pid}/children").read_text().split()[0])


def test_revoked_certificate_is_refused_without_a_restart_and_others_stay(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, peer(broker, B, *device_filters(B)) as other:
        assert _lets_in(broker, A)
        pid = _mosquitto_pid(broker)
        broker.authority.revoke(A)
        assert wait_until(lambda: not _lets_in(broker, A), timeout_s=10)
        assert _lets_in(broker, "locker-0003")
        assert _mosquitto_pid(broker) == pid and not other.gone.is_set()


def test_device_revoked_in_the_registry_loses_its_rights_on_the_open_connection(tmp_path: Path) -> None:
    registry = _registry(tmp_path / "devices.json")
    with (
        mosquitto(tmp_path, registry=registry) as broker,
        peer(broker, BRIDGE, *shard_filters(ALL_SHARDS)) as bridge,
        peer(broker, A, *device_filters(A)) as stolen,
        peer(broker, B, *device_filters(B)) as other,
    ):
        stolen.publish(topic(A, Channel.UP), b"before")
        assert bridge.got(b"before")
        _registry(registry, A)
        assert wait_until(lambda: "topic deny" in (tmp_path / "mosquitto" / "mosquitto.acl").read_text())
        assert wait_until(lambda: not _crosses(stolen, bridge, other))
        bridge.publish(topic(A, Channel.DOWN), b"secret")
        bridge.publish(topic(B, Channel.DOWN), b"last")
        assert other.got(b"last") and stolen.payloads() == [] and not other.gone.is_set()


def _crosses(sender: Peer, bridge: Peer, other: Peer) -> bool:
    """Whether a message of `sender` still reaches the bridge before a later one of `other`."""
    mark = b"%d" % len(bridge.received)
    sender.publish(topic(A, Channel.UP), b"stolen " + mark)
    other.publish(topic(B, Channel.UP), b"fence " + mark)
    assert bridge.got(b"fence " + mark)
    return b"stolen " + mark in bridge.payloads()


def test_unreadable_registry_keeps_the_rules_that_hold(tmp_path: Path) -> None:
    registry = _registry(tmp_path / "devices.json", A)
    with mosquitto(tmp_path, registry=registry) as broker:
        registry.write_text("{")
        assert wait_until(lambda: "rules kept as they were" in broker.log())
        assert "topic deny" in (tmp_path / "mosquitto" / "mosquitto.acl").read_text()


@pytest.mark.parametrize(
    "content",
    [bytes(4096), b"", STORE_MAGIC + bytes(100), STORE_MAGIC + b"\xff" * 300],
    ids=["zeros", "empty", "zeros_after_the_magic", "noise_after_the_magic"],
)
def test_spoilt_store_is_moved_aside_or_survived(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "mosquitto"
    folder.mkdir(mode=0o700)
    (folder / "mosquitto.db").write_bytes(content)
    with mosquitto(tmp_path) as broker, peer(broker, A):
        kept = [path.read_bytes() for path in folder.glob("mosquitto.db*")]
        assert content in kept


def test_crashed_broker_is_started_again(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        pid = _mosquitto_pid(broker)
        os.kill(pid, signal.SIGKILL)
        assert json.loads(broker.process.stdout.readline()) == {"ready": True, "port": broker.port}
        assert _mosquitto_pid(broker) != pid and _lets_in(broker, A)


def test_broker_ends_with_a_killed_supervisor_so_that_the_next_one_finds_the_port_free(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        pid = _mosquitto_pid(broker)
        broker.kill()
        assert wait_until(lambda: not Path(f"/proc/{pid}").exists())
        broker.start()
        assert _lets_in(broker, A)


def test_sigterm_ends_both_processes(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        pid = _mosquitto_pid(broker)
        assert broker.terminate() == 0
        assert wait_until(lambda: not Path(f"/proc/{pid}").exists())


def test_packet_over_the_cap_ends_the_connection(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker, peer(broker, A) as device:
        device.client.publish(topic(A, Channel.UP), b"x" * 256 * 1024, 1)
        assert device.gone.wait(5)


def test_port_that_is_taken_is_an_error_and_no_loop(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        command = [word if word != str(tmp_path / "mosquitto") else str(tmp_path / "second") for word in broker.command]
        started_s = time.monotonic()
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1 and "which is taken" in second.stderr
        assert time.monotonic() - started_s < 40 and _lets_in(broker, A)


def test_missing_program_says_how_to_install_it() -> None:
    with pytest.raises(ConfigError) as caught:
        find_mosquitto("mosquitto-that-is-not-there")
    assert "apt-get install mosquitto" in caught.value.remedy


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["broker", "--listen", "0.0.0.0:0", "--credentials", "{file}"], id="tokens_for_everybody"),
        pytest.param(["broker"], id="no_credentials"),
        pytest.param(["broker", "--listen", "nowhere"], id="no_port"),
        pytest.param(["broker", "--credentials", "{missing}"], id="no_such_file"),
        pytest.param(
            [
                "mosquitto",
                "config",
                "--cert",
                "a",
                "--key",
                "b",
                "--ca",
                "c",
                "--folder",
                "{folder}",
                "--bridge",
                "locker-1",
            ],
            id="bridge",
        ),
    ],
)
def test_command_that_would_be_open_or_wrong_ends_with_usage(tmp_path: Path, words: list[str]) -> None:
    file = tmp_path / "credentials.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({A: "token-of-locker-0001-xyz"}))
    words = [word.format(file=file, missing=tmp_path / "none", folder=tmp_path / "folder") for word in words]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and done.stderr.strip() and not done.stdout
