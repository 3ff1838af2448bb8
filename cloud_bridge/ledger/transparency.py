"""The fleet-wide log: every accepted checkpoint is a leaf of one RFC 6962 tree whose head is signed and published.

It is appended to after the receipts, never inside the ingest transaction. Witnesses who keep its heads can tell when
the cloud shows different histories to different people.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, select, update

from cloud_bridge.ledger.tables import checkpoints
from cloud_bridge.storage.dialect import bulk_insert, upsert
from cloud_bridge.storage.engine import Database
from cloud_bridge.storage.schema import Bytes, Whole, metadata
from edge.wire.checkpoint import Checkpoint, device_note, sign_checkpoint
from edge.wire.errors import Malformed
from edge.wire.keys import Signer
from edge.wire.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash

log_leaves = Table(
    "log_leaves",
    metadata,
    Column("leaf_no", Whole, primary_key=True, autoincrement=False),
    Column("leaf", Bytes, nullable=False),
)

log_head = Table(
    "log_head",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("size", Whole, nullable=False),
    Column("peaks", Bytes, nullable=False),
    Column("note", Bytes, nullable=False),
)

MAX_LEAVES_AT_ONCE = 1000


class FleetLog:
    """Appends and proves. One appender at a time; the head row's lock sees to it."""

    def __init__(self, db: Database, fleet: str, signer: Signer) -> None:
        self._db = db
        self.origin = f"{fleet}/log"
        self._signer = signer

    async def append_new(self, limit: int = MAX_LEAVES_AT_ONCE) -> int:
        """Log the accepted checkpoints that are not logged yet and sign the new head; returns how many."""
        return await self._db.write(lambda conn: self._append(conn, limit))

    async def head(self) -> bytes:
        """The newest signed checkpoint of the fleet-wide log."""
        note = await self._db.read(lambda conn: conn.execute(select(log_head.c.note)).scalar())
        return bytes(note) if note else self._sign(Frontier())

    async def inclusion(self, leaf_no: int, size: int) -> list[bytes]:
        """The proof that leaf `leaf_no` is in the log's first `size` leaves.

        Raises:
            Malformed: no such leaf or size.
        """
        leaves = await self._leaves(size)
        return inclusion_proof(leaves, leaf_no)

    async def consistency(self, old_size: int, size: int) -> list[bytes]:
        """The proof that the log of `size` leaves extends that of `old_size`.

        Raises:
            Malformed: no such sizes.
        """
        leaves = await self._leaves(size)
        return consistency_proof(leaves, old_size)

    async def _leaves(self, size: int) -> list[bytes]:
        query = select(log_leaves.c.leaf).where(log_leaves.c.leaf_no < size).order_by(log_leaves.c.leaf_no)
        leaves = await self._db.read(lambda conn: [bytes(leaf) for leaf in conn.execute(query).scalars()])
        if len(leaves) != size:
            raise Malformed(f"the log has {len(leaves)} leaves, not {size}", where="fleet log")
        return leaves

    def _append(self, conn: Connection, limit: int) -> int:
        upsert(conn, log_head, {"id": 1, "size": 0, "peaks": b"", "note": b""}, keys=("id",), change=())
        head = conn.execute(select(log_head).with_for_update()).one()
        frontier = Frontier.from_bytes(head.size, bytes(head.peaks))
        rows = conn.execute(_UNLOGGED.limit(limit)).all()
        if not rows:
            return 0
        leaves = [leaf_hash(device_note(bytes(row.receipt))) for row in rows]
        bulk_insert(conn, log_leaves, list(enumerate(leaves, frontier.size)))
        conn.execute(_LOGGED, [
            {"no": row.stream_no, "at_size": row.size, "number": number}
            for number, row in enumerate(rows, frontier.size)
        ])  # fmt: skip
        frontier = frontier.append(leaves)
        values: dict[str, Any] = {"size": frontier.size, "peaks": frontier.to_bytes(), "note": self._sign(frontier)}
        conn.execute(update(log_head).values(values))
        return len(rows)

    def _sign(self, frontier: Frontier) -> bytes:
        return sign_checkpoint(Checkpoint(self.origin, frontier.size, frontier.root()), self.origin, self._signer)


_LOGGED = (
    update(checkpoints)
    .where(checkpoints.c.stream_no == bindparam("no"), checkpoints.c.size == bindparam("at_size"))
    .values(leaf_no=bindparam("number"))
)
_UNLOGGED = (
    select(checkpoints.c.stream_no, checkpoints.c.size, checkpoints.c.receipt)
    .where(checkpoints.c.leaf_no.is_(None))
    .order_by(checkpoints.c.accepted_at_ms, checkpoints.c.stream_no, checkpoints.c.size)
)
