from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import load_config
from edge.errors import ConfigError

GOOD = """
device_id = "locker-0001"
fleet = "test.fleet"
data_dir = "data"
keys_dir = "keys"
root_public_hex = "{key}"
trust_file = "trust.cbor"

[mqtt]
host = "127.0.0.1"
port = 8883
tls = true
keepalive_s = 30
first_retry_ms = 10000

[screen]
host = "127.0.0.1"
port = 8080

[storage]
max_file_bytes = 268435456
keep_receipted_days = 35

[[bus]]
port = "/dev/serial/by-id/usb-lock"
echo = false

[[bus.board]]
module = "a"
family = "kerong_cu"
address = 0
channels = 12
closed_bit = 1

[[compartment]]
no = 1
module = "a"
channel = 1
width_mm = 400
height_mm = 200
depth_mm = 500
sill_mm = 1000
""".format(key="ab" * 32)


def load(folder: Path, text: str, **environment: str) -> object:
    (folder / "agent.toml").write_text(text)
    return load_config(folder / "agent.toml", environment)


def test_good_file_is_read(tmp_path: Path) -> None:
    config = load_config_of(tmp_path)
    assert config.bus[0].board[0].channels == 12 and config.compartment[0].no == 1


def load_config_of(folder: Path, **environment: str):  # type: ignore[no-untyped-def]
    return load(folder, GOOD, **environment)


@pytest.mark.parametrize(
    ("line", "wrong", "named"),
    [
        ('device_id = "locker-0001"', 'device_id = "X"', "X"),
        ('fleet = "test.fleet"', 'fleet = "no fleet"', "fleet"),
        ('data_dir = "data"', "data_dir = 7", "data_dir"),
        ('keys_dir = "keys"', "", "keys_dir"),
        ('trust_file = "trust.cbor"', "", "trust_file"),
        ('root_public_hex = "' + "ab" * 32, 'root_public_hex = "' + "AB" * 32, "root_public_hex"),
        ("port = 8883", "port = 0", "mqtt.port"),
        ("port = 8883", "port = 65536", "mqtt.port"),
        ("tls = true", 'tls = "maybe"', "mqtt.tls"),
        ("keepalive_s = 30", "keepalive_s = 4", "mqtt.keepalive_s"),
        ("first_retry_ms = 10000", "first_retry_ms = 99", "mqtt.first_retry_ms"),
        ('[screen]\nhost = "127.0.0.1"', '[screen]\nhost = "0.0.0.0"', "screen.host"),
        ("port = 8080", "port = -1", "screen.port"),
        ("max_file_bytes = 268435456", "max_file_bytes = 5", "storage.max_file_bytes"),
        ("keep_receipted_days = 35", "keep_receipted_days = -1", "storage.keep_receipted_days"),
        ('port = "/dev/serial/by-id/usb-lock"', "", "bus.0.port"),
        ("echo = false", 'echo = "x"', "bus.0.echo"),
        ('family = "kerong_cu"', 'family = "other"', "bus.0.board.0.family"),
        ('[[bus.board]]\nmodule = "a"', '[[bus.board]]\nmodule = "Haus A"', "bus.0.board.0.module"),
        ("address = 0", "address = 256", "bus.0.board.0.address"),
        ("channels = 12", "channels = 0", "bus.0.board.0.channels"),
        ("channels = 12", "channels = 1000000000", "bus.0.board.0.channels"),
        ("closed_bit = 1", "closed_bit = 2", "bus.0.board.0.closed_bit"),
        ("no = 1", "no = 0", "compartment.0.no"),
        ("channel = 1\n", "channel = 0\n", "compartment.0.channel"),
        ("channel = 1\n", "channel = 13\n", "compartment 1"),
        ("width_mm = 400", "width_mm = 0", "compartment.0.width_mm"),
        ("height_mm = 200", "height_mm = 0", "compartment.0.height_mm"),
        ("depth_mm = 500", "depth_mm = 0", "compartment.0.depth_mm"),
        ("sill_mm = 1000", "sill_mm = -1", "compartment.0.sill_mm"),
        ("sill_mm = 1000", "colour = 1", "compartment.0.colour"),
        ('[mqtt]\nhost = "127.0.0.1"\nport = 8883\ntls = true', '[mqtt]\nhost = "10.0.0.1"\ntls = false', "loopback"),
    ],
)
def test_wrong_key_is_a_config_error_that_names_it(tmp_path: Path, line: str, wrong: str, named: str) -> None:
    assert GOOD.count(line) >= 1
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, GOOD.replace(line, wrong, 1))
    assert named in str(refused.value) and refused.value.remedy


def test_two_compartments_on_one_channel_or_with_one_number_are_refused(tmp_path: Path) -> None:
    again = GOOD[GOOD.index("[[compartment]]") :]
    for text in (
        GOOD + again,
        GOOD + again.replace("no = 1", "no = 2"),
        GOOD + again.replace("channel = 1", "channel = 2"),
    ):
        with pytest.raises(ConfigError):
            load(tmp_path, text)
    load(tmp_path, GOOD + again.replace("no = 1", "no = 2").replace("channel = 1", "channel = 2"))


@pytest.mark.parametrize(
    "content", [b"not = = toml", b"\xff\xfe", b"device_id"], ids=["syntax", "bytes", "half a line"]
)
def test_file_that_is_no_toml_is_a_config_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "agent.toml").write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "agent.toml")


def test_file_that_is_missing_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(tmp_path / "none.toml")
    assert "--config" in refused.value.remedy


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    config = load_config_of(tmp_path, PW_EDGE_MQTT__PORT="1883", PW_EDGE_DEVICE_ID="locker-0002", HOME="/root")
    assert (config.mqtt.port, config.device_id) == (1883, "locker-0002")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PW_EDGE_MQTT__PORT", "no"), ("PW_EDGE_MQTT__NOPE", "1"), ("PW_EDGE_NOPE", "1"), ("PW_EDGE_", "1"),
        ("PW_EDGE_DEVICE_ID__X", "1"), ("PW_EDGE_BUS__0__PORT", "x"), ("PW_EDGE_MQTT__PORT__X__Y", "1"),
    ],
)  # fmt: skip
def test_environment_that_fits_no_key_is_a_config_error(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError):
        load_config_of(tmp_path, **{name: value})
