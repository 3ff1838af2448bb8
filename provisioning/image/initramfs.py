"""The first programs of a slot: busybox, the modules that a card or a rig's disk needs, and one script. Pure bytes.

Made here and not by the distribution's tools, which would run half an hour under emulation and put the moment of the
build into the archive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from provisioning.image.content import HERE

# What the root lies on: a card of each board, a disk of a rig, USB; and its file system.
WANTED = (
    # ext4 asks for it by name when it mounts, so modules.dep does not tell.
    "crc32c_generic",
    "ext4",
    "bcm2835",
    "sdhci_iproc",
    "virtio_blk",
    "virtio_mmio",
    "virtio_pci",
    "usb_storage",
    "uas",
    "phy_generic",
    "dwc2",
    "xhci_pci",
)
_FOLDERS = ("bin", "dev", "etc", "lib", "lib/modules", "proc", "root", "run", "sys", "tmp")


def initramfs(tree: Path, release: str) -> bytes:
    """The archive for the kernel `release` whose packages lie unpacked in `tree`."""
    modules = tree / "usr/lib/modules" / release
    needed = with_dependencies((modules / "modules.dep").read_text("utf-8"), WANTED)
    files = {f"lib/modules/{index:02}-{Path(name).name}": modules / name for index, name in enumerate(needed)}
    entries = {name: (0o040755, b"") for name in _FOLDERS}
    entries |= {name: (0o100644, path.read_bytes()) for name, path in files.items()}
    entries["bin/busybox"] = (0o100755, (tree / "bin/busybox").read_bytes())
    entries["init"] = (0o100755, (HERE / "files/card-init").read_bytes())
    return newc(entries)


def with_dependencies(dep: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """Files of the wanted modules in an order in which they load, from `modules.dep`; those built in are left out."""
    needs = {line.partition(":")[0]: line.partition(":")[2].split() for line in dep.splitlines()}
    by_name = {Path(name).name.partition(".")[0].replace("-", "_"): name for name in needs}
    found: dict[str, None] = {}
    for module in wanted:
        if module in by_name:
            name = by_name[module]
            # modules.dep lists what a module needs nearest first; it loads farthest first.
            found.update(dict.fromkeys((*reversed(needs[name]), name)))
    return tuple(found)


def newc(entries: Mapping[str, tuple[int, bytes]]) -> bytes:
    """A cpio archive as the kernel reads it: everything belongs to root and has no time."""
    parts = [
        _record(number, name, mode, data) for number, (name, (mode, data)) in enumerate(sorted(entries.items()), 1)
    ]
    return b"".join((*parts, _record(0, "TRAILER!!!", 0, b"")))


def _record(number: int, name: str, mode: int, data: bytes) -> bytes:
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + path) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
