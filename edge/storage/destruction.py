"""Secret files leave the card for good: overwritten on the medium, then removed."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import StorageFailed


def destroy_file(path: Path) -> None:
    """Overwrite the file with zeros, on the medium, and remove it; absent is fine.

    A card may keep an old copy of a block that it has remapped: trust in what stood there must end elsewhere too.

    Raises:
        StorageFailed: it is still there.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _still_there(error, path) from error
    try:
        os.pwrite(handle, bytes(os.fstat(handle).st_size), 0)
        os.fsync(handle)
        path.unlink()
        _sync(path.parent)
    except OSError as error:
        raise _still_there(error, path) from error
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _still_there(error: OSError, path: Path) -> StorageFailed:
    remedy = "Mount its partition writable, or remove the file by hand."
    return StorageFailed(f"it cannot be deleted: {error.strerror or error}", where=str(path), remedy=remedy)
