"""The event log's synchronous core: one connection, and every commit one transaction that is durable on return.

It reads no clock and draws no randomness; the adapters of `edge.ports.EventLog` stand in `event_log.py`.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Sequence
from typing import Any

from edge.errors import StorageFailed, StorageFull
from edge.ports import Cursor, LogHead, StoredBatch
from edge.storage import trimming
from edge.storage.ballast import Ballast
from edge.storage.connection import Connection, typed
from edge.storage.limits import MAX_COMMIT_BYTES, MAX_COMMIT_EVENTS, LogLimits
from edge.storage.peaks import new_peaks
from edge.storage.schema_v1 import Packing
from edge.storage.trimming import LogRow, Statement
from edge.wire.checkpoint import Checkpoint, note_from_signature
from edge.wire.errors import Malformed, TooLarge
from edge.wire.event import EventDraft, LogIdentity, encode_event
from edge.wire.event_types import EVENT_TYPES, Family
from edge.wire.ids import origin_of, source_of
from edge.wire.keys import Signer
from edge.wire.merkle import Frontier, leaf_hash

_WHERE = "event log"
_RESTART = "Restart: the damaged file is then set aside."
_INSERT = "INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_SNAPSHOT = "INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?)"
_CUSTODY = frozenset(name for name, row in EVENT_TYPES.items() if row.family is Family.CUSTODY)
_ALARMS = frozenset(name for name, row in EVENT_TYPES.items() if row.family is Family.ALARM)


class EventStore:
    """An open log. Build one with `opening.open_store`; not safe for two threads at once."""

    def __init__(
        self, connection: Connection, identity: LogIdentity, signer: Signer, limits: LogLimits, ballast: Ballast
    ) -> None:
        self._connection = connection
        self._signer = signer
        self._limits = limits
        self._ballast = ballast
        self._failure: StorageFailed | None = None
        self.identity = identity
        self.packing = Packing(identity.fleet, identity.device_id, identity.stream)
        self._origin = origin_of(identity.fleet, identity.device_id, identity.stream)
        self._name = source_of(identity.fleet, identity.device_id)
        self._base = self._frontier = Frontier()
        self._signature = b""
        self._receipt, self._receipted_size = b"", 0
        self._snapshot_size = 0
        self._floor_at_ms = 0
        self.is_new = True

    def resume(self, log: LogRow, frontier: Frontier, signature: bytes, snapshot_size: int) -> None:
        """Continue from what the file holds, after it was verified."""
        self.is_new = False
        self._base, self._frontier, self._signature = log.base, frontier, signature
        self._receipt, self._receipted_size = log.receipt, log.receipted_size
        self._floor_at_ms, self._snapshot_size = log.floor_at_ms, snapshot_size

    def record_boot(self) -> None:
        """Make this boot's number durable, from the reserve if need be: a full disk must not keep the agent down."""
        self._write([("UPDATE log SET boot = ?", (self.identity.boot,))], reserve=True)

    # --- writing ---------------------------------------------------------------------------------------------

    def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        """Commit all drafts as one unit (see `edge.ports.EventLog.append`).

        Raises:
            StorageFull: nothing was written. Alarms alone may draw on the reserve before this is raised.
            StorageFailed: the log cannot be written; every later call raises it too.
            Malformed, TooLarge: no, too many or too large events; nothing was written.
        """
        reserve = all([draft.type in _ALARMS for draft in drafts])
        return self.commit(drafts, (), snapshot=snapshot, reserve=reserve)

    def commit(
        self,
        drafts: Sequence[EventDraft],
        before: Sequence[Statement],
        *,
        snapshot: bytes | None = None,
        reserve: bool = False,
    ) -> Cursor:
        """`append` with statements that belong to the same transaction."""
        events = self._encode(drafts)
        first = self._frontier.size
        frontier, root, signature, peaks = self._seal(events)
        newest_at_ms = max([draft.at_ms for draft in drafts])
        custody = any([draft.type in _CUSTODY for draft in drafts])
        row = (first, len(events), newest_at_ms, int(custody), self.packing.pack(events), peaks, root, signature)
        statements: list[Statement] = [*before, (_INSERT, row)]
        if snapshot is not None:
            statements.append((_SNAPSHOT, (frontier.size, snapshot)))
        self._write(statements, reserve=reserve)
        self._frontier, self._signature = frontier, signature
        if snapshot is not None:
            self._snapshot_size = frontier.size
        self._ballast.restore()
        return Cursor(self.identity.stream, frontier.size)

    def store_receipt(self, receipt: bytes, size: int) -> None:
        """Keep a verified receipt for the first `size` events; an older or equal one changes nothing.

        Raises:
            Malformed: a receipt for more events than the log holds.
        """
        if size > self._frontier.size:
            raise Malformed(f"a receipt for {size} events, the log holds {self._frontier.size}", where=_WHERE)
        if size <= self._receipted_size:
            return
        self._write([("UPDATE log SET receipt = ?, receipted_size = ?", (receipt, size))], reserve=True)
        self._receipt, self._receipted_size = receipt, size

    def floor(self, at_ms: int) -> None:
        """Raise the authority-time floor durably; a lower value changes nothing."""
        if at_ms <= self._floor_at_ms:
            return
        self._write([("UPDATE log SET floor_at_ms = ?", (at_ms,))], reserve=True)
        self._floor_at_ms = at_ms

    def trim(self, at_ms: int) -> bool:
        """Remove receipted events by age and size, as of `at_ms`; a bounded step, False when nothing was to be done.

        Never removes what has no receipt, what a restart needs after the last snapshot, or the newest commit, which
        holds the head's signature; custody goes last.
        """
        with self._typed():
            free_to = min(self._receipted_size, self._snapshot_size, self._frontier.size - 1)
            plan = trimming.plan(self._connection, self._base, free_to, self._limits, at_ms)
        if plan is None:
            return False
        self._write(plan.statements, reserve=True)
        self._base = plan.base
        return True

    # --- reading ---------------------------------------------------------------------------------------------

    def read(self, first: int, max_events: int, max_bytes: int) -> StoredBatch | None:
        """The longest run of whole commits from `first` within the limits, at least one; None at the end.

        Raises:
            Malformed: `first` is no commit boundary, or lies before the base or after the end.
        """
        if first == self._frontier.size:
            return None
        if not self._base.size <= first < self._frontier.size:
            held = f"{self._base.size} to {self._frontier.size}"
            raise Malformed(f"event {first} is not held, only {held}", where=_WHERE)
        with self._typed():
            rows = self._connection.execute(
                "SELECT first, count, events, root, signature FROM commits WHERE first >= ? ORDER BY first LIMIT ?",
                (first, max(1, max_events)),
            )
            return self._batch(first, rows, max_events, max_bytes)

    def _batch(self, first: int, rows: Any, max_events: int, max_bytes: int) -> StoredBatch:
        events: list[bytes] = []
        size_bytes = 0
        note = b""
        for start, count, packed, root, signature in rows:
            if start != first + len(events):
                raise Malformed(f"no commit begins at {first + len(events)}", where=_WHERE)
            commit = self.packing.unpack(packed)
            size_bytes += sum(map(len, commit))
            if note and (len(events) + count > max_events or size_bytes > max_bytes):
                break
            events += commit
            note = self.note(start + count, root, signature)
        if not events:
            raise Malformed(f"no commit begins at {first}", where=_WHERE)
        return StoredBatch(first, tuple(events), note)

    def read_tail(self, after_size: int) -> list[bytes]:
        """All events from seq `after_size` (a commit boundary) to the end."""
        with self._typed():
            rows = self._connection.execute("SELECT events FROM commits WHERE first >= ? ORDER BY first", (after_size,))
            return [event for (packed,) in rows for event in self.packing.unpack(packed)]

    def load(self) -> tuple[bytes | None, int, list[bytes]]:
        """The last snapshot (or None), its size, and the events after it: all that rebuilding the state needs."""
        with self._typed():
            row = self._connection.execute("SELECT size, state FROM snapshot").fetchone()
        size, state = (row[0], bytes(row[1])) if row else (0, None)
        return state, size, self.read_tail(size)

    def head(self) -> LogHead:
        """The log as it stands."""
        frontier = self._frontier
        return LogHead(
            stream=self.identity.stream,
            boot=self.identity.boot,
            size=frontier.size,
            checkpoint=self.note(frontier.size, frontier.root(), self._signature),
            base=self._base,
            receipt=self._receipt,
            receipted_size=self._receipted_size,
        )

    @property
    def floor_at_ms(self) -> int:
        """The authority-time floor; 0 when no signed cloud time was ever seen."""
        return self._floor_at_ms

    def note(self, size: int, root: bytes, signature: bytes) -> bytes:
        """The signed checkpoint of the first `size` events."""
        return note_from_signature(Checkpoint(self._origin, size, root), self._name, self._signer.public, signature)

    def close(self) -> None:
        """Close the file; what was appended is durable already."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    # --- inside ----------------------------------------------------------------------------------------------

    def _encode(self, drafts: Sequence[EventDraft]) -> list[bytes]:
        if not drafts:
            raise Malformed("a commit without events", where=_WHERE)
        if len(drafts) > MAX_COMMIT_EVENTS:
            raise TooLarge(f"{len(drafts)} events in a commit, at most {MAX_COMMIT_EVENTS}", where=_WHERE)
        first = self._frontier.size
        events = [encode_event(draft, self.identity, first + i) for i, draft in enumerate(drafts)]
        if sum(map(len, events)) > MAX_COMMIT_BYTES:
            raise TooLarge(f"more than {MAX_COMMIT_BYTES} bytes in a commit", where=_WHERE)
        return events

    def _seal(self, events: list[bytes]) -> tuple[Frontier, bytes, bytes, bytes]:
        """The tree after `events`: its frontier, root, checkpoint signature, and the peaks that they create."""
        frontier = self._frontier.append([leaf_hash(event) for event in events])
        root = frontier.root()
        signature = self._signer.sign(Checkpoint(self._origin, frontier.size, root).text())
        return frontier, root, signature, new_peaks(frontier, self._frontier.size)

    def _write(self, statements: Sequence[Statement], *, reserve: bool = False) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            self._transact(statements)
        except StorageFull:
            if not reserve:
                raise
            self._write_from_reserve(statements)

    def _write_from_reserve(self, statements: Sequence[Statement]) -> None:
        self._ballast.release()
        self._set_max_bytes(self._limits.max_file_bytes + self._limits.reserve_bytes)
        try:
            self._transact(statements)
        finally:
            self._set_max_bytes(self._limits.max_file_bytes)

    def _set_max_bytes(self, size_bytes: int) -> None:
        with self._typed():
            self._connection.execute(f"PRAGMA max_page_count = {size_bytes // self._limits.page_bytes}").fetchall()

    def _transact(self, statements: Sequence[Statement]) -> None:
        execute = self._connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for sql, parameters in statements:
                execute(sql, parameters)
            execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._meaning(error) from error
            raise

    @contextlib.contextmanager
    def _typed(self) -> Any:
        try:
            yield
        except sqlite3.Error as error:
            raise self._meaning(error) from error
        except zlib.error as error:
            raise StorageFailed(f"a commit is damaged: {error}", where=_WHERE, remedy=_RESTART) from error

    def _meaning(self, error: sqlite3.Error) -> Exception:
        """After a failed write nothing is known about the disk, so the log stays closed until it is opened again."""
        meaning = typed(error, _WHERE, self._ballast.is_space_short)
        if isinstance(meaning, StorageFailed):
            self._failure = meaning
        return meaning
