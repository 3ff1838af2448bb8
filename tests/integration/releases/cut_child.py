"""Runs in a process of its own: updates devices, each killed at another of its effects, and tells what was left.

Every call that changes a file, and every call of the restart command, counts as one effect; the profiler sees it before
and after it is made. A killed process leaves what it wrote; what it held in a buffer is gone.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import structlog

from edge.agents.programs import program_slots
from edge.agents.status_file import up_for_s, write_health
from edge.agents.update_process import look
from edge.config import load_config
from edge.core.release.autoboot import parse_autoboot
from edge.core.release.machine import Health

EFFECTS = frozenset(
    ["write", "fsync", "rename", "replace", "unlink", "mkdir", "rmdir", "sync", "chmod", "fork_exec", "flush"]
)  # fmt: skip
WELL = Health(True, True, True, True)
MAX_LOOKS = 12


class Plug:
    """Kills this process at its `at`-th effect: even numbers before it is made, odd ones after."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _frame: Any, event: str, called: Any) -> None:
        if event in ("c_call", "c_return") and getattr(called, "__name__", "") in EFFECTS:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


def cut_look(config: Path, at: int) -> bool:
    """One look of the updater that dies at that effect; False when it ended before."""
    child = os.fork()
    if child == 0:
        sys.setprofile(Plug(at))
        look(load_config(config))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class Machine:
    """The firmware and the agent of one device under `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "locker.toml"

    def boot(self) -> str:
        """Start as a Raspberry Pi does; the version that runs. Fails when nothing whole can be started."""
        asked = self.root / "asked"
        words = asked.read_text().split() if asked.exists() else []
        asked.unlink(missing_ok=True)
        found = parse_autoboot((self.root / "cfg" / "autoboot.txt").read_bytes())
        slot = found.other if words[-1:] == ["trial"] else found.committed
        labels = {(self.root / f"{part}_{slot}").read_bytes().partition(b"\n")[0] for part in ("boot", "root")}
        assert len(labels) == 1, f"slot {slot} does not belong together: {labels}"
        (self.root / "cmdline").write_text(f"pw_slot={slot}\n")
        (self.root / "label").write_bytes(labels.pop())
        self.start_agent()
        return self.runs()

    def runs(self) -> str:
        """Image and program that run now, and the whole of their bytes."""
        config = load_config(self.config)
        assert config.release is not None
        slot = (self.root / "cmdline").read_text().rpartition("=")[2].strip()
        digest = hashlib.sha256((self.root / f"root_{slot}").read_bytes().rstrip(b"\0")).hexdigest()
        image = json.loads((self.root / "label").read_bytes())["release"]
        return f"{image}/{digest[:8]} {program_slots(config, config.release).version()}"

    def start_agent(self) -> None:
        """What `pw-edge launch` does up to its exec, and then the agent's word that it is well."""
        config = load_config(self.config)
        assert config.release is not None
        site = program_slots(config, config.release).launch()
        assert site is None or (site / "edge" / "__main__.py").read_text().startswith("version"), "a program cut short"
        write_health(self.root / "run", WELL, 1, up_for_s())

    def follow(self) -> bool:
        """Carry out the restart that the updater asked for, if it did."""
        path = self.root / "asked"
        words = path.read_text().split() if path.exists() else []
        if words[-1:] == ["agent"]:
            path.unlink()
            self.start_agent()
        elif words:
            self.boot()
        return bool(words)

    def settle(self) -> dict[str, str]:
        """Let the updater look until nothing happens any more, with every restart that it asks for."""
        words: dict[str, str] = {}
        for _ in range(MAX_LOOKS):
            words = dict(look(load_config(self.config)))
            if not self.follow() and "once_more" not in words.values():
                break
        return words


def sweep(template: Path, work: Path, stage: str, stride: int) -> list[dict[str, Any]]:
    """Copies of one device, each cut at another effect of that stage; ends with one that was not cut at all."""
    found: list[dict[str, Any]] = []
    cut, at = True, 0
    while cut:
        machine = _copy(template, work)
        if stage != "install":
            look(load_config(machine.config))
            machine.follow()
        if stage == "fall_back":
            (work / "device" / "documents" / "desired.cbor").unlink()
        cut = cut_look(machine.config, at)
        booted = machine.boot()
        words = machine.settle()
        found.append(
            {"at": at, "cut": cut, "booted": booted, "words": words, "runs": machine.boot(), "log": log_of(work)}
        )
        at += stride
    return found


def _copy(template: Path, work: Path) -> Machine:
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(template, work)
    for name in ("locker.toml", "restart"):
        (work / name).write_text((work / name).read_text().replace(str(template), str(work)))
    machine = Machine(work)
    machine.boot()
    return machine


def log_of(work: Path) -> str:
    """The event log's bytes, as one hash."""
    digest = hashlib.sha256()
    for path in sorted((work / "device" / "log").rglob("*")):
        digest.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
    return digest.hexdigest()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    json.dump(sweep(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])), sys.stdout)
