"""Which disks may be written, from the kernel's facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.block_devices import read_disk, read_uses
from provisioning.errors import NotFound, Refused
from provisioning.flash_target import Disk, Uses, check_disk

GIB = 1024**3
CARD = Disk("sdb", 16 * GIB, False, False, True, "/sys/devices/pci0/usb1/1-2/block/sdb", ("sdb1", "sdb2"), ())
IDLE = Uses({"sda1": "/", "sda2": "/home"}, frozenset({"sda3"}))


@pytest.mark.parametrize(
    "disk",
    [CARD, replace(CARD, name="mmcblk0", is_removable=False, bus="/sys/devices/platform/mmc0/block/mmcblk0"),
     replace(CARD, is_removable=False), replace(CARD, name="loop3", is_removable=False, bus="/sys/devices/virtual"),
     replace(CARD, size_bytes=2 * GIB)],
    ids=["usb-stick", "card-slot", "usb-disk", "loop", "just-fits"],
)  # fmt: skip
def test_card_that_nobody_uses_may_be_written(disk: Disk) -> None:
    check_disk(disk, IDLE, 2 * GIB)


@pytest.mark.parametrize(
    ("disk", "uses", "message"),
    [
        (CARD, Uses({"sdb2": "/media/card"}, frozenset()), "mounted at /media/card"),
        (CARD, Uses({"sdb": "/mnt"}, frozenset()), "mounted at /mnt"),
        (replace(CARD, name="sda", parts=("sda1", "sda2")), IDLE, "computer runs from it"),
        (replace(CARD, parts=("sda3",)), IDLE, "swaps to sda3"),
        (replace(CARD, holders=("dm-0",)), IDLE, "dm-0 lies on it"),
        (replace(CARD, name="sdb1", is_partition=True, parts=()), IDLE, "partition"),
        (replace(CARD, is_removable=False, bus="/sys/devices/pci0/ata1/block/sdb"), IDLE, "built into"),
        (replace(CARD, name="nvme0n1", is_removable=False, bus="/sys/devices/pci0/nvme"), IDLE, "built into"),
        (replace(CARD, is_read_only=True), IDLE, "write-protected"),
        (replace(CARD, size_bytes=2 * GIB - 512), IDLE, "holds"),
        (replace(CARD, size_bytes=0), IDLE, "holds 0 bytes"),
    ],
    ids=["mounted-partition", "mounted-whole", "system", "swap", "raid", "partition", "internal", "nvme", "slide",
         "too-small", "no-card"],
)  # fmt: skip
def test_disk_that_must_not_be_written_is_refused_with_the_reason(disk: Disk, uses: Uses, message: str) -> None:
    with pytest.raises(Refused, match=message) as caught:
        check_disk(disk, uses, 2 * GIB)
    assert caught.value.remedy and disk.name in caught.value.where


def test_facts_are_read_from_the_kernels_files(tmp_path: Path) -> None:
    disk = tmp_path / "sys/devices/pci0/usb1/block/sdb"
    part = disk / "sdb1"
    (part / "holders/dm-0").mkdir(parents=True)
    (part / "partition").write_text("1\n")
    for name, value in (("size", "31116288"), ("ro", "0"), ("removable", "1")):
        (disk / name).write_text(f"{value}\n")
    numbers = tmp_path / "sys/dev/block"
    numbers.mkdir(parents=True)
    (numbers / "8:16").symlink_to(disk)
    (numbers / "8:17").symlink_to(part)
    (tmp_path / "proc/self").mkdir(parents=True)
    mountinfo = "36 35 8:17 / /media/my\\040card rw,noatime - vfat /dev/sdb1 rw\n37 35 0:5 / /proc rw - proc proc rw\n"
    (tmp_path / "proc/self/mountinfo").write_text(mountinfo)
    (tmp_path / "proc/swaps").write_text("Filename Type Size\n/dev/sda3 partition 1 0 -2\n/swapfile file 1 0 -3\n")
    found = read_disk(8 << 8 | 16, tmp_path / "sys")
    assert (found.name, found.size_bytes, found.parts, found.holders) == ("sdb", 31116288 * 512, ("sdb1",), ("dm-0",))
    assert read_disk(8 << 8 | 17, tmp_path / "sys").is_partition
    uses = read_uses(tmp_path / "proc", tmp_path / "sys")
    assert uses.mounts == {"sdb1": "/media/my\\040card"} and uses.swaps == frozenset({"sda3"})
    with pytest.raises(NotFound):
        read_disk(8 << 8 | 32, tmp_path / "sys")
