"""What the device tells of its own software: what runs, the life of an update, firmware of its parts. Each once."""

from __future__ import annotations

from collections.abc import Mapping

from edge.core.locker.model import FirmwareTold, ReleaseTold, RunningTold
from edge.core.locker.state import Turn, printable
from edge.core.locker.told import RUNNING, firmware_key, release_word, running_word
from edge.core.release.machine import Phase

EVENTS: Mapping[Phase, str] = {
    Phase.WRITTEN: "release_installed",
    Phase.TRYING: "release_tried",
    Phase.COMMITTED: "release_committed",
    Phase.FELL_BACK: "release_fell_back",
    Phase.REFUSED: "release_refused",
}


def running_told(turn: Turn, event: RunningTold) -> None:
    """What runs differs from what was recorded last."""
    told = {"product": event.product, "board": event.board, "image": event.image, "agent": event.agent}
    if turn.state.durable.software.get(RUNNING) != running_word(told):
        turn.record("release_reported", **told)


def release_told(turn: Turn, event: ReleaseTold) -> None:
    """The updater's record says something else than the log does."""
    update = event.update
    name = EVENTS.get(update.phase)
    if name is None or update.wish is None:
        return
    wish = update.wish
    told: dict[str, object] = {"kind": wish.kind.value, "version": str(wish.version), "attempt": wish.attempt}
    if update.phase in (Phase.FELL_BACK, Phase.REFUSED):
        told["reason"] = update.reason
    if turn.state.durable.software.get(wish.kind.value) != release_word(name, told):
        turn.record(name, **told)


def firmware_told(turn: Turn, event: FirmwareTold) -> None:
    """A part's firmware differs from what was recorded last."""
    firmware = printable(event.firmware)
    if turn.state.durable.software.get(firmware_key(event.subject)) != firmware:
        turn.record("firmware_reported", part=event.part, subject=event.subject, firmware=firmware)
