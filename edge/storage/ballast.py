"""A file that only takes up space: deleting it makes room for an alarm and for trimming when the disk is full."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
PROBE_FILE = "space.probe"
_RESTORE_EVERY = 64
_PROBE_BYTES = 4096


class Ballast:
    """Space held back beside the log; None as path or 0 bytes stand for none."""

    def __init__(self, path: Path | None, size_bytes: int) -> None:
        self._path = path if size_bytes else None
        self._size_bytes = size_bytes
        self._until_next_try = 0

    def release(self) -> bool:
        """Give the space back to the file system; False when there was none."""
        if self._path is None or not self._path.exists():
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        self._until_next_try = _RESTORE_EVERY
        return True

    def restore(self) -> bool:
        """Take the space again once three times as much is free; cheap to call after every commit."""
        if self._path is None:
            return True
        if self._until_next_try > 0:
            self._until_next_try -= 1
            return False
        self._until_next_try = _RESTORE_EVERY
        if self._path.exists() and self._path.stat().st_size == self._size_bytes:
            return True
        try:
            return self._allocate()
        except OSError:
            self._path.unlink(missing_ok=True)
            return False

    def is_space_short(self) -> bool:
        """Whether a small file beside the log meets the end of the disk, a quota or a size limit."""
        if self._path is None:
            return False
        probe = self._path.with_name(PROBE_FILE)
        try:
            probe.write_bytes(bytes(_PROBE_BYTES))
        except OSError as error:
            return error.errno in NO_SPACE
        finally:
            probe.unlink(missing_ok=True)
        return False

    def _allocate(self) -> bool:
        assert self._path is not None
        if shutil.disk_usage(self._path.parent).free < 3 * self._size_bytes:
            return False
        handle = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._size_bytes)
            os.fsync(handle)
        finally:
            os.close(handle)
        return True
