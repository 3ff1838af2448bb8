"""Parts that take long to build, kept in folders named after everything they were built from."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hil.errors import BuildFailed, ToolMissing

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".cache" / "rig"
_KEY_CHARS = 16


def key_of(inputs: Iterable[bytes]) -> str:
    """A short name for exactly these inputs, in this order."""
    digest = hashlib.sha256()
    for part in inputs:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:_KEY_CHARS]


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
            unfinished.rename(finished)
    return finished


def need_tools(tools: dict[str, str]) -> None:
    """Check that programs are there; `tools` maps a program to its Debian package. Raises ToolMissing."""
    missing = {tool: package for tool, package in tools.items() if which(tool) is None}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise ToolMissing(f"not installed: {', '.join(missing)}", remedy=f"apt-get install {packages}")


def which(tool: str) -> str | None:
    return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")


def execute(words: Sequence[str | Path], folder: Path | None = None, environment: dict[str, str] | None = None) -> str:
    """Run a build step; its stdout. Raises ToolMissing, or BuildFailed with its last words."""
    program = which(str(words[0]))
    if program is None:
        raise ToolMissing(f"not installed: {words[0]}", remedy=f"Install the package with {words[0]}.")
    line = [program, *(str(word) for word in words[1:])]
    done = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr or done.stdout)[-2000:]
        raise BuildFailed(f"ended with {done.returncode}", where=" ".join(map(str, words[:3])), remedy=said)
    return done.stdout
