"""What the running agent tells the updater beside it: whether it is in use, and its health. A file that ages.

It lies on a memory file system and says since when the machine was up as it was written: an agent that hangs or died
leaves an old word, which counts as none.
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
WRITE_EVERY_S = 15


@dataclass(frozen=True, slots=True)
class Status:
    """`busy`: somebody is at the device, or a door stands open."""

    busy: bool
    health: Health


def status_of(state: LockerState, *, boards: int, boards_lost: int) -> Status:
    """The agent's own word. With several boards one that is dead is no fault of the program."""
    busy = state.session.step not in (Step.IDLE, Step.CLOSED) or bool(state.pulsing)
    busy = busy or any(slot.door is DoorState.OPEN for slot in state.durable.slots.values())
    health = Health(
        agent_up=True,
        log_writable=state.writable,
        boards_answer=boards == 0 or boards_lost < boards,
        bridge_reached=state.nonce is not None,
    )
    return Status(busy, health)


def write_status(path: Path, status: Status) -> None:
    """Replace the file; one that cannot be written is as good as an old one."""
    health = status.health
    body = {
        "up_for_s": up_for_s(), "busy": status.busy, "log_writable": health.log_writable,
        "boards_answer": health.boards_answer, "bridge_reached": health.bridge_reached,
    }  # fmt: skip
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_text(json.dumps(body))
        draft.replace(path)
    except OSError:
        return


def read_status(path: Path, now_up_for_s: int) -> Status | None:
    """The agent's word, or None when there is none that is fresh and whole."""
    try:
        body = json.loads(path.read_bytes())
        age_s = now_up_for_s - int(body["up_for_s"])
        flags = {name: body[name] is True for name in ("log_writable", "boards_answer", "bridge_reached")}
        busy = body["busy"] is not False
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Status(busy, Health(agent_up=True, **flags)) if 0 <= age_s <= STALE_S else None


def up_for_s() -> int:
    """Seconds since this machine started; it never jumps."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))
