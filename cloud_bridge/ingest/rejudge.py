"""Judging again, after an update of the cloud, what an older one did not understand and set apart.

Runs at start-up, by a cursor of its own for each table of event types, so that nothing is looked at twice under the
same table. Bytes and place in the ledger stay as they are; type and index columns are filled in, and the projections
get what they missed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms
from cloud_bridge.ingest.commit import fold_guarded
from cloud_bridge.ingest.decide import Sender
from cloud_bridge.ingest.judge_event import judge_event
from cloud_bridge.ledger import set_apart
from cloud_bridge.ledger import store as ledger
from cloud_bridge.ledger.model import DeviceRefold, Projection, StoredEvent
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database
from edge.wire.event_types import EVENT_TYPES
from edge.wire.expected_event import KnownEvent

PAGE = 100
_CURSOR = "rejudged."


class Rejudging:
    """Each event is released once, in the transaction that folds it, whatever crashes.

    Args:
        projections: those of the ingest transaction.
        followers: those by cursor; they get what lies behind their cursor and is of a live stream.
    """

    def __init__(
        self, db: Database, fleet: str, clock: Clock, projections: Sequence[Projection],
        followers: Sequence[Projection] = (),
    ) -> None:  # fmt: skip
        self._db = db
        self._fleet = fleet
        self._clock = clock
        self._projections = tuple(projections)
        self._followers = tuple(followers)

    async def run(self) -> int:
        """Judge everything that waits; returns how many events are understood now."""
        cursor = _CURSOR + table_digest()
        after, released = await self._db.read(lambda conn: ledger.load_cursor(conn, cursor)), 0
        while rows := await self._db.read(lambda conn, after=after: set_apart.waiting(conn, after, PAGE)):  # type: ignore[misc]
            for _, of_stream in groupby(rows, key=lambda row: row.stream_no):
                released += await self._release(list(of_stream))
            after = rows[-1].position
            await self._db.write(lambda conn, after=after: set_apart.save_only_cursor(conn, _CURSOR, cursor, after))  # type: ignore[misc]
        return released

    async def _release(self, rows: list[Any]) -> int:
        """One stream's events, in their order."""
        known = [(row, event) for row in rows if (event := self._judge(row)) is not None]
        if not known:
            return 0
        now_ms = self._clock.now_ms()
        return await self._db.write(lambda conn: self._store(conn, known, now_ms))

    def _judge(self, row: Any) -> KnownEvent | None:
        event = judge_event(bytes(row.raw), Sender(self._fleet, row.device_id, b""), row.stream, row.seq)
        return event if isinstance(event, KnownEvent) else None

    def _store(self, conn: Connection, known: Sequence[tuple[Any, KnownEvent]], now_ms: int) -> int:
        row = known[0][0]
        superseded_at_ms = set_apart.lock_stream(conn, row.stream_no)
        released = [
            set_apart.event_at(conn, found.position)
            for found, event in known
            if set_apart.release(conn, found, event, now_ms)
        ]
        if released:
            self._fold(conn, released, now_ms, live=superseded_at_ms is None)
        for reason in sorted({found.reason for found, _ in known}):
            if not set_apart.any_waiting(conn, row.device_id, reason):
                alarms.clear_alarm(conn, row.device_id, "event_not_understood", at_ms=now_ms, subject=reason)
        return len(released)

    def _fold(self, conn: Connection, events: Sequence[StoredEvent], now_ms: int, *, live: bool) -> None:
        """What depends on the order is folded anew from the first event on; of a stream that is over only that is."""
        for projection in self._projections:
            wanted = _wanted(projection, events)
            if wanted and isinstance(projection, DeviceRefold):
                _refold(conn, projection, projection, events[0].device_id, now_ms)
            elif wanted and live:
                fold_guarded(conn, projection, wanted, now_ms)
        for follower in self._followers if live else ():
            wanted = _wanted(follower, events)
            reached = set_apart.lock_cursor(conn, follower.name) if wanted else 0
            if missed := [event for event in wanted if event.position <= reached]:
                fold_guarded(conn, follower, missed, now_ms)


def _wanted(projection: Projection, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    return [event for event in events if not projection.types or event.type in projection.types]


def _refold(conn: Connection, projection: Projection, refold: DeviceRefold, device_id: str, now_ms: int) -> None:
    refold.reset_device(conn, device_id)
    after, page = 0, set_apart.of_device(conn, device_id, 0, projection.types)
    while page:
        fold_guarded(conn, projection, page, now_ms)
        after = page[-1].position
        page = set_apart.of_device(conn, device_id, after, projection.types)


def table_digest() -> str:
    """Names the table of event types: another table, another name."""
    rows = [
        (row.name, sorted((name, member.kind, member.pattern, member.optional) for name, member in row.members.items()))
        for row in EVENT_TYPES.values()
    ]
    return hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()[:16]
