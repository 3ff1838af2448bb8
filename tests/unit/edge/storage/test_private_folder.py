from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edge.errors import ConfigError, StorageFailed
from edge.storage.private_folder import MAX_FILE_BYTES, PrivateFolder


@pytest.fixture
def folder(tmp_path: Path) -> PrivateFolder:
    return PrivateFolder(tmp_path / "deep" / "keys")


def test_create_then_read_returns_the_bytes_of_a_private_file(folder: PrivateFolder) -> None:
    folder.create("a", b"one")
    assert folder.read("a") == b"one"
    assert stat.S_IMODE((folder.path / "a").stat().st_mode) == 0o600
    assert folder.names() == ["a"]


def test_create_over_an_existing_file_is_refused_and_keeps_it(folder: PrivateFolder) -> None:
    folder.create("a", b"one")
    with pytest.raises(ConfigError, match="never overwritten"):
        folder.create("a", b"two")
    assert (folder.read("a"), folder.names()) == (b"one", ["a"])


def test_replace_changes_the_whole_file_or_makes_it(folder: PrivateFolder) -> None:
    folder.replace("a", b"a long first content")
    folder.replace("a", b"two")
    assert (folder.read("a"), folder.names()) == (b"two", ["a"])


def test_write_after_a_crash_that_left_a_draft_succeeds(folder: PrivateFolder) -> None:
    (folder.path / f".a.{os.getpid()}").write_bytes(b"half")
    folder.create("a", b"whole")
    assert (folder.read("a"), folder.names()) == (b"whole", ["a"])


def test_remove_twice_is_quiet_and_read_of_nothing_is_none(folder: PrivateFolder) -> None:
    folder.create("a", b"one")
    folder.remove("a")
    folder.remove("a")
    assert folder.read("a") is None


def test_read_of_an_oversize_file_is_refused(folder: PrivateFolder) -> None:
    folder.create("a", bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigError, match="larger"):
        folder.read("a")


def test_write_into_a_vanished_folder_raises_storage_failed(folder: PrivateFolder) -> None:
    folder.path.rmdir()
    with pytest.raises(StorageFailed):
        folder.create("a", b"one")
