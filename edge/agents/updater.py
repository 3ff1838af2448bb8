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
    refused,
    step,
)
from edge.core.release.record import decode_update, encode_update, wish_of
from edge.errors import LinkDown, ReleaseRefused, SlotFailed
from edge.link.release_client import ReleaseClient
from edge.storage.document_file import DocumentFiles
from edge.wire import canonical
from edge.wire.errors import WireError
from edge.wire.messages import Desired
from edge.wire.release import Release, ReleaseKind, Version

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
    """`documents`: the agent's folder with the desired document. `records`: the updater's own. `status`: the agent's.

    `client`: makes a fresh look at the repository. `up_for_s`: since this machine started.
    """

    documents: DocumentFiles
    records: DocumentFiles
    status: Path
    client: Callable[[], ReleaseClient]
    up_for_s: Callable[[], int]
    product: str
    board: str


class Updater:
    """One kind of release on one device."""

    def __init__(self, kind: ReleaseKind, slots: Slots, ports: UpdaterPorts) -> None:
        self._kind = kind
        self._slots = slots
        self._ports = ports
        self._record = f"update-{kind.value}.json"

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
                if (ended := self._carry_out(after, action)) is not None:
                    return ended
            except SlotFailed as error:
                _log.error("slot", kind=self._kind.value, error=str(error), remedy=error.remedy)
                return "slot_failed"
        return "busy"

    def _carry_out(self, update: Update, action: Install | Try | Commit | FallBack) -> str | None:
        _log.info("update", kind=self._kind.value, action=type(action).__name__.lower(), phase=update.phase.value)
        if isinstance(action, Install):
            return self._install(action)
        if isinstance(action, Try):
            self._slots.try_once(action.slot)
            return "trying"
        if isinstance(action, FallBack):
            self._slots.fall_back()
            return f"falling_back:{action.reason}"
        self._slots.commit(action.slot)
        self._save(committed(update))
        return None

    def _install(self, action: Install) -> str | None:
        """Fetch, verify, write, read back. What must not be installed is remembered; what cannot be had is not."""
        wish = action.wish
        wanted = Release(self._ports.product, self._ports.board, wish.kind, wish.version)
        try:
            client = self._ports.client()
            client.refresh()
            release, target = client.find(wanted)
            self._slots.write(action.slot, client.fetch(target), release)
            client.forget()
        except LinkDown as error:
            _log.info("update", error=str(error))
            return "offline"
        except ReleaseRefused as error:
            _log.error("release refused", reason=error.reason, error=str(error), remedy=error.remedy)
            if error.reason != "not_released":  # it may be published in a minute
                self._save(refused(wish, error.reason))
            return f"refused:{error.reason}"
        self._save(installed(wish, action.slot))
        return None

    # --- what is there ----------------------------------------------------------------------------------------

    def _seen(self) -> Seen:
        up_for_s = self._ports.up_for_s()
        status = read_status(self._ports.status, up_for_s)
        return Seen(
            running=self._slots.running(), committed=self._slots.committed(), version=self._slots.version(),
            busy=status is not None and status.busy, up_for_s=up_for_s,
            health=status.health if status is not None else Health(), asked=self._asked(),
        )  # fmt: skip

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
        data = self._ports.records.load(self._record)
        try:
            return Update() if data is None else decode_update(data)
        except WireError as error:  # whatever was on trial falls back; the wish is carried out anew
            _log.error("the update's record is damaged", error=str(error))
            return Update()

    def _save(self, update: Update) -> None:
        self._ports.records.save(self._record, encode_update(update))
