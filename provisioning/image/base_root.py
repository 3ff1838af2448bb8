"""Debian's part of a root folder, made by mmdebstrap. A foreign architecture's scripts run under qemu-user."""

from __future__ import annotations

import platform
import shutil
import tempfile
from pathlib import Path

from provisioning.errors import ToolMissing
from provisioning.image.building import cached, execute, key_of, need_root, need_tools
from provisioning.image.content import Content

MIRROR = "http://deb.debian.org/debian"
SECURITY = "http://deb.debian.org/debian-security"
MEMORY = Path("/dev/shm")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_QEMU_ARM64 = Path("/usr/bin/qemu-aarch64-static")
# ELF, 64 bit, little endian, executable or shared object, for machine 0xb7 (AArch64).
_ARM64_MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_ARM64_MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"


def base_root(content: Content, architecture: str, kind: str, mirror: str = MIRROR) -> Path:
    """A folder with `root/` (the tree) and `packages.tsv` (name, version, architecture of every package).

    Args:
        kind: "card", or "rig" for the smaller one that guests of a rig boot.
        mirror: a snapshot's address pins every package; the key holds it.

    Raises:
        ToolMissing: mmdebstrap, root or emulation is not to be had.
        BuildFailed: a package could not be installed.
    """
    need_root("making a root folder")
    need_tools({"mmdebstrap": "mmdebstrap", "tar": "tar"})
    if _MACHINES.get(platform.machine()) != architecture:
        run_foreign(architecture)
    packages = (*content.packages.base, *(content.packages.card if kind == "card" else ()))
    parts = (content.suite, *content.components, *packages, *content.slim.exclude, *content.slim.keep, mirror)
    key = key_of(part.encode() for part in (architecture, kind, *parts))

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as memory:
            execute(command(content, architecture, packages, target / "root", mirror), environment={"TMPDIR": memory})
        listed = execute(
            [
                "dpkg-query",
                f"--admindir={target}/root/var/lib/dpkg",
                "-W",
                "-f",
                "${Package}\t${Version}\t${Architecture}\n",
            ]
        )
        (target / "packages.tsv").write_bytes(listed)

    return cached(f"base-{kind}-{architecture}", key, build)


def command(content: Content, architecture: str, packages: tuple[str, ...], target: Path, mirror: str) -> list[str]:
    """The mmdebstrap call. Kernel and initramfs tools stay out: under emulation they take half an hour."""
    slim = [f"--dpkgopt=path-exclude={path}" for path in content.slim.exclude]
    slim += [f"--dpkgopt=path-include={path}" for path in content.slim.keep]
    return [
        "mmdebstrap",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        f"--architectures={architecture}",
        f"--include={','.join(packages)}",
        "--dpkgopt=force-unsafe-io",
        '--aptopt=APT::Install-Recommends "false"',
        *slim,
        content.suite,
        str(target),
        *sources(content, mirror),
    ]


def sources(content: Content, mirror: str) -> tuple[str, ...]:
    """Lines of a sources.list: the suite, its updates and its security updates."""
    parts = " ".join(content.components)
    suites = (content.suite, f"{content.suite}-updates")
    security = mirror.replace("/debian", "/debian-security", 1) if mirror != MIRROR else SECURITY
    lines = [f"deb {mirror} {suite} {parts}" for suite in suites]
    return (*lines, f"deb {security} {content.suite}-security {parts}")


def run_foreign(architecture: str) -> None:
    """Teach the kernel to run programs of that architecture, unless it can already.

    Raises:
        ToolMissing: no emulator, or the kernel does not let itself be taught.
    """
    if architecture != "arm64":
        raise ToolMissing(f"cannot run {architecture}", remedy="Build on a machine of that architecture.")
    need_tools({_QEMU_ARM64.name: "qemu-user-static", "arch-test": "arch-test"})
    if not (BINFMT / "register").exists():
        execute(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    if (BINFMT / "qemu-aarch64").exists():
        return
    try:
        # F: the kernel opens the emulator now, so that a chroot need not hold it.
        (BINFMT / "register").write_text(f":qemu-aarch64:M::{_ARM64_MAGIC}:{_ARM64_MASK}:{_QEMU_ARM64}:OCF")
    except OSError as error:
        remedy = "Run where binfmt_misc can be written: on the machine itself, or in a privileged container."
        raise ToolMissing(f"binfmt_misc: {error.strerror}", remedy=remedy) from error


def copy_tree(source: Path, target: Path) -> None:
    """Copy a root with owners, modes and links, sharing blocks where the file system can."""
    execute(["cp", "-a", "--reflink=auto", source, target])


def remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
