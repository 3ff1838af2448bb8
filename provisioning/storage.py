"""The only file access of provisioning: private files are 0600, whole or absent, and durable when a call returns."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from provisioning.errors import Conflict, NotFound, StorageFailed, Unsafe

MAX_FILE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Write:
    """One file to write, relative to the fleet folder. `new`: it must not exist yet."""

    path: str
    data: bytes = field(repr=False)
    new: bool = False


class FleetFolder:
    """The folder of one fleet. `offline` may lie elsewhere, on a medium that is locked away between uses."""

    def __init__(self, path: Path, offline: Path | None = None) -> None:
        self.path = path
        self._offline = offline

    def exists(self) -> bool:
        return (self.path / "fleet.json").exists()

    def read(self, name: str) -> bytes:
        """
        Raises:
            NotFound: there is no such file.
            Unsafe: a private key that other users can read.
        """
        return read_file(self._place(name), private=name.endswith(".key"))

    def find(self, name: str) -> bytes | None:
        """The file's bytes; None when there is none."""
        try:
            return self.read(name)
        except NotFound:
            return None

    def names(self, folder: str) -> list[str]:
        """The files of a sub-folder, sorted; drafts left by a crash are none."""
        place = self._place(folder)
        return sorted(entry.name for entry in place.iterdir() if entry.name[0] != ".") if place.exists() else []

    def create(self, writes: Iterable[Write]) -> None:
        """Make the whole folder at once: after a crash it is there completely or not at all."""
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            if self.path.exists() and any(self.path.iterdir()):
                raise Conflict("it is not empty", where=str(self.path), remedy="Name a new folder.")
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(mode=0o700, parents=True)
            for write in writes:
                _write(draft / write.path, write.data, mode=0o600)
            draft.rename(self.path)
            _sync(self.path.parent)
        except OSError as error:
            raise _failure(error, self.path) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def apply(self, writes: Iterable[Write]) -> None:
        """Write the files in their order, each durable before the next."""
        for write in writes:
            place = self._place(write.path)
            try:
                _write(place, write.data, mode=0o600, new=write.new)
            except FileExistsError as error:
                raise Conflict("it exists already", where=str(place), remedy="Run the command again.") from error
            except OSError as error:
                raise _failure(error, place) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands out of this fleet; they wait."""
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise _no_fleet(self.path) from error
        except OSError as error:
            raise _failure(error, self.path) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _place(self, name: str) -> Path:
        if self._offline is not None and name.startswith("offline/"):
            return self._offline / name.removeprefix("offline/")
        return self.path / name


def read_file(path: Path, *, private: bool = False) -> bytes:
    """A file's bytes, at most 1 MiB.

    Raises:
        NotFound, StorageFailed, Unsafe
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StorageFailed("not a plain file", where=str(path), remedy="Name a file.")
            if private and status.st_mode & 0o077:
                raise Unsafe("other users can read or change it", where=str(path), remedy=f"chmod 600 {path}")
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound("no such file", where=str(path), remedy="Check the path.") from error
    except OSError as error:
        raise _failure(error, path) from error
    if len(data) > MAX_FILE_BYTES:
        raise StorageFailed(f"larger than {MAX_FILE_BYTES} bytes", where=str(path), remedy="Name the right file.")
    return data


def read_credential(name: str) -> bytes | None:
    """A credential that systemd hands to this service (LoadCredential=); None when there is none of that name."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        return read_file(Path(folder) / name)
    except NotFound:
        return None


def write_file(path: Path, data: bytes, *, private: bool = False, new: bool = False) -> None:
    """Write a file outside the fleet folder, whole: 0600 when private, else 0644.

    Raises:
        Conflict: `new`, and it exists.
    """
    try:
        _write(path, data, mode=0o600 if private else 0o644, new=new)
    except FileExistsError as error:
        raise Conflict("it exists and is not overwritten", where=str(path), remedy="Name another file.") from error
    except OSError as error:
        raise _failure(error, path) from error


def write_with(path: Path, save: Callable[[BinaryIO], None]) -> None:
    """Let `save` write a public file, whole or not at all."""
    memory = BytesIO()
    save(memory)
    write_file(path, memory.getvalue())


def _write(path: Path, data: bytes, *, mode: int, new: bool = False) -> None:
    private = mode & 0o077 == 0
    path.parent.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        if new:
            os.link(draft, path)
        else:
            draft.replace(path)
        _sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _no_fleet(path: Path) -> NotFound:
    return NotFound(
        "no fleet here", where=str(path), remedy="Make one with pw-provision init, or name its folder: --dir."
    )


def _failure(error: OSError, path: Path) -> StorageFailed:
    return StorageFailed(error.strerror or str(error), where=str(path), remedy="Check space, permissions and the path.")
