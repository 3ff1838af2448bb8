from __future__ import annotations

from pathlib import Path

import pytest

from edge.drivers.board_serial import board_serial
from edge.errors import ConfigError


@pytest.mark.parametrize(
    ("tree", "machine", "expected"),
    [
        (b"10000000abcd1234\x00", b"", "10000000abcd1234"),
        (None, b"0123456789abcdef0123456789abcdef\n", "0123456789ab"),
        (b"0000000000000000\x00", b"fedcba9876543210fedcba9876543210\n", "fedcba987654"),
        (b"\xff\xff", b"fedcba9876543210fedcba9876543210\n", "fedcba987654"),
        (b"10000000ABCD1234", b"", "10000000abcd1234"),
    ],
    ids=["device-tree", "machine-id", "blank-board", "damaged", "upper-case"],
)
def test_serial_is_the_boards_or_the_machines(
    tmp_path: Path, tree: bytes | None, machine: bytes, expected: str
) -> None:
    if tree is not None:
        (tmp_path / "tree").write_bytes(tree)
    (tmp_path / "machine").write_bytes(machine)
    assert board_serial(tmp_path / "tree", tmp_path / "machine") == expected


def test_board_without_any_number_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "machine").write_bytes(b"uninitialized\n")
    with pytest.raises(ConfigError, match="no serial number") as caught:
        board_serial(tmp_path / "tree", tmp_path / "machine")
    assert "--serial" in caught.value.remedy
