"""Projections that follow the ledger by a cursor of their own, in their own transactions, after ingest."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud_bridge.ingest.commit import fold_guarded
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import Projection
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database

BATCH = 100


class Followers:
    """Folding and moving the cursor commit together, so each event is folded exactly once whatever crashes."""

    def __init__(self, db: Database, clock: Clock, projections: Sequence[Projection]) -> None:
        self._db = db
        self._clock = clock
        self._projections = tuple(projections)

    async def run_once(self) -> int:
        """Fold what is new; how many events."""
        done = 0
        for projection in self._projections:
            while count := await self._step(projection):
                done += count
        return done

    async def _step(self, projection: Projection) -> int:
        after = await self._db.read(lambda conn: store.load_cursor(conn, projection.name))
        if not await self._db.read(lambda conn: store.follow(conn, after, 1, projection.types)):
            return 0
        now_ms = self._clock.now_ms()

        def fold(conn: Connection) -> int:
            store.save_cursor(conn, projection.name, after)  # takes the cursor's row: one worker at a time
            if store.load_cursor(conn, projection.name) != after:
                return 0
            events = store.follow(conn, after, BATCH, projection.types)
            fold_guarded(conn, projection, events, now_ms)
            if events:
                store.save_cursor(conn, projection.name, events[-1].position)
            return len(events)

        return await self._db.write(fold)
