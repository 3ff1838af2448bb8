"""The device's Python: the agent's package from the project's wheel, and its locked dependencies as wheels.

Nothing of it runs on the building machine, so one machine makes it for every architecture.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from provisioning.image.building import PROJECT, cached, execute, key_of, tree_bytes

LOCK = Path(__file__).with_name("device.lock")
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
# Bookworm's C library is 2.36: it takes every wheel that was made for an older one.
_LIBRARIES = ("2014", *(f"_2_{minor}" for minor in range(17, 37)))
# Bookworm's.
PYTHON = "3.11"
EPOCH = "315532800"


def device_site(architecture: str) -> Path:
    """The folder that becomes `/usr/lib/parcelworks/site`.

    Raises:
        BuildFailed: a dependency has no wheel for that platform, or its hash is not the locked one.
    """
    inputs = (LOCK.read_bytes(), architecture.encode(), (PROJECT / "pyproject.toml").read_bytes())
    edge = PROJECT / "edge"
    sources = (*tree_bytes(edge, "**/*.py"), *tree_bytes(edge / "screen" / "dist"), *tree_bytes(edge, "**/*.cddl"))
    return cached("site", key_of((*inputs, *sources)), _Builder(architecture))


class _Builder:
    def __init__(self, architecture: str) -> None:
        self._machine = MACHINES[architecture]

    def __call__(self, target: Path) -> None:
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
        words += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON]
        words += [word for library in _LIBRARIES for word in ("--platform", f"manylinux{library}_{self._machine}")]
        execute([*words, "--target", str(target), "-r", LOCK], environment={"PIP_ROOT_USER_ACTION": "ignore"})
        for leftover in (*target.glob("bin"), *target.rglob("__pycache__")):
            shutil.rmtree(leftover)
        # Where a package came from and by whom it was unpacked differs between machines and says nothing of it.
        for record in (*target.rglob("direct_url.json"), *target.rglob("REQUESTED")):
            record.unlink()
        _add_agent(target)


def _add_agent(target: Path) -> None:
    """Unpack `edge` and the project's metadata out of its wheel; the cloud's packages stay where they belong."""
    with tempfile.TemporaryDirectory() as work:
        words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work]
        execute(words, folder=PROJECT, environment={"SOURCE_DATE_EPOCH": EPOCH})
        wheel = next(Path(work).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            mine = [name for name in archive.namelist() if name.startswith("edge/") or ".dist-info/" in name]
            archive.extractall(target, mine)
