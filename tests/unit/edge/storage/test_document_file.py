from __future__ import annotations

import os
from pathlib import Path

import pytest

from edge.errors import StorageFailed, StorageFull
from edge.storage.document_file import MAX_DOCUMENT_BYTES, DocumentFiles


def test_document_that_was_never_saved_is_none(tmp_path: Path) -> None:
    assert DocumentFiles(tmp_path / "documents").load("desired.cbor") is None


def test_document_saved_is_read_back_and_replaced_whole(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path / "documents")
    for data in (b"first" * 100, b"second"):
        files.save("desired.cbor", data)
        assert files.load("desired.cbor") == data
    assert [path.name for path in (tmp_path / "documents").iterdir()] == ["desired.cbor"]
    assert (tmp_path / "documents").stat().st_mode & 0o077 == 0


def test_crash_between_write_and_rename_leaves_the_old_document(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path)
    files.save("desired.cbor", b"old")
    (tmp_path / ".desired.cbor.new").write_bytes(b"ne")  # what a power cut in the middle of a write leaves
    assert files.load("desired.cbor") == b"old"
    files.save("desired.cbor", b"newer")
    assert files.load("desired.cbor") == b"newer" and not (tmp_path / ".desired.cbor.new").exists()


def test_device_without_space_keeps_the_old_document_and_says_storage_full(tmp_path: Path) -> None:
    files = DocumentFiles(tmp_path)
    files.save("desired.cbor", b"old")
    (tmp_path / ".desired.cbor.new").symlink_to("/dev/full")
    with pytest.raises(StorageFull):
        files.save("desired.cbor", b"new")
    assert files.load("desired.cbor") == b"old"


def test_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "documents").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageFailed):
        DocumentFiles(tmp_path / "documents").save("desired.cbor", b"new")


def test_folder_in_the_document_s_place_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "desired.cbor").mkdir()
    with pytest.raises(StorageFailed):
        DocumentFiles(tmp_path).load("desired.cbor")


def test_document_over_the_limit_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "desired.cbor").write_bytes(os.urandom(MAX_DOCUMENT_BYTES + 1))
    assert DocumentFiles(tmp_path).load("desired.cbor") is None
