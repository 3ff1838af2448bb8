"""A device's disk and the ports over it: slow, full, or without power in the middle of something."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from edge.errors import StorageFull
from edge.ports import Cursor, LogHead, StoredBatch
from edge.storage.document_file import DocumentFiles
from edge.storage.event_log import InlineEventLog
from edge.wire.event import EventDraft
from edge.wire.event_types import EVENT_TYPES, Family
from tests.simulation.oracle import DeviceFacts

SYNCED = 2  # PRAGMA synchronous = FULL
UNSYNCED_FOR_S = 5.0


class Disk:
    """Two folders: what the device writes to, and what a power cut would leave.

    A commit that the log synced survives; one that it did not is kept by nobody for up to five seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.full = False
        self.full_for_all = False
        self._safe = folder.with_name(folder.name + ".safe")
        self._found = folder.with_name(folder.name + ".found")
        self._safe_at_s = -1.0
        self._asked: InlineEventLog | None = None
        self._synced = SYNCED

    def before_commit(self, log: InlineEventLog, at_s: float) -> None:
        if log is not self._asked:
            (self._synced,) = log.store._connection.execute("PRAGMA synchronous").fetchone()
            self._asked = log
        if self._synced < SYNCED and at_s - self._safe_at_s >= UNSYNCED_FOR_S:
            self._copy(self._safe)
            self._safe_at_s = at_s

    def power_cut(self, log: InlineEventLog) -> None:
        """Leave on disk what a power cut leaves: the write-ahead log as it lies, not tidied up by closing."""
        if self._safe_at_s >= 0:
            self._found, self._safe = self._safe, self._found
            self._safe_at_s = -1.0
        else:
            self._copy(self._found)
        log.store.close()
        shutil.rmtree(self.folder)
        self._found.rename(self.folder)

    def _copy(self, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.folder, target)


class DiskLog:
    """`edge.ports.EventLog` of one boot over the real one. `hazard` may take time, or never return."""

    def __init__(
        self,
        inner: InlineEventLog,
        disk: Disk,
        facts: DeviceFacts,
        hazard: Callable[[], Awaitable[None]],
        returned: Callable[[Sequence[EventDraft], Cursor], None],
        receipted: Callable[[int], None],
        refused: Callable[[], None],
    ) -> None:
        self.inner = inner
        self._disk, self._facts, self._hazard = disk, facts, hazard
        self._returned, self._receipted, self._refused = returned, receipted, refused

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        self._facts.appending = True
        await self._hazard()
        if self._disk.full_for_all or (self._disk.full and not _alarms_only(drafts)):
            self._facts.appending = False
            self._refused()
            raise StorageFull("no space", where="event log")
        self._disk.before_commit(self.inner, asyncio.get_running_loop().time())
        cursor = await self.inner.append(drafts, snapshot=snapshot)
        await self._hazard()
        self._facts.appending = False
        self._returned(drafts, cursor)
        return cursor

    async def read(self, first: int, max_events: int, max_bytes: int) -> StoredBatch | None:
        return await self.inner.read(first, max_events, max_bytes)

    async def head(self) -> LogHead:
        return await self.inner.head()

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        self._receipted(size)
        if self._disk.full_for_all:
            raise StorageFull("no space", where="event log")
        await self.inner.store_receipt(receipt, size)

    async def floor(self, at_ms: int) -> None:
        if self._disk.full_for_all:
            raise StorageFull("no space", where="event log")
        await self.inner.floor(at_ms)


def _alarms_only(drafts: Sequence[EventDraft]) -> bool:
    return all(EVENT_TYPES[draft.type].family is Family.ALARM for draft in drafts)


class DiskDocuments:
    """`edge.agents.locker.Documents` on the same disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._files = DocumentFiles(disk.folder / "documents")

    def load(self, name: str) -> bytes | None:
        return self._files.load(name)

    def save(self, name: str, data: bytes) -> None:
        if self._disk.full:
            raise StorageFull("no space", where=name)
        self._files.save(name, data)
