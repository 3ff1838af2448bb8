"""Puts a card together: partitions, the image in both tables, the bundle for updates, the bill, the hashes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioning.image.base_root import MIRROR, copy_tree
from provisioning.image.boot_packages import boot_packages
from provisioning.image.boot_slot import fill_boot, fill_cfg
from provisioning.image.building import PROJECT, execute, need_tools
from provisioning.image.content import Content
from provisioning.image.device_site import LOCK
from provisioning.image.file_systems import ext4, fat
from provisioning.image.partitions import MIB, Table, card_mib, partition, start_mib, table_script
from provisioning.image.root_folder import root_folder
from provisioning.image.sbom import bill

ARCHITECTURE = "arm64"
TOOLS = {
    "mkfs.ext4": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "dumpe2fs": "e2fsprogs",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "sfdisk": "fdisk",
    "tar": "tar",
}
# What an update writes into the idle slot; the card itself has these and the empty second slot.
BUNDLED = ("boot_a.img", "boot_b.img", "root.img")
_CHUNK_BYTES = 4 * MIB


@dataclass(frozen=True, slots=True)
class CardFiles:
    """What a build leaves in its folder."""

    images: Mapping[Table, Path]
    bundle: Path
    bill: Path
    hashes: Path


def version() -> str:
    """The project's version, which becomes the image's."""
    found: str = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return found


def build_card(content: Content, target: Path, tell: Callable[[str], None], mirror: str = MIRROR) -> CardFiles:
    """Build everything into `target`.

    Raises:
        ToolMissing, BuildFailed: a tool is not there, or a step ended with an error.
    """
    need_tools(TOOLS)
    target.mkdir(parents=True, exist_ok=True)
    name = f"{content.product}_{content.board}_{version()}"
    root = root_folder(content, ARCHITECTURE, "card", mirror)
    tell(f"root folder: {root}")
    tree = boot_packages(content, ARCHITECTURE, mirror) / "tree"
    with tempfile.TemporaryDirectory(dir=target) as work:
        parts = build_partitions(content, root / "root", tree, Path(work))
        tell("partitions are made")
        images = {table: target / f"{name}{'' if table is Table.GPT else '_mbr'}.img" for table in Table}
        for table, image in images.items():
            assemble(image, table, parts)
        bundle = target / f"{name}.bundle"
        write_bundle(bundle, parts)
    bill_path = target / f"{name}.cdx.json"
    text = (root / "packages.tsv").read_text("utf-8")
    made = bill(content.product, version(), content.suite, text, LOCK.read_text("utf-8"))
    bill_path.write_text(json.dumps(made, indent=1) + "\n", "utf-8")
    hashes = target / f"{name}.sha256"
    files = (*images.values(), bundle, bill_path)
    hashes.write_text("".join(f"{sha256(path)}  {path.name}\n" for path in files), "utf-8")
    return CardFiles(images, bundle, bill_path, hashes)


def build_partitions(content: Content, root: Path, tree: Path, work: Path) -> dict[str, Path]:
    """Every partition's file system as a file, by the name that a bundle gives it."""
    # The kernel package's own moment: everything made here has it, whenever and wherever it is made.
    made_at_s = int((tree / "boot").stat().st_mtime)
    label = json.dumps(
        {"release": version(), "board": content.board, "product": content.product, "built_at": made_at_s * 1000}
    )
    parts = {name: work / f"{name}.img" for name in ("cfg", "boot_a", "boot_b", "root", "data")}
    fill_cfg(work / "cfg", tree)
    fat(parts["cfg"], "cfg", 1, partition("cfg").size_mib, work / "cfg", made_at_s)
    for slot in ("a", "b"):
        place = partition(f"boot_{slot}")
        fill_boot(work / place.name, tree, slot, label)
        fat(parts[place.name], place.name, place.number, place.size_mib, work / place.name, made_at_s)
    labelled = work / "root"
    copy_tree(root, labelled)
    (labelled / "usr/lib/parcelworks/slot.json").write_text(label)
    (labelled / "usr/lib/parcelworks/built-at").write_text(f"{made_at_s}\n")
    ext4(parts["root"], "root", 5, partition("root_a").size_mib, labelled, made_at_s, journal=False)
    ext4(parts["data"], "data", 7, partition("data").size_mib, None, made_at_s, journal=True)
    for folder in ("cfg", "boot_a", "boot_b", "root"):
        shutil.rmtree(work / folder)
    return {f"{name}.img": path for name, path in parts.items()}


def assemble(image: Path, table: Table, parts: Mapping[str, Path]) -> None:
    """Write an image: slot A is filled, slot B is empty until the first update."""
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        file.truncate(card_mib() * MIB)
    execute(["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", image], feed=table_script(table).encode())
    placed = {"cfg": "cfg.img", "boot_a": "boot_a.img", "root_a": "root.img", "data": "data.img"}
    with image.open("r+b") as card:
        for name, source in placed.items():
            _copy_sparse(parts[source], card.fileno(), start_mib(partition(name)) * MIB)


def _copy_sparse(source: Path, card: int, offset: int) -> None:
    """Copy what is not a hole; a card image is mostly empty."""
    with source.open("rb") as file:
        position, size = 0, source.stat().st_size
        while position < size:
            try:
                start = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:  # nothing but a hole is left
                return
            position = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            file.seek(start)
            while start < position:
                chunk = file.read(min(_CHUNK_BYTES, position - start))
                os.pwrite(card, chunk, offset + start)
                start += len(chunk)


def write_bundle(bundle: Path, parts: Mapping[str, Path]) -> None:
    """The archive that `pw-provision releases add` signs; nothing in it tells when or by whom it was made."""
    with tarfile.open(bundle, "w:", format=tarfile.USTAR_FORMAT) as archive:
        for name in BUNDLED:
            member = tarfile.TarInfo(name)
            member.size = parts[name].stat().st_size
            with parts[name].open("rb") as file:
                archive.addfile(member, file)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
