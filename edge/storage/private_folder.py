"""Small secret files: 0600 in a folder that others cannot write, whole or absent, durable when a call returns."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from edge.errors import ConfigError, StorageFailed, StorageFull

MAX_FILE_BYTES = 16 * 1024
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class PrivateFolder:
    """Reads and writes files by name. Any file or folder that other users could read or change is refused."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = path.stat().st_mode
        except OSError as error:
            raise _failure(error, path) from error
        if mode & 0o022:
            raise ConfigError("other users can write to it", where=str(path), remedy=f"chmod 700 {path}")

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir())

    def read(self, name: str) -> bytes | None:
        """The file's bytes; None when there is none.

        Raises:
            ConfigError: a link, no plain file, foreign, too large, or open to other users.
        """
        path = self.path / name
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise ConfigError("a symbolic link", where=str(path), remedy="Put the file itself there.") from error
            raise _failure(error, path) from error
        with os.fdopen(handle, "rb") as file:
            _check(os.fstat(handle), path)
            return file.read(MAX_FILE_BYTES)

    def create(self, name: str, data: bytes) -> None:
        """Write a file that must not exist yet; one that exists stays as it is and is an error."""
        self._write(name, data, replace=False)

    def replace(self, name: str, data: bytes) -> None:
        """Write a file whole, over an older one if there is one."""
        self._write(name, data, replace=True)

    def remove(self, name: str) -> None:
        """Remove a file; absent is fine."""
        try:
            (self.path / name).unlink(missing_ok=True)
            self._sync()
        except OSError as error:
            raise _failure(error, self.path / name) from error

    def _write(self, name: str, data: bytes, *, replace: bool) -> None:
        path, draft = self.path / name, self.path / f".{name}.{os.getpid()}"
        try:
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)
            self._sync()
        except FileExistsError as error:
            raise ConfigError("exists already and is never overwritten", where=str(path)) from error
        except OSError as error:
            raise _failure(error, path) from error
        finally:
            draft.unlink(missing_ok=True)

    def _sync(self) -> None:
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _check(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError("not a plain file", where=str(path), remedy="Put the file itself there.")
    if status.st_mode & 0o077:
        raise ConfigError("other users can read or change it", where=str(path), remedy=f"chmod 600 {path}")
    if status.st_uid != os.geteuid():
        raise ConfigError("it belongs to another user", where=str(path), remedy="Run as its owner, or chown the file.")
    if status.st_size > MAX_FILE_BYTES:
        raise ConfigError(f"larger than {MAX_FILE_BYTES} bytes", where=str(path))


def _failure(error: OSError, path: Path) -> StorageFull | StorageFailed:
    kind = StorageFull if error.errno in _NO_SPACE else StorageFailed
    return kind(f"{error.strerror or error}", where=str(path))
