"""What the kernel says of a block device: its /sys entry, the mounts and the swaps."""

from __future__ import annotations

import os
from pathlib import Path

from provisioning.errors import NotFound
from provisioning.flash_target import Disk, Uses

SYS, PROC = Path("/sys"), Path("/proc")
_SECTOR_BYTES = 512  # /sys counts so, whatever the medium's own


def read_disk(number: int, sys: Path = SYS) -> Disk:
    """The device of that number (`st_rdev`).

    Raises:
        NotFound: the kernel knows none.
    """
    place = (sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}").resolve()
    if not place.is_dir():
        remedy = "Plug the card in; see lsblk."
        raise NotFound("the kernel knows no such disk", where=str(place), remedy=remedy)
    parts = sorted(entry.parent.name for entry in place.glob("*/partition"))
    holders = [
        holder.name for folder in (place, *(place / part for part in parts)) for holder in _entries(folder / "holders")
    ]
    return Disk(
        name=place.name,
        size_bytes=_whole(place / "size") * _SECTOR_BYTES,
        is_partition=(place / "partition").exists(),
        is_read_only=_whole(place / "ro") != 0,
        is_removable=_whole(place / "removable") != 0,
        bus=str(place),
        parts=tuple(parts),
        holders=tuple(sorted(holders)),
    )


def read_uses(proc: Path = PROC, sys: Path = SYS) -> Uses:
    """Mounts by device number, so that links and mappers cannot hide a disk; swaps by name."""
    mounts: dict[str, str] = {}
    for line in (proc / "self/mountinfo").read_text("utf-8", "replace").splitlines():
        words = line.split(" ")
        entry = sys / "dev/block" / words[2]
        if entry.exists():
            mounts.setdefault(entry.resolve().name, words[4])
    swaps = (proc / "swaps").read_text("utf-8", "replace").splitlines()[1:] if (proc / "swaps").exists() else []
    return Uses(mounts, frozenset(Path(line.split()[0]).resolve().name for line in swaps if line.startswith("/dev/")))


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _whole(path: Path) -> int:
    try:
        return int(path.read_text("ascii").strip())
    except (OSError, ValueError):
        return 0
