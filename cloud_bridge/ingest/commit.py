"""The one transaction of an accepted batch: head, ledger rows, projections, receipt. Sync; runs inside `write`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from cloud_bridge.errors import HeadMoved
from cloud_bridge.fleet import alarms
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.model import DeviceState, Severity
from cloud_bridge.ingest.decide import root_within
from cloud_bridge.ingest.judge_event import Judged, NotUnderstood
from cloud_bridge.ledger import gaps as ledger_gaps
from cloud_bridge.ledger import set_apart
from cloud_bridge.ledger import store as ledger
from cloud_bridge.ledger.appending import NewBatch, append_batch
from cloud_bridge.ledger.model import BatchFold, Gap, Projection, StoredEvent, StreamHead
from edge.wire.event import LATE_AFTER_MS
from edge.wire.expected_event import KnownEvent
from edge.wire.merkle import Frontier


@dataclass(frozen=True, slots=True)
class Accepted:
    """A judged batch, ready to be written. `raws` and `judged` run side by side from `head.cursor` on."""

    head: StreamHead
    frontier: Frontier
    receipt: bytes
    raws: Sequence[bytes]
    judged: Sequence[Judged]
    now_ms: int


class DeviceNotActive(Exception):
    """The registry changed its mind between the first look and the transaction."""

    def __init__(self, state: str) -> None:
        self.state = state
        super().__init__(state)


class GapDisproved(Exception):
    """The events after an adopted gap do not lead to the root of the receipt that proved it."""


class FoldFailed(Exception):
    """A projection failed where nothing guards the rest: write the batch again, guarded."""


def commit_batch(
    conn: Connection, work: Accepted, projections: Sequence[Projection], *, guarded: bool = True
) -> list[str]:
    """Write it all; returns the names of projections that failed on an event (rolled back to their savepoints).

    Args:
        guarded: with the savepoints, which nearly no batch needs and each must wait for.

    Raises:
        FoldFailed: a projection failed and was not guarded; the caller's transaction must be rolled back.
        HeadMoved: another worker was faster; nothing is written.
        DeviceNotActive: quarantined or retired meanwhile; nothing is written.
        GapDisproved: nothing is written.
    """
    head = work.head
    appended = append_batch(conn, _new_batch(work), fleet_store.ACTIVE_STREAM)
    if appended is None:
        raise _why_not(conn, head)
    if head.base_size:
        _prove_gaps(conn, work)
    first = appended.first_position
    if any(isinstance(event, NotUnderstood) for event in work.judged):
        _set_apart(conn, work, first)
    if head.cursor == 0:
        _begin_stream(conn, work)
    elif appended.superseded_at_ms is not None:
        detail = f"{head.stream} goes on although a newer stream has begun"
        alarms.raise_alarm(conn, head.device_id, "two_streams", at_ms=work.now_ms, subject=head.stream, detail=detail,
                           severity=Severity.CRITICAL)  # fmt: skip
    return _project(conn, work, first, projections, guarded=guarded)


def _why_not(conn: Connection, head: StreamHead) -> HeadMoved | DeviceNotActive:
    state = fleet_store.device_state(conn, head.device_id)
    if state is not DeviceState.ACTIVE:
        return DeviceNotActive("unknown_device" if state is None else state.value)
    return HeadMoved(f"the head of {head.stream} is not {head.cursor} any more", where=head.device_id)


def _new_batch(work: Accepted) -> NewBatch:
    known = [event if isinstance(event, KnownEvent) else None for event in work.judged]
    now_ms = work.now_ms
    return NewBatch(work.head, work.frontier, work.receipt, work.raws, known, now_ms, now_ms - LATE_AFTER_MS)


def _set_apart(conn: Connection, work: Accepted, first: int) -> None:
    head = work.head
    for offset, event in enumerate(work.judged):
        if isinstance(event, NotUnderstood):
            set_apart.quarantine_event(conn, {
                "position": first + offset, "device_id": head.device_id, "stream": head.stream,
                "seq": head.cursor + offset, "reason": event.reason, "detail": event.detail[:500],
                "released_at_ms": None,
            })  # fmt: skip
            alarms.raise_alarm(conn, head.device_id, "event_not_understood", at_ms=work.now_ms, subject=event.reason,
                               detail=event.detail[:200])  # fmt: skip


def _prove_gaps(conn: Connection, work: Accepted) -> None:
    for gap in ledger_gaps.open_gaps(conn, work.head.stream):
        root = root_within(work.head.frontier, work.raws, gap.proof_size)
        if root is None:
            continue
        if root != gap.proof_root:
            raise GapDisproved(f"the events do not lead to the receipt at {gap.proof_size}")
        ledger_gaps.prove_gap(conn, gap, work.now_ms)


def _begin_stream(conn: Connection, work: Accepted) -> None:
    """The device's other streams are over; what a lost card may have taken with it is written down."""
    head, now_ms = work.head, work.now_ms
    others = [other for other in ledger.device_heads(conn, head.device_id) if other.stream_no != head.stream_no]
    if not others:
        return
    first = work.judged[0]
    data: dict[str, Any] = {}
    if isinstance(first, KnownEvent) and first.type == "stream_started":
        data = first.data()
    for other in others:
        if other.superseded_at_ms is None:
            ledger.supersede(conn, other.stream_no, now_ms)
        if other.stream == data.get("former_stream") and data.get("former_size", 0) > other.cursor:
            ledger_gaps.record_gap(conn, Gap(head.device_id, other.stream, other.cursor, data["former_size"],
                                        "lost_with_stream", now_ms))  # fmt: skip
    detail = f"after {others[-1].stream}, of which {others[-1].cursor} events are stored"
    alarms.raise_alarm(conn, head.device_id, "stream_replaced", at_ms=now_ms, subject=head.stream, detail=detail)


