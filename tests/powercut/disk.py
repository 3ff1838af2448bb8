"""A disk that remembers which bytes were synced, and what may be left of the rest when the power goes.

Between two syncs every 512-byte sector keeps all contents it had; a cut picks one of them for each sector, in any
combination, now and then a torn mix of two. Lengths, new files and unsynced deletions survive or not likewise.
Bytes outside a write are never harmed (powersafe overwrite, which SQLite assumes on Linux too).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

SECTOR_BYTES = 512
TORN_SHARE = 0.1


class PowerIsOff(Exception):
    """The disk does not answer any more."""


@dataclass
class DiskFile:
    """`content` is what the program sees; `synced` is what surely survives; `versions` what each sector has been."""

    content: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    versions: dict[int, list[bytes]] = field(default_factory=dict)
    entry_synced: bool = False

    def write(self, data: bytes, offset: int) -> None:
        end = offset + len(data)
        if end > len(self.content):
            self.content.extend(bytes(end - len(self.content)))
        self.content[offset:end] = data
        for sector in range(offset // SECTOR_BYTES, (end - 1) // SECTOR_BYTES + 1):
            start = sector * SECTOR_BYTES
            self.versions.setdefault(sector, []).append(bytes(self.content[start : start + SECTOR_BYTES]))

    def truncate(self, size: int) -> None:
        del self.content[size:]

    def sync(self) -> None:
        self.synced = bytes(self.content)
        self.versions.clear()
        self.entry_synced = True

    def survivor(self, chance: random.Random) -> DiskFile:
        """What a cut leaves of this file."""
        lengths = sorted((len(self.synced), len(self.content)))
        length = chance.choice([*lengths, chance.randint(*lengths)])
        data = bytearray(self.synced[:length].ljust(length, b"\0"))
        for sector, versions in self.versions.items():
            start = sector * SECTOR_BYTES
            old = bytes(data[start : start + SECTOR_BYTES])
            kept = self._kept(old, versions, chance)[: max(0, length - start)]
            data[start : start + len(kept)] = kept
        return DiskFile(data, bytes(data), {}, entry_synced=True)

    @staticmethod
    def _kept(old: bytes, versions: list[bytes], chance: random.Random) -> bytes:
        if chance.random() < 0.4:
            return old
        new = versions[-1] if chance.random() < 0.7 else chance.choice(versions)
        if chance.random() < TORN_SHARE:
            edge = chance.randrange(SECTOR_BYTES)
            return new[:edge] + old[edge:]
        return new


class Disk:
    """Files by name; `cut_after` further changes the power goes, and stays off until `after_cut`."""

    def __init__(self, cut_after: int, files: dict[str, DiskFile] | None = None) -> None:
        self.files = files if files is not None else {}
        self.deleted: dict[str, DiskFile] = {}
        self.left = cut_after

    @property
    def is_off(self) -> bool:
        return self.left < 0

    def check(self) -> None:
        if self.is_off:
            raise PowerIsOff

    def step(self) -> None:
        """Count one change of the disk; the one that goes over the limit does not happen."""
        self.left -= 1
        self.check()

    def open(self, name: str, *, create: bool) -> DiskFile:
        self.check()
        if name not in self.files:
            if not create:
                raise FileNotFoundError(name)
            self.step()
            self.files[name] = DiskFile()
        return self.files[name]

    def sync(self, file: DiskFile) -> None:
        """Make a file durable; the first sync of a new one syncs the folder too, as SQLite does for its journals."""
        self.step()
        if not file.entry_synced:
            self.deleted.clear()
            for other in self.files.values():
                other.entry_synced = True
        file.sync()

    def delete(self, name: str, *, synced: bool) -> None:
        self.step()
        file = self.files.pop(name)
        if synced:
            self.deleted.clear()
        elif file.entry_synced:
            self.deleted[name] = file

    def after_cut(self, chance: random.Random, cut_after: int) -> Disk:
        """The disk when the power is back."""
        files = {
            name: file.survivor(chance)
            for name, file in self.files.items()
            if file.entry_synced or chance.random() < 0.5
        }
        for name, file in self.deleted.items():
            if name not in files and chance.random() < 0.5:
                files[name] = file.survivor(chance)
        return Disk(cut_after, files)
