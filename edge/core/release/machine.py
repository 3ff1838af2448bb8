"""`step`: what the updater does next. One slot runs and is committed; the other may be on trial, once.

wanted → written and read back → trial begins (durable first) → the slot runs → healthy: committed; else: back. A
release that fell back is not tried again until another attempt is asked for. Nothing is switched while somebody
stands at the device, and nothing is written into a slot that is not known to be idle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from edge.wire.release import ReleaseKind, Version

HEALTH_DEADLINE_S = 600
RETRY_S = 900  # doubled with every refusal: a card that fails must not be worn out by trying
MAX_DOUBLINGS = 6
# What the repository or the card may do better another time; of the others, only another wish gets anywhere.
PASSING = frozenset({"not_released", "expired", "rollback", "unsigned", "altered", "malformed", "slot_failed"})
MAX_TRIES = 2  # a cut between the record and the switch must not condemn a good release


class Phase(StrEnum):
    """Where an update stands. `trying` is written before the first moment at which the new slot could run."""

    IDLE = "idle"
    WRITTEN = "written"
    TRYING = "trying"
    COMMITTED = "committed"
    FELL_BACK = "fell_back"
    REFUSED = "refused"


# What a new record may follow which; the same phase may follow itself (another wish, another reason).
MOVES: Mapping[Phase, frozenset[Phase]] = {
    Phase.IDLE: frozenset({Phase.WRITTEN, Phase.COMMITTED, Phase.REFUSED}),
    Phase.WRITTEN: frozenset({Phase.TRYING, Phase.IDLE, Phase.COMMITTED, Phase.REFUSED}),
    Phase.TRYING: frozenset({Phase.COMMITTED, Phase.FELL_BACK, Phase.WRITTEN}),
    Phase.COMMITTED: frozenset({Phase.IDLE, Phase.REFUSED}),
    Phase.FELL_BACK: frozenset({Phase.IDLE, Phase.COMMITTED, Phase.REFUSED}),
    Phase.REFUSED: frozenset({Phase.IDLE, Phase.COMMITTED, Phase.WRITTEN}),
}


class IllegalMove(AssertionError):
    """A defect: a record that must not follow the one before it."""


def check_move(before: Phase, after: Phase) -> None:
    """
    Raises:
        IllegalMove: the table has no such move.
    """
    if after is not before and after not in MOVES[before]:
        raise IllegalMove(f"{before.value} → {after.value}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What the fleet wants here. `attempt` grows when an operator asks again after a failure."""

    kind: ReleaseKind
    version: Version
    attempt: int = 0

    def same_release(self, other: Wish | None) -> bool:
        """Whether the other asks for the same bytes, whichever attempt it is."""
        return other is not None and (self.kind, self.version) == (other.kind, other.version)


