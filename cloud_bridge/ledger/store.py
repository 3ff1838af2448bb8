"""The SQL on the ledger's tables, except the appending of a batch and the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, func, insert, or_, select, update

from cloud_bridge.ledger.model import StoredEvent, StreamHead
from cloud_bridge.ledger.tables import (
    checkpoints,
    cursors,
    events,
    ledger_clock,
    projection_faults,
    streams,
)
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.prepared import Prepared
from edge.wire.errors import WireError
from edge.wire.event import parse_event
from edge.wire.merkle import Frontier, leaf_hash

# --- heads ---------------------------------------------------------------------------------------------------


def load_head(conn: Connection, device_id: str, stream: str) -> StreamHead | None:
    """The stream's head as stored, or None."""
    row = _HEAD.first(conn, {"device": device_id, "name": stream})
    return None if row is None else _head(row)


def device_heads(conn: Connection, device_id: str) -> list[StreamHead]:
    """All streams of a device, oldest first."""
    return [_head(row) for row in _HEADS.all(conn, {"device": device_id})]


def open_stream(conn: Connection, device_id: str, stream: str, now_ms: int) -> StreamHead:
    """Create the stream's empty head (or return the one that is there)."""
    values = {
        "device_id": device_id, "stream": stream, "size": 0, "peaks": b"", "base_size": 0, "receipt": b"",
        "announced_size": 0, "announced_at_ms": now_ms, "mismatches": 0,
        "opened_at_ms": now_ms, "updated_at_ms": now_ms,
    }  # fmt: skip
    upsert(conn, streams, values, keys=("device_id", "stream"), change=())
    head = load_head(conn, device_id, stream)
    assert head is not None
    return head


def announce_head(conn: Connection, head: StreamHead, size: int, now_ms: int) -> None:
    """Note the size that the device itself states, signed, in its hello."""
    _ANNOUNCE.run(conn, {"no": head.stream_no, "announced": size, "at": now_ms})


def count_mismatch(conn: Connection, head: StreamHead) -> None:
    """One more validly signed checkpoint whose bytes did not fit the stored frontier."""
    conn.execute(
        update(streams).where(streams.c.stream_no == head.stream_no).values(mismatches=streams.c.mismatches + 1)
    )


def adopt_base(conn: Connection, head: StreamHead, base: Frontier, now_ms: int) -> bool:
    """Compare and set: go on from the frontier that the device proved with the cloud's own receipt."""
    done = conn.execute(
        update(streams)
        .where(streams.c.stream_no == head.stream_no, streams.c.size == head.frontier.size)
        .values(size=base.size, peaks=base.to_bytes(), base_size=base.size, updated_at_ms=now_ms, mismatches=0)
    )
    return done.rowcount == 1


def supersede(conn: Connection, stream_no: int, now_ms: int | None) -> None:
    """Mark a stream as replaced by a newer one (None: it is live)."""
    conn.execute(update(streams).where(streams.c.stream_no == stream_no).values(superseded_at_ms=now_ms))


def lagging_heads(conn: Connection, announced_before_ms: int) -> list[StreamHead]:
    """Live streams whose announced events have not come although they were announced before that time."""
    query = select(streams).where(
        streams.c.announced_size > streams.c.size,
        streams.c.announced_at_ms < announced_before_ms,
        streams.c.updated_at_ms < announced_before_ms,
        streams.c.superseded_at_ms.is_(None),
    )
    return [_head(row) for row in conn.execute(query)]


def _head(row: Row[Any]) -> StreamHead:
    return StreamHead(
        stream_no=row.stream_no,
        device_id=row.device_id,
        stream=row.stream,
        frontier=Frontier.from_bytes(row.size, bytes(row.peaks)),
        base_size=row.base_size,
        receipt=bytes(row.receipt),
        announced_size=row.announced_size,
        announced_at_ms=row.announced_at_ms,
        mismatches=row.mismatches,
        opened_at_ms=row.opened_at_ms,
        superseded_at_ms=row.superseded_at_ms,
    )


