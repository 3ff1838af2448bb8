"""`step`: what the updater does next. One slot runs and is committed; the other may be on trial, once.

wanted → written and read back → trial begins (durable first) → the slot runs → healthy: committed; else: back. A
release that fell back is not tried again until another attempt is asked for. Nothing is switched while somebody
stands at the device, and nothing is written into a slot that is not known to be idle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from edge.wire.release import ReleaseKind, Version

HEALTH_DEADLINE_S = 600
MAX_TRIES = 2  # a cut between the record and the switch must not condemn a good release


class Phase(StrEnum):
    """Where an update stands. `trying` is written before the first moment at which the new slot could run."""

    IDLE = "idle"
    WRITTEN = "written"
    TRYING = "trying"
    COMMITTED = "committed"
    FELL_BACK = "fell_back"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the fleet wants here. `attempt` grows when an operator asks again after a failure."""

    kind: ReleaseKind
    version: Version
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Update:
    """The durable record of the newest update; the only memory that a power cut leaves.

    `online`: whether the bridge was reached when the trial began; if it was, the new slot has to reach it too.
    """

    phase: Phase = Phase.IDLE
    wish: Wish | None = None
    slot: str = ""
    tries: int = 0
    online: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What the agent in the running slot says of itself."""

    agent_up: bool = False
    log_writable: bool = False
    boards_answer: bool = False
    bridge_reached: bool = False

    def missing(self, *, online: bool) -> tuple[str, ...]:
        """What a slot still lacks before it may be kept. Being offline is justified where it was so before."""
        needed = ("agent_up", "log_writable", "boards_answer", *(("bridge_reached",) if online else ()))
        return tuple(name for name in needed if not getattr(self, name))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the updater found: slots by name, versions of what runs, whether the device is in use.

    `up_for_s`: since the running slot started. `asked`: the fleet's wish, if one has arrived.
    """

    running: str
    committed: str
    version: Version
    busy: bool
    up_for_s: int
    health: Health = Health()
    asked: Wish | None = None


@dataclass(frozen=True, slots=True)
class Install:
    """Fetch and verify the release, write it into `slot`, read it back; answer with `installed` or `refused`."""

    wish: Wish
    slot: str


@dataclass(frozen=True, slots=True)
class Try:
    """Start `slot` once: the next start after that is the committed slot again."""

    slot: str


@dataclass(frozen=True, slots=True)
class Commit:
    """Make `slot` the one that starts."""

    slot: str


@dataclass(frozen=True, slots=True)
class FallBack:
    """Start the committed slot again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do, and why."""

    reason: str


Action = Install | Try | Commit | FallBack | Wait


def step(update: Update, seen: Seen) -> tuple[Update, Action]:
    """The record to make durable, and then what to do."""
    if seen.running != seen.committed:
        return _on_trial(update, seen)
    if update.phase is Phase.TRYING:
        return _after_trial(update, seen)
    if seen.asked is not None and seen.asked != update.wish:
        return _begin(seen.asked, seen)
    if update.phase is Phase.WRITTEN:
        if seen.busy:
            return update, Wait("in_use")
        online = seen.health.bridge_reached
        return replace(update, phase=Phase.TRYING, tries=update.tries + 1, online=online), Try(update.slot)
    return update, Wait(update.phase.value)


def _on_trial(update: Update, seen: Seen) -> tuple[Update, Action]:
    """The uncommitted slot runs. It is kept when it is the one on trial and everything in it works."""
    if update.phase is not Phase.TRYING or update.slot != seen.running or update.wish is None:
        return update, FallBack("unknown_trial")
    if update.wish.version != seen.version:
        return replace(update, reason="another_version"), FallBack("another_version")
    missing = seen.health.missing(online=update.online)
    if not missing:
        return update, Commit(seen.running)
    if seen.up_for_s < HEALTH_DEADLINE_S or seen.busy:
        return update, Wait("on_trial")
    reason = f"unhealthy:{missing[0]}"
    return replace(update, reason=reason), FallBack(reason)


def _after_trial(update: Update, seen: Seen) -> tuple[Update, Action]:
    """The committed slot runs and a trial was recorded: it was kept, it fell back, or it never began."""
    if update.slot == seen.committed:  # a cut came between the switch and its record
        return committed(update), Wait("committed")
    if not update.reason and update.tries < MAX_TRIES:
        return replace(update, phase=Phase.WRITTEN), Wait("once_more")
    return replace(update, phase=Phase.FELL_BACK, reason=update.reason or "did_not_start"), Wait("fell_back")


def _begin(wish: Wish, seen: Seen) -> tuple[Update, Action]:
    if wish.version == seen.version:
        return Update(Phase.COMMITTED, wish, seen.running), Wait("up_to_date")
    if wish.version < seen.version:
        return refused(wish, "lower_version"), Wait("lower_version")
    return Update(), Install(wish, "b" if seen.committed == "a" else "a")


def installed(wish: Wish, slot: str) -> Update:
    """The slot holds the release, read back and compared."""
    return Update(Phase.WRITTEN, wish, slot)


def refused(wish: Wish, reason: str) -> Update:
    """The release must not be installed; the same wish is not tried again."""
    return Update(Phase.REFUSED, wish, reason=reason)


def committed(update: Update) -> Update:
    """The switch is on disk: only now is success told."""
    return replace(update, phase=Phase.COMMITTED, reason="")
