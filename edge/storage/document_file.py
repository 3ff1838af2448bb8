"""Small documents beside the log (desired state, trust bundle): replaced whole, never half."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import StorageFailed, StorageFull
from edge.storage.ballast import NO_SPACE

MAX_DOCUMENT_BYTES = 256 * 1024


class DocumentFiles:
    """A folder of verified documents, one file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> bytes | None:
        """The document, or None when there is none. A file over 256 KiB counts as none."""
        try:
            data = (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(str(error), where=name, remedy="Check the data partition.") from error
        return data if len(data) <= MAX_DOCUMENT_BYTES else None

    def save(self, name: str, data: bytes) -> None:
        """Write, sync, rename, sync the folder: after a power cut it is the old or the new one.

        Raises:
            StorageFull, StorageFailed: the old document still stands.
        """
        target, temporary = self._folder / name, self._folder / f".{name}.new"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(target)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            kind = StorageFull if error.errno in NO_SPACE else StorageFailed
            raise kind(str(error), where=name, remedy="Free space on the data partition.") from error
