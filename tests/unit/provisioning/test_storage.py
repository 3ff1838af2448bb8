from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from provisioning.errors import Conflict, NotFound, StorageFailed, Unsafe
from provisioning.storage import MAX_FILE_BYTES, FleetFolder, Write, read_file, write_file

FIRST = (Write("ca/issuing.key", b"key"), Write("fleet.json", b"{}"))


def modes(folder: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> FleetFolder:
    made = FleetFolder(tmp_path / "fleet")
    made.create(FIRST)
    return made


def test_create_makes_a_private_folder_of_private_files(folder: FleetFolder) -> None:
    assert folder.exists() and folder.read("ca/issuing.key") == b"key"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert modes(folder.path) == {0o600}
    assert [entry.name for entry in folder.path.parent.iterdir()] == ["fleet"]


def test_create_over_something_is_refused_and_changes_nothing(folder: FleetFolder) -> None:
    with pytest.raises(Conflict):
        folder.create([Write("fleet.json", b"other")])
    assert folder.read("fleet.json") == b"{}"
    assert [entry.name for entry in folder.path.parent.iterdir()] == ["fleet"]


def test_create_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    folder = FleetFolder(tmp_path / "fleet")
    with pytest.raises(StorageFailed):
        folder.create([Write("a", b"1"), Write("a/b", b"a file where a folder would have to be")])
    assert list(tmp_path.iterdir()) == []


def test_apply_replaces_whole_and_private_under_a_lax_umask(folder: FleetFolder) -> None:
    before = os.umask(0)
    try:
        folder.apply([Write("fleet.json", b"two"), Write("parties/x.json", b"three")])
    finally:
        os.umask(before)
    assert folder.read("fleet.json") == b"two"
    assert modes(folder.path) == {0o600}
    assert stat.S_IMODE((folder.path / "parties").stat().st_mode) == 0o700


def test_apply_of_a_new_file_that_exists_is_a_conflict_and_keeps_it(folder: FleetFolder) -> None:
    with pytest.raises(Conflict):
        folder.apply([Write("fleet.json", b"two", new=True)])
    assert folder.read("fleet.json") == b"{}"
    assert folder.names("ca") == ["issuing.key"]


def test_read_of_a_key_open_to_others_is_refused_with_the_remedy(folder: FleetFolder) -> None:
    place = folder.path / "ca/issuing.key"
    place.chmod(0o644)
    with pytest.raises(Unsafe) as caught:
        folder.read("ca/issuing.key")
    assert caught.value.remedy == f"chmod 600 {place}"


def test_offline_files_lie_where_the_medium_is(folder: FleetFolder, tmp_path: Path) -> None:
    write_file(tmp_path / "stick" / "root.key", b"root", private=True)
    with pytest.raises(NotFound):
        folder.read("offline/root.key")
    assert FleetFolder(folder.path, tmp_path / "stick").read("offline/root.key") == b"root"


def test_locked_without_a_folder_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no fleet"), FleetFolder(tmp_path / "none").locked():
        pass


def test_names_of_drafts_left_by_a_crash_are_not_listed(folder: FleetFolder) -> None:
    (folder.path / "ca" / ".issuing.key.99").write_bytes(b"half")
    assert folder.names("ca") == ["issuing.key"]
    assert folder.names("nothing") == []


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_write_file_sets_the_mode(tmp_path: Path, private: bool, mode: int) -> None:
    write_file(tmp_path / "out" / "file", b"x", private=private)
    assert modes(tmp_path) == {mode}


def test_read_file_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read_file(tmp_path / "none")
    with pytest.raises(StorageFailed):
        read_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageFailed):
        read_file(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(StorageFailed, match="larger"):
        read_file(tmp_path / "large")


def test_text_of_a_write_holds_no_data() -> None:
    assert "key" not in repr(Write("ca/x", b"the key"))