_OF_DEVICE = select(streams).where(streams.c.device_id == bindparam("device"))
_HEAD = Prepared(_OF_DEVICE.where(streams.c.stream == bindparam("name")))
_HEADS = Prepared(_OF_DEVICE.order_by(streams.c.opened_at_ms, streams.c.stream_no))
_ANNOUNCE = Prepared(
    update(streams)
    .where(streams.c.stream_no == bindparam("no"))
    .values(announced_size=bindparam("announced"), announced_at_ms=bindparam("at"))
)
_NEXT_POSITION = select(ledger_clock.c.next_position)
_LAST_POSITION = Prepared(_NEXT_POSITION)
_CURSOR = select(cursors.c.position).where(cursors.c.projection == bindparam("name"))
_LOAD_CURSOR = Prepared(_CURSOR)
# --- positions -----------------------------------------------------------------------------


def start_clock(conn: Connection) -> None:
    """Create the ledger's position counter if it is not there."""
    upsert(conn, ledger_clock, {"id": 1, "next_position": 1}, keys=("id",), change=())


# --- reading back --------------------------------------------------------------------------------------------


def stored_raws(conn: Connection, stream_no: int, first: int, end: int) -> tuple[bytes, ...]:
    """The bytes of events `first … end − 1` of a stream."""
    query = (
        select(events.c.raw)
        .where(events.c.stream_no == stream_no, events.c.seq >= first, events.c.seq < end)
        .order_by(events.c.seq)
    )
    return tuple(bytes(raw) for raw in conn.execute(query).scalars())


