"""Running the programs that build an image, and keeping what they built in folders named after their inputs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from provisioning.errors import BuildFailed, ToolMissing

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / ".cache" / "image"
_KEY_CHARS = 16
_KEPT = 3
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def key_of(inputs: Iterable[bytes]) -> str:
    """A short name for exactly these inputs, in this order."""
    digest = hashlib.sha256()
    for part in inputs:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_KEY_CHARS]


def tree_bytes(folder: Path, pattern: str = "**/*") -> Iterable[bytes]:
    """Names and contents of a folder's files, in order."""
    for path in sorted(folder.glob(pattern)):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"{path.relative_to(folder)} {path.stat().st_mode & 0o111}".encode()
            yield path.read_bytes()


def cached(kind: str, key: str, build: Callable[[Path], None], cache: Path = CACHE) -> Path:
    """The folder `<cache>/<kind>-<key>`, built once; a build that breaks off leaves nothing that looks finished."""
    cache.mkdir(parents=True, exist_ok=True)
    finished = cache / f"{kind}-{key}"
    with (cache / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            unfinished = cache / f"{kind}-{key}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            build(unfinished)
            os.utime(unfinished)
            unfinished.rename(finished)
            _forget_old(cache, kind)
    return finished


def _forget_old(cache: Path, kind: str) -> None:
    """Keep the newest few of a kind: every change of the sources makes another."""
    folders = [path for path in cache.glob(f"{kind}-*") if path.is_dir() and path.suffix != ".unfinished"]
    for path in sorted(folders, key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def need_tools(tools: Mapping[str, str]) -> None:
    """Check that programs are there; `tools` maps a program to its Debian package. Raises ToolMissing."""
    missing = {tool: package for tool, package in tools.items() if shutil.which(tool, path=PATH) is None}
    if missing:
        remedy = f"apt-get install {' '.join(sorted(set(missing.values())))}"
        raise ToolMissing(f"not installed: {', '.join(missing)}", remedy=remedy)


def need_root(what: str) -> None:
    """Raises ToolMissing when this process is not root."""
    if os.geteuid() != 0:
        raise ToolMissing("needs root", where=what, remedy="Run it as root, or in a container where you are root.")


def execute(
    words: Sequence[str | Path], *, folder: Path | None = None, environment: Mapping[str, str] = {}, feed: bytes = b""
) -> bytes:
    """Run a build step; its stdout. Raises ToolMissing, or BuildFailed with its last words."""
    try:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=folder,
            env={**os.environ, "PATH": PATH, "LC_ALL": "C.UTF-8", **environment},
            input=feed,
            capture_output=True,
        )
    except FileNotFoundError as error:
        raise ToolMissing(f"not installed: {words[0]}", remedy=f"Install the package with {words[0]}.") from error
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:].decode("utf-8", "replace")
        raise BuildFailed(f"ended with {done.returncode}", where=" ".join(map(str, words[:3])), remedy=said)
    return done.stdout
