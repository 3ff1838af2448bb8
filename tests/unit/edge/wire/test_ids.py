"""Names on the wire: what is one, what is none, and where a device's topics lie."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from edge.wire.errors import Malformed
from edge.wire.ids import check_device_id, check_fleet, check_hex_id, event_id, origin_of, shard_of, source_of


@pytest.mark.parametrize("text", ["abc", "locker-0001", "-" * 40, "0" * 3])
def test_device_id_within_the_grammar_is_returned(text: str) -> None:
    assert check_device_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "ab", "a" * 41, "Locker", "a_b", "a/b", "a+b", "a#b", "abc\n", "abc\0", "äbc", "a bc", None, 7, b"abc"]
)
def test_device_id_outside_the_grammar_is_refused(text: Any) -> None:
    with pytest.raises(Malformed):
        check_device_id(text)


@pytest.mark.parametrize("text", ["a", "0", "test.fleet", "a-b.c", "a" * 40])
def test_fleet_within_the_grammar_is_returned(text: str) -> None:
    assert check_fleet(text) == text


@pytest.mark.parametrize("text", ["", ".a", "-a", "A", "a" * 41, "a/b", "a\n", "a b", "a+b", None, 1])
def test_fleet_outside_the_grammar_is_refused(text: Any) -> None:
    with pytest.raises(Malformed):
        check_fleet(text)


@pytest.mark.parametrize("text", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 32 + "\n", None, b"a" * 32])
def test_hex_id_outside_the_grammar_is_refused(text: Any) -> None:
    with pytest.raises(Malformed):
        check_hex_id(text, where="test")


def test_names_are_joined_with_slashes() -> None:
    stream = check_hex_id("0f" * 16, where="test")
    assert event_id("locker-1", stream, 7) == f"locker-1/{stream}/7"
    assert source_of("test.fleet", "locker-1") == "test.fleet/locker-1"
    assert origin_of("test.fleet", "locker-1", stream) == f"test.fleet/locker-1/{stream}"


def test_shard_is_the_first_byte_of_the_hash() -> None:
    digest = subprocess.run(["sha256sum"], input=b"locker-0001", capture_output=True, check=True).stdout
    assert shard_of("locker-0001") == digest[:2].decode()