def frontier_at(conn: Connection, head: StreamHead, size: int) -> Frontier | None:
    """The frontier over the first `size` stored events, from the nearest checkpoint below; None inside a gap."""
    if size < head.base_size:
        return None
    query = (
        select(checkpoints.c.size, checkpoints.c.peaks)
        .where(checkpoints.c.stream_no == head.stream_no, checkpoints.c.size <= size)
        .order_by(checkpoints.c.size.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    frontier = Frontier() if row is None else Frontier.from_bytes(row.size, bytes(row.peaks))
    raws = stored_raws(conn, head.stream_no, frontier.size, size)
    if len(raws) != size - frontier.size:
        return None
    return frontier.append(leaf_hash(raw) for raw in raws)


def receipts_of(conn: Connection, stream_no: int, first: int, end: int) -> list[bytes]:
    """The receipts of a stream whose size lies in `first < size ≤ end`."""
    query = (
        select(checkpoints.c.receipt)
        .where(checkpoints.c.stream_no == stream_no, checkpoints.c.size > first, checkpoints.c.size <= end)
        .order_by(checkpoints.c.size)
    )
    return [bytes(receipt) for receipt in conn.execute(query).scalars()]


@dataclass(frozen=True, slots=True)
class ReplayQuery:
    """What an investigator asks for; every part narrows. Times are when it happened (`at_ms`), end exclusive."""

    device_id: str | None = None
    parcel_id: str | None = None
    compartment_no: int | None = None
    type: str | None = None
    from_at_ms: int | None = None
    to_at_ms: int | None = None
    after_position: int = 0
    limit: int = 100
    newest_first: bool = False


def replay(conn: Connection, query: ReplayQuery, devices: Sequence[str] | None = None) -> list[StoredEvent]:
    """Events in ledger order (or newest first) after `after_position`; `devices`: those an asker may see, None: all."""
    found = select_events().where(events.c.position > query.after_position, events.c.type != "")
    if query.device_id is not None:
        found = found.where(streams.c.device_id == query.device_id)
    if query.parcel_id is not None:
        found = found.where(events.c.parcel_id == query.parcel_id)
    if query.compartment_no is not None:
        found = found.where(events.c.compartment_no == query.compartment_no)
    if query.type is not None:
        found = found.where(events.c.type == query.type)
    if query.from_at_ms is not None:
        found = found.where(events.c.at_ms >= query.from_at_ms)
    if query.to_at_ms is not None:
        found = found.where(events.c.at_ms < query.to_at_ms)
    if devices is not None:
        found = found.where(streams.c.device_id.in_(devices))
    order = events.c.position.desc() if query.newest_first else events.c.position
    rows = conn.execute(found.order_by(order).limit(query.limit))
    return [stored_event(row) for row in rows]


def follow(conn: Connection, after_position: int, limit: int, types: frozenset[str] = frozenset()) -> list[StoredEvent]:
    """The next understood events of the whole ledger, for a projection with a cursor."""
    return [stored_event(row) for row in _following(types).all(conn, {"after": after_position, "most": limit})]


@lru_cache(maxsize=32)
def _following(types: frozenset[str]) -> Prepared:
    """Built once for each projection."""
    query = select_events().where(events.c.position > bindparam("after"), _of(types))
    return Prepared(query.order_by(events.c.position).limit(bindparam("most")))


def last_position(conn: Connection) -> int:
    """The newest position handed out; 0 for an empty ledger."""
    return (_LAST_POSITION.scalar(conn) or 1) - 1


def load_cursor(conn: Connection, projection: str) -> int:
    """How far a projection has followed the ledger."""
    return _LOAD_CURSOR.scalar(conn, {"name": projection}) or 0


def whats_new(conn: Connection, projection: str, types: frozenset[str]) -> tuple[int, int, bool]:
    """A projection's cursor, the newest position handed out, and whether anything for it lies between."""
    position, upcoming, wanted = _looking(types).all(conn, {"name": projection})[0]
    return position or 0, (upcoming or 1) - 1, bool(wanted)


@lru_cache(maxsize=32)
def _looking(types: frozenset[str]) -> Prepared:
    """One statement for all three: a look is taken at every commit, and mostly finds nothing."""
    position = _CURSOR.scalar_subquery()
    wanted = select(events.c.position).where(events.c.position > func.coalesce(position, 0), _of(types))
    return Prepared(select(position, _NEXT_POSITION.scalar_subquery(), wanted.exists()))


def _of(types: frozenset[str]) -> ColumnElement[bool]:
    """Understood events of these types; of any when none is named."""
    return or_(*(events.c.type == name for name in sorted(types))) if types else events.c.type != ""


def save_cursor(conn: Connection, projection: str, position: int) -> None:
    """Move a projection's cursor, in the transaction that folds the events in."""
    upsert(conn, cursors, {"projection": projection, "position": position}, keys=("projection",), change=("position",))


def record_fault(conn: Connection, projection: str, position: int, error: str, now_ms: int) -> None:
    """Note that a projection failed on an event; it can be rebuilt."""
    conn.execute(
        insert(projection_faults), {"projection": projection, "position": position, "error": error, "at_ms": now_ms}
    )


def fault_count(conn: Connection, projection: str) -> int:
    """How many events a projection has failed on since its last rebuild."""
    query = select(func.count()).select_from(projection_faults).where(projection_faults.c.projection == projection)
    return conn.execute(query).scalar_one()


def clear_faults(conn: Connection, projection: str) -> None:
    """Forget a projection's faults: it is being rebuilt."""
    conn.execute(projection_faults.delete().where(projection_faults.c.projection == projection))


def select_events() -> Select[Any]:
    """Events with their device and stream, as `stored_event` reads them."""
    return select(events, streams.c.device_id, streams.c.stream).join(
        streams, events.c.stream_no == streams.c.stream_no
    )


def stored_event(row: Row[Any]) -> StoredEvent:
    """A row of `events` joined with its stream, as a value; what is not indexed is read from the raw bytes."""
    raw = bytes(row.raw)
    try:
        event = parse_event(raw)
        boot, clock, data = event.boot, event.clock, event.data
    except WireError:
        boot, clock, data = 0, "floor", {}
    return StoredEvent(
        row.position, row.device_id, row.stream, row.seq, boot, row.type, row.at_ms, row.record_at_ms, clock,
        bool(row.late), data, raw,
    )  # fmt: skip


def receipted_end(conn: Connection, stream_no: int, wanted: int) -> int | None:
    """The smallest receipted size of a stream that is at least `wanted`, else its largest."""
    sizes = select(checkpoints.c.size).where(checkpoints.c.stream_no == stream_no)
    above = conn.execute(sizes.where(checkpoints.c.size >= wanted).order_by(checkpoints.c.size).limit(1)).scalar()
    return above or conn.execute(sizes.order_by(checkpoints.c.size.desc()).limit(1)).scalar()
