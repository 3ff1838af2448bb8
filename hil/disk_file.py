"""`hil.protocols.DataDisk`: a file with an ext4 file system, fresh whenever a plan wants it so."""

from __future__ import annotations

from pathlib import Path

from hil.build_cache import execute, need_tools

_MIB = 1024 * 1024


class DiskFile:
    """The data disk of a guest. It is renewed while the power is off."""

    def __init__(self, path: Path, size_mib: int) -> None:
        need_tools({"mkfs.ext4": "e2fsprogs"})
        self.path = path
        self._size_mib = size_mib
        self.renew()

    def renew(self) -> None:
        self.path.unlink(missing_ok=True)
        with self.path.open("wb") as file:
            file.truncate(self._size_mib * _MIB)
        execute(["mkfs.ext4", "-q", "-F", "-L", "data", "-E", "lazy_itable_init=1,lazy_journal_init=1", self.path])