@dataclass(frozen=True, slots=True)
class Update:
    """The durable record of the newest update; the only memory that a power cut leaves.

    `online`: whether the bridge was reached when the trial began; if it was, the new slot has to reach it too.
    `since_s`: how long the machine had been up when the slot on trial was first seen running, or when the release was
    refused. `tries`: trials that began, or refusals in a row.
    """

    phase: Phase = Phase.IDLE
    wish: Wish | None = None
    slot: str = ""
    tries: int = 0
    online: bool = True
    reason: str = ""
    since_s: int | None = None


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

    `up_for_s`: since the machine started. `asked`: the fleet's wish, if there is one. `patience_s`: how long a slot on
    trial may take to become well.
    """

    running: str
    committed: str
    version: Version
    busy: bool
    up_for_s: int
    health: Health = Health()
    asked: Wish | None = None
    patience_s: int = HEALTH_DEADLINE_S


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
    """The record to make durable, and then what to do.

    Raises:
        IllegalMove: a defect.
    """
    after, action = _step(update, seen)
    check_move(update.phase, after.phase)
    return after, action


def _step(update: Update, seen: Seen) -> tuple[Update, Action]:
    if seen.running != seen.committed:
        return _on_trial(update, seen)
    if update.phase is Phase.TRYING:
        return _after_trial(update, seen)
    if seen.asked is None:
        return (Update(), Wait("withdrawn")) if update.phase is Phase.WRITTEN else (update, Wait(update.phase.value))
    if seen.asked != update.wish or (update.phase is Phase.COMMITTED and seen.version < seen.asked.version):
        return _begin(seen.asked, seen)
    if update.phase is Phase.REFUSED and update.reason in PASSING and _due(update, seen):
        return update, _install(seen.asked, seen)
    if update.phase is Phase.WRITTEN:
        if seen.busy:
            return update, Wait("in_use")
        online = seen.health.bridge_reached
        trying = replace(update, phase=Phase.TRYING, tries=update.tries + 1, online=online, since_s=None)
        return trying, Try(update.slot)
    return update, Wait(update.phase.value)


def _on_trial(update: Update, seen: Seen) -> tuple[Update, Action]:
    """The uncommitted slot runs. It is kept when it is the one on trial, still wanted, and everything in it works."""
    if update.phase is not Phase.TRYING or update.slot != seen.running or update.wish is None:
        return _fall_back(update, seen, "unknown_trial")
    if update.wish.version != seen.version:
        return _fall_back(replace(update, reason="another_version"), seen, "another_version")
    if not update.wish.same_release(seen.asked):
        return _fall_back(replace(update, reason="withdrawn"), seen, "withdrawn")
    if update.since_s is None or update.since_s > seen.up_for_s:
        update = replace(update, since_s=seen.up_for_s)
    missing = seen.health.missing(online=update.online)
    if not missing:
        return update, Commit(seen.running)
    if seen.up_for_s - (update.since_s or 0) < seen.patience_s:
        return update, Wait("on_trial")
    reason = f"unhealthy:{missing[0]}"
    return _fall_back(replace(update, reason=reason), seen, reason)


def _fall_back(update: Update, seen: Seen, reason: str) -> tuple[Update, Action]:
    """Nobody's visit is cut short for it."""
    return update, (Wait("in_use") if seen.busy else FallBack(reason))


def _after_trial(update: Update, seen: Seen) -> tuple[Update, Action]:
    """The committed slot runs and a trial was recorded: it was kept, it fell back, or it never began."""
    if update.slot == seen.committed:  # a cut came between the switch and its record
        return committed(update), Wait("committed")
    if not update.reason and update.tries < MAX_TRIES:
        return replace(update, phase=Phase.WRITTEN), Wait("once_more")
    return replace(update, phase=Phase.FELL_BACK, reason=update.reason or "did_not_start"), Wait("fell_back")


def _begin(wish: Wish, seen: Seen) -> tuple[Update, Action]:
    """A new wish. What was written for another one is given up before its slot is written anew."""
    if wish.version == seen.version:
        return Update(Phase.COMMITTED, wish, seen.running), Wait("up_to_date")
    if wish.version < seen.version:
        return refused(wish, "lower_version"), Wait("lower_version")
    return Update(), _install(wish, seen)


def _install(wish: Wish, seen: Seen) -> Install:
    return Install(wish, "b" if seen.committed == "a" else "a")


def _due(update: Update, seen: Seen) -> bool:
    """Whether a refusal is long enough ago; a restart of the machine begins the count anew."""
    wait_s = RETRY_S * 2 ** min(update.tries, MAX_DOUBLINGS)
    return update.since_s is None or not 0 <= seen.up_for_s - update.since_s < wait_s


def installed(wish: Wish, slot: str) -> Update:
    """The slot holds the release, read back and compared."""
    return Update(Phase.WRITTEN, wish, slot)


def refused(wish: Wish, reason: str) -> Update:
    """The release must not be installed."""
    return Update(Phase.REFUSED, wish, reason=reason)


def refused_now(update: Update, wish: Wish, reason: str, up_for_s: int) -> Update:
    """The release could not be installed this time, perhaps for the n-th time in a row."""
    tries = update.tries + 1 if update.phase is Phase.REFUSED and update.wish == wish else 0
    return replace(refused(wish, reason), tries=tries, since_s=up_for_s)


def committed(update: Update) -> Update:
    """The switch is on disk: only now is success told."""
    return replace(update, phase=Phase.COMMITTED, reason="")
