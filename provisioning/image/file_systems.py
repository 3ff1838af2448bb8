"""File systems as files, made without mounting anything; the same folder gives the same bytes.

`mkfs.ext4 -d` keeps the moments at which the building machine touched the files (ctime, and atime of folders). They
are set to the build's own moment afterwards. The order of names in a folder is the machine's too, so the folder is
copied in order to a file system that keeps it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from provisioning.image.base_root import MEMORY
from provisioning.image.building import execute
from provisioning.image.partitions import MIB

_UUID = "50574331-0000-4000-8000-{:012x}"
_FIRST_INODE = 11
_ROOT_INODE = 2


def fat(image: Path, label: str, number: int, size_mib: int, folder: Path, made_at_s: int) -> None:
    """A FAT32 file system with the folder's files.

    Raises:
        BuildFailed: the files do not fit.
    """
    _sparse(image, size_mib)
    execute(["mkfs.vfat", "--invariant", "-F", "32", "-n", label.upper(), "-i", f"5057433{number:x}", image])
    execute(["find", folder, "-exec", "touch", "-h", "-d", f"@{made_at_s}", "{}", "+"])
    files = sorted(folder.iterdir())
    if files:
        words = ["mcopy", "-s", "-m", "-Q", "-i", image, *files, "::/"]
        execute(words, environment={"SOURCE_DATE_EPOCH": str(made_at_s), "TZ": "UTC"})


def ext4(
    image: Path, label: str, number: int, size_mib: int, folder: Path | None, made_at_s: int, *, journal: bool
) -> None:
    """An ext4 file system with the folder's tree; owners and modes are the folder's.

    Raises:
        BuildFailed: the tree does not fit.
    """
    _sparse(image, size_mib)
    uuid = _UUID.format(number)
    words: list[str | Path] = ["mkfs.ext4", "-q", "-F", "-L", label, "-U", uuid, "-m", "0", "-E", f"hash_seed={uuid}"]
    words += [] if journal else ["-O", "^has_journal"]
    fixed = {"E2FSPROGS_FAKE_TIME": str(made_at_s)}
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory:
        if folder is not None:
            execute(["sh", "-c", _IN_ORDER, "sh", folder, memory, f"@{made_at_s}"])
            words += ["-d", memory]
        execute([*words, image], environment=fixed)
    orders = "".join(
        f"set_inode_field <{inode}> {field} @{made_at_s}\n"
        for inode in used_inodes(execute(["dumpe2fs", image]).decode("utf-8", "replace"))
        for field in ("ctime", "atime")
    )
    with tempfile.NamedTemporaryFile("w") as script:
        script.write(orders)
        script.flush()
        execute(["debugfs", "-w", "-f", script.name, image], environment=fixed)


# Times after the build's own moment are the machine's, earlier ones are the packages' and stay.
_IN_ORDER = (
    'tar -c --sort=name --numeric-owner --clamp-mtime --mtime="$3" -C "$1" . | '
    'tar -x -p --numeric-owner --same-owner -C "$2"'
)


def used_inodes(described: str) -> Iterator[int]:
    """The inodes that hold something, from what `dumpe2fs` says of each group: the root's, and those of its tree."""
    total = re.search(r"^Inode count:\s+(\d+)", described, re.MULTILINE)
    free: set[int] = set()
    for line in re.findall(r"^\s+Free inodes: (\S.*)$", described, re.MULTILINE):
        for part in line.split(", "):
            first, _, last = part.partition("-")
            free.update(range(int(first), int(last or first) + 1))
    count = int(total[1]) if total else 0
    yield from (inode for inode in (_ROOT_INODE, *range(_FIRST_INODE, count + 1)) if inode not in free)


def _sparse(image: Path, size_mib: int) -> None:
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(size_mib * MIB)
