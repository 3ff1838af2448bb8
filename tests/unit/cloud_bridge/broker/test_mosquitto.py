"""mosquitto's files: what makes it closed stands in them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cloud_bridge.broker.mosquitto import MosquittoConfig
from cloud_bridge.broker.supervisor import STORE_MAGIC, move_aside_if_spoilt
from cloud_bridge.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> MosquittoConfig:
    return MosquittoConfig(
        folder=tmp_path / "broker",
        certificate=tmp_path / "c.pem",
        key=tmp_path / "k.pem",
        client_authority=tmp_path / "ca.pem",
        revoked=tmp_path / "crl.pem",
    )


def test_config_text_closes_the_broker(config: MosquittoConfig) -> None:
    lines = config.text().splitlines()
    assert [line for line in lines if line.startswith("listener")] == ["listener 8883 0.0.0.0"]
    listener = lines.index("listener 8883 0.0.0.0")
    for line in ("allow_anonymous false", "per_listener_settings false", f"acl_file {config.acl_file}"):
        assert lines.index(line) < listener
    for line in ("require_certificate true", "use_identity_as_username true", "use_username_as_clientid true"):
        assert lines.index(line) > listener
    assert f"crlfile {config.revoked}" in lines and "max_packet_size 262144" in lines


def test_written_files_are_the_owners_alone(config: MosquittoConfig) -> None:
    config.write()
    assert {path.name: path.stat().st_mode & 0o777 for path in config.folder.iterdir()} == {
        "mosquitto.conf": 0o600,
        "mosquitto.acl": 0o600,
    }


@pytest.mark.parametrize("path", ["a\nallow_anonymous true", "a#b", "a\x00"])
def test_config_text_with_a_path_that_adds_lines_is_refused(config: MosquittoConfig, path: str) -> None:
    with pytest.raises(ConfigError):
        replace(config, key=Path(path)).text()


def test_acl_text_denies_exactly_the_revoked(config: MosquittoConfig, tmp_path: Path) -> None:
    registry = tmp_path / "devices.json"
    rows = [{"device_id": "locker-1", "state": "active"}, {"device_id": "locker-2", "state": "revoked"}]
    registry.write_text(json.dumps({"format": 1, "devices": rows}))
    lines = replace(config, registry=registry).acl_text().splitlines()
    assert lines[lines.index("user locker-2") + 1] == "topic deny #" and "user locker-1" not in lines


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "[]",
        '{"format": 2, "devices": []}',
        '{"format": 1, "devices": [{"device_id": "a b", "state": "revoked"}]}',
        '{"format": 1, "devices": [{"device_id": "locker-1", "state": "gone"}]}',
    ],
)
def test_acl_text_of_a_wrong_registry_is_refused(config: MosquittoConfig, tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "devices.json").write_text(content)
    with pytest.raises(ConfigError):
        replace(config, registry=tmp_path / "devices.json").acl_text()


@pytest.mark.parametrize(
    ("content", "moved"),
    [(STORE_MAGIC + b"rest", False), (bytes(64), True), (b"", True), (STORE_MAGIC[:7], True), (None, False)],
    ids=["good", "zeros", "empty", "cut", "none"],
)
def test_move_aside_keeps_good_stores_and_every_byte_of_others(
    tmp_path: Path, content: bytes | None, moved: bool
) -> None:
    store = tmp_path / "mosquitto.db"
    for number in (1, 2):
        if content is not None:
            store.write_bytes(content)
        target = move_aside_if_spoilt(store)
        assert (target is not None) is moved
        if target is not None:
            assert target.name == f"mosquitto.db.spoilt-{number}" and target.read_bytes() == content
            assert not store.exists()
