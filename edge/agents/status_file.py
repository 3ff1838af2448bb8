"""What the running agent tells the updater beside it: `busy` while it is in use, and `health.json`. Both age.

They lie on a memory file system. Health says since when the machine was up as it was written: an agent that hangs or
died leaves an old word, which counts as none, and so does its `busy`.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from edge.core.locker.state import LockerState
from edge.core.locker.steps import Step
from edge.core.release.machine import Health
from edge.ports import DoorState

STALE_S = 60
HEALTH, BUSY = "health.json", "busy"


@dataclass(frozen=True, slots=True)
class Status:
    """`busy`: somebody is at the device, or a door stands open. `at_ms`: authority time, Unix ms."""

    busy: bool
    health: Health
    at_ms: int = 0


def in_use(state: LockerState) -> bool:
    """Whether a restart would cut something short: a visit, a pulse, an open door."""
    if state.session.step not in (Step.IDLE, Step.CLOSED) or state.pulsing or state.durable.visits:
        return True
    return any(slot.door is DoorState.OPEN for slot in state.durable.slots.values())


def write_busy(folder: Path, busy: bool) -> None:
    """Make or remove the file `busy`; a folder that is gone is as good as an agent that is."""
    try:
        if busy:
            (folder / BUSY).touch()
        else:
            (folder / BUSY).unlink(missing_ok=True)
    except OSError:
        return


def write_health(folder: Path, health: Health, at_ms: int, now_up_for_s: int) -> None:
    """Replace the file; one that cannot be written is as good as an old one."""
    body = {
        "up_for_s": now_up_for_s, "at_ms": at_ms, "agent_up": health.agent_up, "log_writable": health.log_writable,
        "boards_answer": health.boards_answer, "bridge_reached": health.bridge_reached,
    }  # fmt: skip
    draft = folder / f".{HEALTH}.new"
    try:
        draft.write_text(json.dumps(body))
        draft.replace(folder / HEALTH)
    except OSError:
        return


def read_status(folder: Path, now_up_for_s: int) -> Status | None:
    """The agent's word, or None when there is none that is fresh and whole."""
    try:
        body = json.loads((folder / HEALTH).read_bytes())
        age_s = now_up_for_s - int(body["up_for_s"])
        flags = {name: body[name] is True for name in ("agent_up", "log_writable", "boards_answer", "bridge_reached")}
        at_ms = int(body["at_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    busy = (folder / BUSY).exists()
    return Status(busy, Health(**flags), at_ms) if 0 <= age_s <= STALE_S else None


def up_for_s() -> int:
    """Seconds since this machine started; it never jumps."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))
