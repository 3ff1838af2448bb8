"""Tokens of clients and where the embedded broker may listen."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_bridge.broker.credentials import Credentials
from cloud_bridge.broker.embedded_config import BrokerTls, EmbeddedConfig, parse_listen
from cloud_bridge.errors import ConfigError

TOKEN = "a-token-of-some-length"


def test_credentials_hold_only_the_right_token_of_a_known_name() -> None:
    known = Credentials({"locker-0001": TOKEN, "bridge.0": TOKEN + "2"})
    assert known.hold("locker-0001", TOKEN) and known.hold("bridge.0", TOKEN + "2")
    for name, token in (
        ("locker-0001", TOKEN + "2"),
        ("locker-0002", TOKEN),
        (None, None),
        ("", ""),
        ("locker-0001", None),
    ):
        assert not known.hold(name, token)
    assert TOKEN not in repr(known) + repr(EmbeddedConfig(credentials=known))


@pytest.mark.parametrize(
    "tokens",
    [
        {"locker-0001": "short"},
        {"Locker": TOKEN},
        {"bridge": TOKEN, "x": TOKEN + "1"},
        {"locker-0001": TOKEN, "locker-0002": TOKEN},
    ],
    ids=["short_token", "upper_case", "too_short_name", "shared_token"],
)
def test_credentials_that_are_wrong_are_refused(tokens: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        Credentials(tokens)


@pytest.mark.parametrize(
    ("content", "mode"),
    [('{"locker-0001": "a-token-of-some-length"}', 0o644), ("[]", 0o600), ('{"locker-0001": 5}', 0o600), ("{", 0o600)],
    ids=["readable_by_others", "list", "number", "cut"],
)
def test_credentials_file_that_is_wrong_is_refused_without_showing_it(tmp_path: Path, content: str, mode: int) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        Credentials.read(file)
    assert "token-of" not in str(caught.value) and caught.value.remedy


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "localhost", "", "example.org"])
def test_embedded_config_beyond_loopback_without_certificates_is_refused(host: str) -> None:
    with pytest.raises(ConfigError):
        EmbeddedConfig(listen_host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1"])
def test_embedded_config_on_loopback_stands(host: str) -> None:
    assert EmbeddedConfig(listen_host=host).tls is None


def test_embedded_config_with_certificates_may_listen_anywhere(tmp_path: Path) -> None:
    tls = BrokerTls(tmp_path / "c", tmp_path / "k", tmp_path / "a")
    assert EmbeddedConfig(listen_host="0.0.0.0", tls=tls).tls is tls
    with pytest.raises(ConfigError):
        tls.context()


@pytest.mark.parametrize(
    ("text", "parts"),
    [("127.0.0.1:0", ("127.0.0.1", 0)), ("[::1]:1883", ("::1", 1883)), ("0.0.0.0:8883", ("0.0.0.0", 8883))],
)
def test_parse_listen_of_address_and_port(text: str, parts: tuple[str, int]) -> None:
    assert parse_listen(text) == parts


@pytest.mark.parametrize("text", ["", "127.0.0.1", "127.0.0.1:", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:１"])
def test_parse_listen_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_listen(text)
