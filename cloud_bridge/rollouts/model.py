"""A staged rollout as values: its target, phases, gates, and every device that it has asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.wire.release import ReleaseKind, Version


class RolloutState(StrEnum):
    """`HALTED`: a gate stopped it, and only a person lets it go on. `DONE` and `ABORTED` are final."""

    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    DONE = "done"
    ABORTED = "aborted"


OPEN_STATES = frozenset({RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED})
MOVES: Mapping[RolloutState, frozenset[RolloutState]] = {
    RolloutState.RUNNING: frozenset(
        {RolloutState.PAUSED, RolloutState.HALTED, RolloutState.DONE, RolloutState.ABORTED}
    ),
    RolloutState.PAUSED: frozenset({RolloutState.RUNNING, RolloutState.HALTED, RolloutState.ABORTED}),
    RolloutState.HALTED: frozenset({RolloutState.RUNNING, RolloutState.ABORTED}),
    RolloutState.DONE: frozenset(),
    RolloutState.ABORTED: frozenset(),
}


class DeviceState(StrEnum):
    """How far a device is with what it was asked: by its own events."""

    ASKED = "asked"
    INSTALLED = "installed"
    TRIED = "tried"
    COMMITTED = "committed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Share:
    """How many of the eligible devices may be asked: a number of them, or percent; exactly one is set."""

    count: int | None = None
    percent: int | None = None

    def of(self, eligible: int) -> int:
        """At least one, so that a phase always shows something."""
        if self.count is not None:
            return min(self.count, eligible)
        return min(eligible, max(1, eligible * (self.percent or 0) // 100))


@dataclass(frozen=True, slots=True)
class Gates:
    """What stops a rollout, and when a phase is over. Shares are of the devices that the phase asked, in per mille.

    A device is silent when it has said nothing final `silent_after_s` after it was asked. `soak_s`: how long all must
    have been well before the next phase. `offline_after_s`: a device unheard of for longer is not asked.
    """

    max_failed_permille: int = 20
    max_silent_permille: int = 100
    silent_after_s: int = 86_400
    soak_s: int = 3_600
    offline_after_s: int = 86_400


@dataclass(frozen=True, slots=True)
class Target:
    """What is rolled out, and on what."""

    product: str
    board: str
    kind: ReleaseKind
    version: Version


@dataclass(frozen=True, slots=True)
class Rollout:
    """`phase`: the index of the one that runs. `round`: grows with every retry; gates judge the newest round alone."""

    rollout_id: str
    tenant: str
    target: Target
    phases: tuple[Share, ...]
    gates: Gates
    state: RolloutState
    reason: str
    phase: int
    round: int
    made_by: str
    made_at_ms: int
    changed_at_ms: int


@dataclass(frozen=True, slots=True)
class Asked:
    """A device that the rollout has asked. `attempt`: the wish's; `former`: the wish before it, as canonical JSON."""

    device_id: str
    phase: int
    round: int
    attempt: int
    state: DeviceState
    reason: str
    former: str
    asked_at_ms: int
    changed_at_ms: int


class Excluded(StrEnum):
    """Why a device does not count: the first reason that holds."""

    NOT_ACTIVE = "not_active"
    UNKNOWN_SOFTWARE = "unknown_software"
    WRONG_PRODUCT = "wrong_product"
    WRONG_BOARD = "wrong_board"
    ALREADY_THERE = "already_there"
    PINNED = "pinned"
    OTHER_ROLLOUT = "other_rollout"
    OFFLINE_TOO_LONG = "offline_too_long"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device as the plan sees it. `version`: what runs there of the target's kind; None: it has not said.

    `busy`: an update of this device is under way by somebody else's wish. `tried`: the highest attempt at the very
    same release that it has ever told of; −1 for none.
    """

    device_id: str
    active: bool
    product: str
    board: str
    version: Version | None
    seen_at_ms: int
    pinned: bool = False
    elsewhere: bool = False
    busy: bool = False
    tried: int = -1
