"""The updater: looks at the fleet's wish, installs it into the idle slot, starts a trial, keeps it or falls back.

It runs beside the agent, for a moment and again every minute, and has no memory but its record on the data partition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from edge.agents.status_file import read_status
from edge.core.release.machine import (
    HEALTH_DEADLINE_S,
    Commit,
    FallBack,
    Health,
    Install,
    Seen,
    Try,
    Update,
    Wait,
    Wish,
    committed,
    installed,
    refused_now,
    step,
)
from edge.core.release.record import decode_update, encode_update, record_name, wish_of
from edge.errors import LinkDown, ReleaseRefused, SlotFailed, StorageFull
from edge.link.release_client import ReleaseClient
from edge.storage.document_file import DocumentFiles
from edge.wire import canonical
from edge.wire.errors import WireError
from edge.wire.messages import Desired
from edge.wire.release import Release, ReleaseKind, Version

FLOOR = "time-floor"
MAX_DIGITS = 16
MAX_ACTIONS = 5  # install, try, … : no look goes on for ever
_log = structlog.get_logger()


class Slots(Protocol):
    """Two places for one kind of release, one of them committed."""

    def running(self) -> str: ...

    def committed(self) -> str: ...

    def version(self) -> Version: ...

    def write(self, slot: str, bundle: Path, release: Release) -> None: ...

    def try_once(self, slot: str) -> None: ...

    def fall_back(self) -> None: ...

    def commit(self, slot: str) -> None: ...


@dataclass(frozen=True, slots=True)
class UpdaterPorts:
    """`documents`: the agent's folder with the desired document. `records`: the updater's own. `run_dir`: the agent's.

    `client`: makes a fresh look at the repository, which is not earlier than the given Unix ms. `up_for_s`: since this
    machine started.
    """

    documents: DocumentFiles
    records: DocumentFiles
    run_dir: Path
    client: Callable[[int], ReleaseClient]
    up_for_s: Callable[[], int]
    product: str
    board: str
    patience_s: int = HEALTH_DEADLINE_S


class Updater:
    """One kind of release on one device."""

    def __init__(self, kind: ReleaseKind, slots: Slots, ports: UpdaterPorts) -> None:
        self._kind = kind
        self._slots = slots
        self._ports = ports

    def look(self) -> str:
        """Do what is to be done now; why nothing more is.

        Raises:
            StorageFailed, StorageFull: the record cannot be written; nothing was switched.
        """
        for _ in range(MAX_ACTIONS):
            try:
                update, seen = self._load(), self._seen()
                after, action = step(update, seen)
                if after != update:
                    self._save(after)
                if isinstance(action, Wait):
                    return action.reason
                if (ended := self._carry_out(after, action, seen)) is not None:
                    return ended
            except SlotFailed as error:
                _log.error("slot", kind=self._kind.value, error=str(error), remedy=error.remedy)
                return "slot_failed"
        return "busy"

    def _carry_out(self, update: Update, action: Install | Try | Commit | FallBack, seen: Seen) -> str | None:
        _log.info("update", kind=self._kind.value, action=type(action).__name__.lower(), phase=update.phase.value)
        if isinstance(action, Install):
            return self._install(update, action, seen)
        if isinstance(action, Try):
            self._slots.try_once(action.slot)
            return "trying"
        if isinstance(action, FallBack):
            self._slots.fall_back()
            return f"falling_back:{action.reason}"
        self._slots.commit(action.slot)
        self._save(committed(update))
        return None

    def _install(self, update: Update, action: Install, seen: Seen) -> str | None:
        """Fetch, verify, write, read back. What is refused is remembered; what cannot be had now is not."""
        wish = action.wish
        try:
            self._write(action, seen)
        except LinkDown as error:
            _log.info("update", error=str(error))
            return "offline"
        except StorageFull as error:
            _log.error("update", error=str(error), remedy=error.remedy)
            return "no_space"
        except (ReleaseRefused, SlotFailed) as error:
            reason = error.reason if isinstance(error, ReleaseRefused) else error.code
            _log.error("release refused", reason=reason, error=str(error), remedy=error.remedy)
            self._save(refused_now(update, wish, reason, seen.up_for_s))
            return f"refused:{reason}"
        self._save(installed(wish, action.slot))
        return None

    def _write(self, action: Install, seen: Seen) -> None:
        wish = action.wish
        client = self._ports.client(self._floor_at_ms())
        client.refresh()
        release, target = client.find(Release(self._ports.product, self._ports.board, wish.kind, wish.version))
        if release.min_version is not None and seen.version < release.min_version:
            remedy = f"Update to {release.min_version} first."
            raise ReleaseRefused("min_version", f"from {seen.version}", where=release.path, remedy=remedy)
        self._slots.write(action.slot, client.fetch(target), release)
        client.forget()

    # --- what is there ----------------------------------------------------------------------------------------

    def _seen(self) -> Seen:
        up_for_s = self._ports.up_for_s()
        status = read_status(self._ports.run_dir, up_for_s)
        return Seen(
            running=self._slots.running(), committed=self._slots.committed(), version=self._slots.version(),
            busy=status is not None and status.busy, up_for_s=up_for_s,
            health=status.health if status is not None else Health(), asked=self._asked(),
            patience_s=self._ports.patience_s,
        )  # fmt: skip

    def _floor_at_ms(self) -> int:
        """Signed cloud time as the agent last told it, kept: a clock that is set back must not revive old metadata."""
        status = read_status(self._ports.run_dir, self._ports.up_for_s())
        kept = self._ports.records.load(FLOOR)
        floor_at_ms = int(kept) if kept is not None and kept.isdigit() and len(kept) < MAX_DIGITS else 0
        told_at_ms = 0 if status is None else status.at_ms
        if told_at_ms > floor_at_ms:
            self._ports.records.save(FLOOR, str(told_at_ms).encode())
        return max(floor_at_ms, told_at_ms)

    def _asked(self) -> Wish | None:
        """The wish in the desired document that the agent last accepted; none if it is about the other kind."""
        data = self._ports.documents.load("desired.cbor")
        if data is None:
            return None
        try:
            section = canonical.parse(Desired.parse(data).doc, where="desired").get("release")
            wish = None if section is None else wish_of(section, where="desired.release")
        except WireError as error:
            _log.error("wish", error=str(error), remedy=error.remedy)
            return None
        return wish if wish is not None and wish.kind is self._kind else None

    def _load(self) -> Update:
        data = self._ports.records.load(record_name(self._kind))
        try:
            return Update() if data is None else decode_update(data)
        except WireError as error:  # whatever was on trial falls back; the wish is carried out anew
            _log.error("the update's record is damaged", error=str(error))
            return Update()

    def _save(self, update: Update) -> None:
        self._ports.records.save(record_name(self._kind), encode_update(update))
