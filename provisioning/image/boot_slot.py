"""The files of a boot partition: the board's firmware, the kernel, its first programs, and which slot it starts."""

from __future__ import annotations

import shutil
from pathlib import Path

from provisioning.errors import BuildFailed
from provisioning.image.initramfs import initramfs

# The firmware's own settings. Upstream kernels name their devices otherwise than the vendor's.
CONFIG = """[all]
arm_64bit=1
upstream_kernel=1
kernel=kernel8.img
initramfs initramfs8 followkernel
enable_uart=1
disable_splash=1
disable_overscan=1
"""
_CMDLINE = "pw_slot={slot} ro console=tty1 quiet loglevel=3 panic=10\n"
FIRMWARE = ("bootcode.bin", "start.elf", "fixup.dat", "start4.elf", "fixup4.dat")


def cmdline(slot: str) -> str:
    """The kernel's command line: the only thing in which two slots differ."""
    return _CMDLINE.format(slot=slot)


def autoboot(committed: str) -> str:
    """What the firmware reads first: the committed slot's partition, and the other one for a single trial."""
    first, other = ("2", "3") if committed == "a" else ("3", "2")
    return f"[all]\ntryboot_a_b=1\nboot_partition={first}\n[tryboot]\nboot_partition={other}\n"


def kernel_release(tree: Path) -> str:
    """The release of the one kernel that is unpacked there. Raises BuildFailed when there is none or more."""
    found = sorted(path.name for path in (tree / "usr/lib/modules").iterdir())
    if len(found) != 1:
        raise BuildFailed(f"kernels: {', '.join(found) or 'none'}", where=str(tree), remedy="Name one in content.toml.")
    return found[0]


def fill_boot(target: Path, tree: Path, slot: str, label: str) -> None:
    """Put a slot's boot files into a folder; `label` is the text of slot.json."""
    target.mkdir(parents=True)
    release = kernel_release(tree)
    for name in FIRMWARE:
        shutil.copyfile(tree / "usr/lib/raspi-firmware" / name, target / name)
    for blob in sorted((tree / "usr/lib" / f"linux-image-{release}" / "broadcom").glob("*.dtb")):
        shutil.copyfile(blob, target / blob.name)
    shutil.copyfile(tree / "boot" / f"vmlinuz-{release}", target / "kernel8.img")
    (target / "initramfs8").write_bytes(initramfs(tree, release))
    (target / "config.txt").write_text(CONFIG)
    (target / "cmdline.txt").write_text(cmdline(slot))
    (target / "slot.json").write_text(label)


def fill_cfg(target: Path, tree: Path) -> None:
    """Put the files of the cfg partition into a folder; an older board reads its first program there."""
    target.mkdir(parents=True)
    shutil.copyfile(tree / "usr/lib/raspi-firmware/bootcode.bin", target / "bootcode.bin")
    (target / "autoboot.txt").write_text(autoboot("a"))
