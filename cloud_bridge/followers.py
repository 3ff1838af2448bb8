"""Projections that follow the ledger by a cursor of their own, in their own transactions, after ingest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection, bindparam, update

from cloud_bridge.ingest.commit import FoldFailed, fold_guarded, fold_unguarded
from cloud_bridge.ledger import store
from cloud_bridge.ledger.model import Projection
from cloud_bridge.ledger.tables import cursors
from cloud_bridge.ports import Clock
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.engine import Database
from cloud_bridge.storage.prepared import Prepared

BATCH = 100
SKIP = 1000  # so many events of other types are passed over at once, so that no look has to walk past more


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
            count = BATCH
            while count == BATCH:
                count = await self._step(projection)
                done += count
        return done

    async def _step(self, projection: Projection) -> int:
        name, types = projection.name, projection.types

        after, last, wanted = await self._db.read(lambda conn: store.whats_new(conn, name, types))
        if not wanted and last - after < SKIP:
            return 0
        now_ms = self._clock.now_ms()

        def fold(conn: Connection, *, guarded: bool = False) -> int:
            if not _hold_cursor(conn, name, after):
                return 0
            events = store.follow(conn, after, BATCH, types)
            if guarded:
                fold_guarded(conn, projection, events, now_ms)
            else:
                fold_unguarded(conn, projection, events)
            # `last` was read before the events: whatever lies up to there and is not among them is of other types
            reached = events[-1].position if events else after
            store.save_cursor(conn, name, reached if len(events) == BATCH else max(reached, last))
            return len(events)

        try:
            return await self._db.write(fold)
        except FoldFailed:
            return await self._db.write(partial(fold, guarded=True))


def _hold_cursor(conn: Connection, projection: str, position: int) -> bool:
    """Take the cursor's row until the transaction ends; False when another worker has moved it meanwhile."""
    if position == 0:
        upsert(conn, cursors, {"projection": projection, "position": 0}, keys=("projection",), change=())
    return _HOLD.run(conn, {"name": projection, "here": position}) == 1


_HOLD = Prepared(
    update(cursors)
    .where(cursors.c.projection == bindparam("name"), cursors.c.position == bindparam("here"))
    .values(position=cursors.c.position)
)
