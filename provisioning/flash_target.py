"""PURE. Whether an image may be written to a disk, judged by what the kernel says of it in /sys and /proc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioning.errors import Refused

SYSTEM_PLACES = frozenset(["/", "/boot", "/boot/efi", "/boot/firmware", "/home", "/usr", "/var"])


@dataclass(frozen=True, slots=True)
class Disk:
    """One block device. `parts`: its partitions' names. `holders`: what is stacked on it or on a partition (RAID, LVM).

    `bus`: where it is plugged in, the path of its /sys entry.
    """

    name: str
    size_bytes: int
    is_partition: bool
    is_read_only: bool
    is_removable: bool
    bus: str
    parts: tuple[str, ...]
    holders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Uses:
    """What the running system uses: device name to mount point, and the devices that it swaps to."""

    mounts: Mapping[str, str]
    swaps: frozenset[str]


def check_disk(disk: Disk, uses: Uses, image_bytes: int) -> None:
    """
    Raises:
        Refused: the first thing that speaks against it, and what helps.
    """
    names = (disk.name, *disk.parts)
    mounted = [(name, uses.mounts[name]) for name in names if name in uses.mounts]
    swapped = [name for name in names if name in uses.swaps]
    if disk.is_partition:
        raise _no(disk, "it is a partition, not a disk", "Name the whole disk.")
    if swapped:
        raise _no(disk, f"the system swaps to {swapped[0]}", "Name the card's disk; see lsblk.")
    if mounted:
        name, place = mounted[0]
        if place in SYSTEM_PLACES:
            raise _no(
                disk, f"this computer runs from it: {name} is mounted at {place}", "Name the card's disk; see lsblk."
            )
        raise _no(disk, f"{name} is mounted at {place}", f"If it is the card: umount {place}")
    if disk.holders:
        raise _no(disk, f"{disk.holders[0]} lies on it", "Name the card's disk; see lsblk.")
    if not may_be_a_card(disk):
        raise _no(disk, "it is built into this computer", "Name the card's disk; see lsblk.")
    if disk.is_read_only:
        raise _no(disk, "it is write-protected", "Move the card's slide.")
    if disk.size_bytes < image_bytes:
        what = f"it holds {disk.size_bytes} bytes, the image has {image_bytes}"
        raise _no(disk, what, "Use a larger card; an empty reader shows 0 bytes.")


def may_be_a_card(disk: Disk) -> bool:
    """Removable, in a card slot, on USB, or a loop device."""
    return disk.is_removable or disk.name.startswith(("mmcblk", "loop")) or "/usb" in disk.bus


def _no(disk: Disk, what: str, remedy: str) -> Refused:
    return Refused(what, where=f"/dev/{disk.name}", remedy=remedy)
