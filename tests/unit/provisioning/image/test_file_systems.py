"""File systems made as files: the same folder gives the same bytes, whenever and in whatever order it was made."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from provisioning.image.file_systems import ext4, fat, used_inodes

AT_S = 1_700_000_000
NAMES = ("alpha", "beta", "gamma", "delta")


def tree(folder: Path, names: tuple[str, ...]) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "file.txt").write_text(name * 500)
        os.utime(folder / name / "file.txt", (1, 1))
    return folder


def test_ext4_of_one_tree_made_in_two_orders_is_the_same_bytes(tmp_path: Path) -> None:
    for number, names in enumerate((NAMES, NAMES[::-1])):
        ext4(tmp_path / f"{number}.img", "root", 5, 16, tree(tmp_path / str(number), names), AT_S, journal=False)
    first, second = ((tmp_path / f"{number}.img").read_bytes() for number in range(2))
    assert first == second
    subprocess.run(["/usr/sbin/e2fsck", "-fn", tmp_path / "0.img"], check=True, capture_output=True)


def test_fat_of_one_folder_made_twice_is_the_same_bytes(tmp_path: Path) -> None:
    for number, names in enumerate((NAMES, NAMES[::-1])):
        fat(tmp_path / f"{number}.img", "boot_a", 2, 40, tree(tmp_path / str(number), names), AT_S)
    first, second = ((tmp_path / f"{number}.img").read_bytes() for number in range(2))
    assert first == second and b"BOOT_A" in first


@pytest.mark.parametrize(
    ("described", "used"),
    [
        pytest.param("Inode count:   16\n  Free inodes: 14-16\n", [2, 11, 12, 13], id="a range"),
        pytest.param("Inode count:   16\n  Free inodes: 11, 13-16\n", [2, 12], id="one and a range"),
        pytest.param("Inode count:   12\n  Free inodes: \n", [2, 11, 12], id="full"),
        pytest.param("", [2], id="nothing said"),
    ],
)
def test_used_inodes_are_all_that_no_group_calls_free(described: str, used: list[int]) -> None:
    assert list(used_inodes(described)) == used
