"""`hil.protocols.Card`: a copy of a card image, and what the board's firmware would start from it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from hil.build_cache import execute, need_tools, which
from hil.errors import ProcessFailed, RigFileInvalid

SECTOR_BYTES = 512
_ROOM_BYTES = 512 * 1024 * 1024
_SCHEME = re.compile(r"(?s)^\[all\]\n.*?boot_partition=(\d+)\n")


@dataclass(frozen=True, slots=True)
class Start:
    """What the firmware hands to the processor."""

    kernel: Path
    initramfs: Path
    cmdline: str


class CardFile:
    """A card of the run's own, larger than the image, as cards are."""

    def __init__(self, image: Path, folder: Path) -> None:
        """
        Raises:
            RigFileInvalid: there is no such image.
            ToolMissing: sfdisk or mtools are not installed.
        """
        need_tools({"sfdisk": "fdisk", "mcopy": "mtools"})
        if not image.is_file():
            raise RigFileInvalid("no such image", where=str(image), remedy="make image")
        self._folder = folder
        self._path = folder / "card.img"
        execute(["cp", "--sparse=always", image, self._path])
        with self._path.open("r+b") as card:
            card.truncate(image.stat().st_size + _ROOM_BYTES)

    @property
    def card_path(self) -> Path:
        return self._path

    def start(self) -> Start:
        """Play the firmware: the partition that `autoboot.txt` names, and from it kernel, first programs, words.

        Raises:
            ProcessFailed: `autoboot.txt` names no partition.
        """
        named = _SCHEME.search(self._read(1, "autoboot.txt").decode("ascii", "replace"))
        if named is None:
            raise ProcessFailed("autoboot.txt names no partition", where=str(self._path))
        number = int(named[1])
        files = {name: self._folder / name for name in ("kernel8.img", "initramfs8")}
        for name, target in files.items():
            target.write_bytes(self._read(number, name))
        cmdline = self._read(number, "cmdline.txt").decode("ascii").strip()
        return Start(files["kernel8.img"], files["initramfs8"], cmdline)

    def _read(self, number: int, name: str) -> bytes:
        target = self._folder / f"{number}-{name}"
        place = f"{self._path}@@{self._first_sector(number) * SECTOR_BYTES}"
        execute(["mcopy", "-n", "-o", "-i", place, f"::/{name}", target])
        data = target.read_bytes()
        target.unlink()
        return data

    def _first_sector(self, number: int) -> int:
        table = json.loads(execute([which("sfdisk") or "sfdisk", "--json", self._path]))["partitiontable"]
        starts = {int(row["node"].removeprefix(str(self._path))): row["start"] for row in table["partitions"]}
        return int(starts[number])