def stored_events(work: Accepted, first: int, wanted: frozenset[str] | None) -> list[StoredEvent]:
    """The understood events as values; `wanted` None means all types."""
    head, late_before_ms = work.head, work.now_ms - LATE_AFTER_MS
    return [
        StoredEvent(
            first + offset, head.device_id, head.stream, head.cursor + offset, event.boot, event.type, event.at_ms,
            work.now_ms, event.clock, event.at_ms < late_before_ms, event.data(), work.raws[offset],
        )
        for offset, event in enumerate(work.judged)
        if isinstance(event, KnownEvent) and (wanted is None or event.type in wanted)
    ]  # fmt: skip


def _project(
    conn: Connection, work: Accepted, first: int, projections: Sequence[Projection], *, guarded: bool
) -> list[str]:
    everything = any(not projection.types for projection in projections)
    union = frozenset().union(*(projection.types for projection in projections))
    events = stored_events(work, first, None if everything else union)
    faults: list[str] = []
    for projection in projections:
        wanted = [event for event in events if not projection.types or event.type in projection.types]
        if wanted and guarded:
            faults += fold_guarded(conn, projection, wanted, work.now_ms)
        elif wanted:
            fold_unguarded(conn, projection, wanted)
    return faults


def fold_unguarded(conn: Connection, projection: Projection, events: Sequence[StoredEvent]) -> None:
    """Fold events without a savepoint, which nearly none needs.

    Raises:
        FoldFailed: the caller's transaction must be rolled back.
    """
    try:
        _apply(conn, projection, events)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        raise FoldFailed(projection.name) from error


def fold_guarded(conn: Connection, projection: Projection, events: Sequence[StoredEvent], now_ms: int) -> list[str]:
    """Fold events in a savepoint; when one fails, each gets its own, and the failed ones are recorded as faults."""
    if _fold(conn, projection, events) is None:
        return []
    faults = []
    for event in events:
        error = _fold(conn, projection, [event])
        if error is not None:
            faults.append(projection.name)
            ledger.record_fault(conn, projection.name, event.position, f"{type(error).__name__}: {error}"[:500], now_ms)
            alarms.raise_alarm(conn, event.device_id, "projection_failed", at_ms=now_ms, subject=projection.name,
                               detail=event.id)  # fmt: skip
    return faults


def _fold(conn: Connection, projection: Projection, events: Sequence[StoredEvent]) -> Exception | None:
    try:
        with conn.begin_nested():
            _apply(conn, projection, events)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        return error
    return None


def _apply(conn: Connection, projection: Projection, events: Sequence[StoredEvent]) -> None:
    if isinstance(projection, BatchFold):
        projection.apply_all(conn, events)
    else:
        for event in events:
            projection.apply(conn, event)
