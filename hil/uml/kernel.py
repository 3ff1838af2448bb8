"""The guest's kernel: User-mode Linux from Debian's source, built once for a source, a configuration, a compiler."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from hil.build_cache import CACHE, cached, execute, key_of, need_tools
from hil.errors import BuildFailed, ToolMissing

CONFIG = Path(__file__).with_name("kernel.config")
SOURCE = Path("/usr/src/linux-source-6.1.tar.xz")
TOOLS = {"gcc": "gcc", "make": "make", "flex": "flex", "bison": "bison", "bc": "bc", "xz": "xz-utils"}


def kernel() -> Path:
    """The kernel's file; built when it is not there yet (5 minutes on two quiet cores).

    Raises:
        ToolMissing: compiler or source are not installed.
        BuildFailed: the build ended with an error, or a wanted option was dropped.
    """
    need_tools(TOOLS)
    if not SOURCE.exists():
        raise ToolMissing("no kernel source", where=str(SOURCE), remedy="apt-get install linux-source-6.1")
    return cached("uml-kernel", _key(), _build) / "linux"


def _key() -> str:
    with SOURCE.open("rb") as source:
        of_source = hashlib.file_digest(source, "sha256").digest()
    compiler = execute(["gcc", "--version"]).splitlines()[0]
    return key_of((of_source, CONFIG.read_bytes(), compiler.encode()))


def _build(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
        execute(["tar", "xf", SOURCE, "-C", work])
        tree = next(path for path in Path(work).iterdir() if path.is_dir())
        make = ["make", "-s", "ARCH=um"]
        execute([*make, f"KCONFIG_ALLCONFIG={CONFIG}", "allnoconfig"], tree)
        check_options(CONFIG.read_text("utf-8"), (tree / ".config").read_text("utf-8"))
        execute(["nice", *make, f"-j{os.cpu_count() or 1}", "linux"], tree)
        shutil.copy2(tree / "linux", target / "linux")
        shutil.copy2(tree / ".config", target / "config")


def check_options(wanted: str, got: str) -> None:
    """Kconfig drops an option whose conditions do not hold, without a word. Raises BuildFailed for these."""
    have = set(got.splitlines())
    dropped = [line for line in wanted.splitlines() if line.startswith("CONFIG_") and line not in have]
    if dropped:
        raise BuildFailed("options were dropped", where=str(CONFIG), remedy=", ".join(dropped))
