"""Writes a card image to a card or a file, reads it back, and compares the hashes."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from provisioning.block_devices import read_disk, read_uses
from provisioning.errors import NotFound, Refused, StorageFailed
from provisioning.flash_target import check_disk

CHUNK_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Flashed:
    """What was written, and the hash of what was read back."""

    length_bytes: int
    sha256: str


def image_length(image: Path) -> int:
    """
    Raises:
        NotFound, Refused: there is no such file, or it is empty.
    """
    try:
        status = image.stat()
    except OSError as error:
        raise NotFound(error.strerror or "no such file", where=str(image), remedy="Make one: make image.") from error
    if not stat.S_ISREG(status.st_mode) or not status.st_size:
        raise Refused("not a file with an image", where=str(image), remedy="Name the .img file of make image.")
    return status.st_size


def check_target(image: Path, target: Path) -> None:
    """
    Raises:
        Refused: it must not be written there. NotFound: there is no such disk.
    """
    length = image_length(image)
    try:
        status = target.stat()
    except FileNotFoundError:
        if target.is_relative_to("/dev") or not target.parent.is_dir():
            raise NotFound("no such disk or folder", where=str(target), remedy="Plug the card in; see lsblk.") from None
        return
    if stat.S_ISBLK(status.st_mode):
        check_disk(read_disk(status.st_rdev), read_uses(), length)
    elif not stat.S_ISREG(status.st_mode):
        raise Refused("neither a disk nor a file", where=str(target), remedy="Name a card's disk, or a file.")
    elif target.samefile(image):
        raise Refused("it is the image itself", where=str(target), remedy="Name another file.")


def flash(image: Path, target: Path, moved: Callable[[str, int], None]) -> Flashed:
    """Write the whole image, then read the target back; `moved` is told the phase and how many bytes more.

    Raises:
        NotFound, Refused: see `check_target`.
        StorageFailed: the medium fails, or does not hold what was written.
    """
    check_target(image, target)
    length = image_length(image)
    try:
        written = hashlib.sha256()
        with _opened(target, os.O_RDWR | (0 if _is_disk(target) else os.O_CREAT | os.O_TRUNC)) as handle:
            for chunk in _chunks(image, length):
                _write_all(handle, chunk)
                written.update(chunk)
                moved("writing", len(chunk))
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        found = hashlib.sha256()
        for chunk in _chunks(target, length):
            found.update(chunk)
            moved("verifying", len(chunk))
    except OSError as error:
        raise StorageFailed(error.strerror or str(error), where=str(target), remedy="Try another card.") from error
    if found.digest() != written.digest():
        what = "it does not hold what was written"
        raise StorageFailed(what, where=str(target), remedy="The card is spoilt or a fake: use another one.")
    return Flashed(length, found.hexdigest())


def _is_disk(target: Path) -> bool:
    return target.exists() and stat.S_ISBLK(target.stat().st_mode)


@contextmanager
def _opened(target: Path, flags: int) -> Iterator[int]:
    """The kernel refuses a disk that got mounted since it was judged (O_EXCL)."""
    handle = os.open(target, flags | os.O_CLOEXEC | (os.O_EXCL if _is_disk(target) else 0), 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _write_all(handle: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(handle, view) :]


def _chunks(path: Path, length: int) -> Iterator[bytes]:
    """`length` bytes from the beginning.

    Raises:
        OSError: there are fewer.
    """
    with path.open("rb", buffering=0) as file:
        left = length
        while left:
            chunk = file.read(min(CHUNK_BYTES, left))
            if not chunk:
                raise OSError(f"it ends {left} bytes early")
            left -= len(chunk)
            yield chunk
