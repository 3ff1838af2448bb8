"""The two adapters of `edge.ports.EventLog` over one `EventStore`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from edge.ports import Cursor, LogHead, StoredBatch
from edge.storage.event_store import EventStore
from edge.wire.event import EventDraft

T = TypeVar("T")


class InlineEventLog:
    """Runs every call at once on the caller's thread: for the fleet simulation and unit tests."""

    def __init__(self, store: EventStore) -> None:
        self.store = store

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        return self.store.append(drafts, snapshot=snapshot)

    async def read(self, first: int, max_events: int, max_bytes: int) -> StoredBatch | None:
        return self.store.read(first, max_events, max_bytes)

    async def head(self) -> LogHead:
        return self.store.head()

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        self.store.store_receipt(receipt, size)

    async def floor(self, at_ms: int) -> None:
        self.store.floor(at_ms)

    async def trim(self, at_ms: int) -> bool:
        """One bounded step of trimming as of `at_ms`; False when nothing was to be done."""
        return self.store.trim(at_ms)

    async def close(self) -> None:
        self.store.close()


class ThreadedEventLog:
    """Runs every call on one writer thread of its own, in order, so that a slow disk never stops the loop.

    A caller that is cancelled while it waits does not know whether its commit was made: it was, or will be.
    """

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="event-log")

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        return await self._run(lambda: self._store.append(drafts, snapshot=snapshot))

    async def read(self, first: int, max_events: int, max_bytes: int) -> StoredBatch | None:
        return await self._run(lambda: self._store.read(first, max_events, max_bytes))

    async def head(self) -> LogHead:
        return await self._run(self._store.head)

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        await self._run(lambda: self._store.store_receipt(receipt, size))

    async def floor(self, at_ms: int) -> None:
        await self._run(lambda: self._store.floor(at_ms))

    async def trim(self, at_ms: int) -> bool:
        """One bounded step of trimming as of `at_ms`; False when nothing was to be done."""
        return await self._run(lambda: self._store.trim(at_ms))

    async def close(self) -> None:
        """Finish what is queued, close the file, end the thread."""
        await self._run(self._store.close)
        self._thread.shutdown(wait=True)
