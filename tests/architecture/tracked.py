"""The repository as git sees it: tracked files, and new ones that are not ignored."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("edge", "cloud_bridge", "firmware_sim", "provisioning", "hil")


@cache
def tracked() -> tuple[Path, ...]:
    """Paths relative to the root, of files that exist."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()  # fmt: skip
    return tuple(Path(name) for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file())


def modules() -> tuple[Path, ...]:
    """Every Python file of the five deployables."""
    return tuple(path for path in tracked() if path.suffix == ".py" and path.parts[0] in PACKAGES)


def is_text(path: Path) -> bool:
    return b"\0" not in (ROOT / path).read_bytes()[:4096]
