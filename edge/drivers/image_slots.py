"""The two slots of a card: partitions that are written whole and read back, and the file that says which one starts.

Nothing here touches the running slot. The switch is one rename on the cfg partition, after everything it points to has
been read back from the medium.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from edge.core.release.autoboot import Autoboot, parse_autoboot
from edge.errors import SlotFailed
from edge.wire.errors import WireError
from edge.wire.release import Release, Version, parse_version

CHUNK_BYTES = 1024 * 1024
_SLOT = re.compile(r"(?:^|\s)pw_slot=([ab])(?:\s|$)")
_REMEDY = "The running slot is untouched; the update is tried again."


@dataclass(frozen=True, slots=True)
class SlotPaths:
    """`partitions`: slot → bundle file (`boot_a.img`, `root.img`) → block device. `restart`: starts that slot once.

    `cmdline`: the kernel's own command line, `/proc/cmdline`. `label`: the running root's `slot.json`.
    """

    cfg: Path
    partitions: Mapping[str, Mapping[str, Path]]
    cmdline: Path
    label: Path
    restart: Callable[[str | None], None]


class ImageSlots:
    """Slots `a` and `b` of an image."""

    def __init__(self, paths: SlotPaths) -> None:
        self._paths = paths

    def running(self) -> str:
        """The slot that the kernel was started from.

        Raises:
            SlotFailed: the kernel was started from neither slot.
        """
        found = _SLOT.search(_read(self._paths.cmdline).decode("ascii", "replace"))
        if found is None:
            raise SlotFailed("the kernel was started from neither slot", where=str(self._paths.cmdline))
        return found[1]

    def committed(self) -> str:
        """The slot that starts by itself.

        Raises:
            SlotFailed: autoboot.txt cannot be read, or does not name both slots.
        """
        return self._autoboot().committed

    def version(self) -> Version:
        """The release that the running root was built as.

        Raises:
            SlotFailed: the root has no label.
        """
        return read_label(self._paths.label)

    def write(self, slot: str, bundle: Path, release: Release) -> None:
        """Unpack a bundle into an idle slot and compare what the medium holds afterwards with the signed hashes.

        Raises:
            SlotFailed: the slot runs or is committed, the bundle lacks a file, or the medium does not hold what was
                written.
        """
        if slot in (self.running(), self.committed()):
            raise SlotFailed(f"slot {slot} is in use", where="slot", remedy=_REMEDY)
        partitions, files = self._paths.partitions[slot], release.files
        if not set(partitions) <= set(files):
            raise SlotFailed(f"the bundle holds {sorted(files)}", where="slot", remedy="Build it for this board.")
        try:
            with tarfile.open(bundle, "r:") as archive:
                for name, device in partitions.items():
                    length = _copy(archive, name, device)
                    if _digest(device, length) != files[name]:
                        raise SlotFailed(f"{name} reads back otherwise", where=str(device), remedy="Replace the card.")
        except (OSError, tarfile.TarError, KeyError) as error:
            raise SlotFailed(str(error)[:200], where=f"slot {slot}", remedy=_REMEDY) from error

    def try_once(self, slot: str) -> None:
        """Restart into `slot` for one time."""
        if slot != self._autoboot().other:
            raise SlotFailed(f"slot {slot} is no trial", where="slot", remedy=_REMEDY)
        self._paths.restart(slot)

    def fall_back(self) -> None:
        """Restart into the committed slot."""
        self._paths.restart(None)

    def commit(self, slot: str) -> None:
        """Make the running slot the one that starts: written, synced, renamed, synced.

        Raises:
            SlotFailed: it does not run, or the file cannot be written.
        """
        if slot != self.running():
            raise SlotFailed(f"slot {slot} does not run", where="slot", remedy=_REMEDY)
        target = self._paths.cfg / "autoboot.txt"
        draft = target.with_name("autoboot.new")
        try:
            with draft.open("wb") as file:
                file.write(Autoboot(slot).to_bytes())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
            _sync(self._paths.cfg)
        except OSError as error:
            raise SlotFailed(str(error), where=str(target), remedy=_REMEDY) from error

    def _autoboot(self) -> Autoboot:
        try:
            return parse_autoboot(_read(self._paths.cfg / "autoboot.txt"))
        except WireError as error:
            raise SlotFailed(error.what, where=error.where, remedy=error.remedy) from error


def read_label(path: Path) -> Version:
    """The release that a root was built as, from its `slot.json`.

    Raises:
        SlotFailed: there is no label.
    """
    try:
        return parse_version(json.loads(_read(path))["release"])
    except (ValueError, KeyError, TypeError, WireError) as error:
        raise SlotFailed("the root has no label", where=str(path), remedy=_REMEDY) from error


def _copy(archive: tarfile.TarFile, name: str, device: Path) -> int:
    """One file of the bundle onto a block device; its length."""
    member = archive.extractfile(name)
    if member is None:
        raise SlotFailed("not a plain file", where=name, remedy=_REMEDY)
    with device.open("r+b") as target:
        while chunk := member.read(CHUNK_BYTES):
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
        return target.tell()


def _digest(device: Path, length: int) -> str:
    """SHA-256 of the first bytes of a device, past the page cache where the kernel lets go of it."""
    digest = hashlib.sha256()
    with device.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while length > 0 and (chunk := _some(file, length)):
            digest.update(chunk)
            length -= len(chunk)
    return digest.hexdigest()


def _some(file: IO[bytes], length: int) -> bytes:
    return file.read(min(CHUNK_BYTES, length))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SlotFailed(str(error), where=str(path), remedy=_REMEDY) from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
