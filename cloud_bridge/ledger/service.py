"""What happened? Replay for investigators, following by projections, bundles for auditors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from cloud_bridge.errors import InvalidData, NotFound
from cloud_bridge.ledger import gaps as ledger_gaps
from cloud_bridge.ledger import store
from cloud_bridge.ledger.bundle import BundleParts, encode_bundle
from cloud_bridge.ledger.model import Gap, Projection, StoredEvent, StreamHead
from cloud_bridge.ledger.store import ReplayQuery
from cloud_bridge.storage.engine import Database

MAX_PAGE = 1000
MAX_BUNDLE_EVENTS = 100_000


@dataclass(frozen=True, slots=True)
class Page:
    """Events in ledger order; `next_after` is the next page's `after_position`, None at the end."""

    events: tuple[StoredEvent, ...]
    next_after: int | None


class Ledger:
    """Reads only; ingest is the one writer of events."""

    def __init__(self, db: Database, fleet: str, receipt_name: str, receipt_publics: Sequence[bytes]) -> None:
        self._db = db
        self._fleet = fleet
        self._receipt_name = receipt_name
        self._receipt_publics = tuple(receipt_publics)

    async def replay(self, query: ReplayQuery, devices: Sequence[str] | None = None) -> Page:
        """A page of what happened; `devices`: the only ones the asker may see (None: all).

        Raises:
            InvalidData: a limit outside 1 to 1,000, or a time range that ends before it begins.
        """
        if not 1 <= query.limit <= MAX_PAGE:
            raise InvalidData(f"a page of {query.limit}, 1 to {MAX_PAGE} are possible", where="limit")
        if query.from_at_ms is not None and query.to_at_ms is not None and query.to_at_ms < query.from_at_ms:
            raise InvalidData("ends before it begins", where="to_at_ms")
        more = replace(query, limit=query.limit + 1)
        found = await self._db.read(lambda conn: store.replay(conn, more, devices))
        page = tuple(found[: query.limit])
        return Page(page, page[-1].position if len(found) > query.limit else None)

    async def heads(self, device_id: str) -> list[StreamHead]:
        """All streams of a device, oldest first."""
        return await self._db.read(lambda conn: store.device_heads(conn, device_id))

    async def gaps(self, device_id: str) -> list[Gap]:
        """What the ledger will never have of this device, and why."""
        return await self._db.read(lambda conn: ledger_gaps.all_gaps(conn, device_id))

    async def audit_bundle(self, device_id: str, stream: str, log_public: bytes, first: int | None = None,
                           end: int | None = None) -> bytes:  # fmt: skip
        """The bundle of events `first … end − 1` (default: all that is held), stretched to the next receipts.

        Raises:
            NotFound: no such stream, or nothing receipted in that range.
            InvalidData: more than 100,000 events: ask for less.
        """
        parts = await self._db.read(lambda conn: self._parts(conn, device_id, stream, log_public, first, end))
        return encode_bundle(parts)

    def _parts(self, conn: Connection, device_id: str, stream: str, log_public: bytes, first: int | None,
               end: int | None) -> BundleParts:  # fmt: skip
        head = store.load_head(conn, device_id, stream)
        if head is None:
            raise NotFound(f"no stream {stream} of {device_id}", where="audit bundle")
        first = max(head.base_size, 0 if first is None else first)
        end = store.receipted_end(conn, head.stream_no, head.cursor if end is None else end)
        below = store.frontier_at(conn, head, first) if end is not None and first < end else None
        if end is None or below is None:
            raise NotFound(f"no receipted events from {first} on", where="audit bundle")
        if end - first > MAX_BUNDLE_EVENTS:
            raise InvalidData(f"{end - first} events, at most {MAX_BUNDLE_EVENTS}", where="audit bundle")
        return BundleParts(
            self._fleet, device_id, stream, log_public, self._receipt_name, self._receipt_publics, below,
            store.stored_raws(conn, head.stream_no, first, end),
            store.receipts_of(conn, head.stream_no, first, end),
            [gap for gap in ledger_gaps.all_gaps(conn, device_id) if gap.stream == stream],
        )  # fmt: skip


class Follower:
    """A projection that follows the ledger by its own cursor, outside the ingest transaction."""

    def __init__(self, db: Database, projection: Projection, *, page: int = 500) -> None:
        self._db = db
        self._projection = projection
        self._page = page

    async def catch_up(self) -> int:
        """Fold in everything there is; each page and its cursor commit together. Returns how many events."""
        total = 0
        while count := await self._db.write(self._step):
            total += count
        return total

    async def rebuild(self) -> int:
        """Empty the projection and fold the whole ledger again."""

        def restart(conn: Connection) -> None:
            self._projection.reset(conn)
            store.clear_faults(conn, self._projection.name)
            store.save_cursor(conn, self._projection.name, 0)

        await self._db.write(restart)
        return await self.catch_up()

    def _step(self, conn: Connection) -> int:
        cursor = store.load_cursor(conn, self._projection.name)
        events = store.follow(conn, cursor, self._page, self._projection.types)
        for event in events:
            self._projection.apply(conn, event)
        if events:
            store.save_cursor(conn, self._projection.name, events[-1].position)
        return len(events)
