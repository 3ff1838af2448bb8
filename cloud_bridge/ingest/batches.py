"""Batches: from an opened envelope to a receipt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from cloud_bridge.errors import HeadMoved, Overloaded
from cloud_bridge.fleet import alarms
from cloud_bridge.fleet.model import Device, DeviceState, Outgoing, Severity
from cloud_bridge.ingest.answers import Answers
from cloud_bridge.ingest.commit import Accepted, DeviceNotActive, FoldFailed, GapDisproved, commit_batch
from cloud_bridge.ingest.counters import IngestCounters
from cloud_bridge.ingest.decide import (
    MISMATCHES_BEFORE_RESEND,
    Accept,
    Contradiction,
    Decision,
    Drop,
    Overlap,
    Repeat,
    RewindTo,
    Sender,
    check_batch,
    decide_batch,
)
from cloud_bridge.ingest.heads import Heads
from cloud_bridge.ingest.judge_event import NotUnderstood, judge_events
from cloud_bridge.ingest.quarantine import quarantine_device
from cloud_bridge.ledger import store as ledger
from cloud_bridge.ledger.model import Projection, StreamHead
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database
from edge.wire.checkpoint import Checkpoint
from edge.wire.messages import Batch

_TRIES = 4


class BatchIntake:
    """Judges batches against cached heads; the transaction compares and sets."""

    def __init__(
        self,
        db: Database,
        answers: Answers,
        clock: Clock,
        heads: Heads,
        projections: Sequence[Projection],
        counters: IngestCounters,
        on_commit: Callable[[], None],
        on_quarantine: Callable[[str], None],
    ) -> None:
        self._db = db
        self._answers = answers
        self._clock = clock
        self._projections = tuple(projections)
        self._counters = counters
        self._on_commit = on_commit
        self._on_quarantine = on_quarantine
        self._heads = heads

    async def receive(self, device: Device, sender: Sender, batch: Batch, client_id: str) -> list[Outgoing] | Drop:
        """Store it, or say why not. A `Drop` is for the caller to count: nobody is answered.

        Raises:
            Overloaded: other workers kept moving this head.
        """
        checkpoint = check_batch(batch, sender, client_id)
        if isinstance(checkpoint, Drop):
            return checkpoint
        if device.state is not DeviceState.ACTIVE:
            return [self._refuse(device.device_id, device.state.value)]
        for _ in range(_TRIES):
            head = await self._head(device.device_id, batch.stream)
            decision = decide_batch(batch, checkpoint, head.frontier, await self._overlap(head, batch, checkpoint))
            try:
                return await self._carry_out(decision, batch, head, sender)
            except HeadMoved:
                self._heads.forget(device.device_id, batch.stream)
            except DeviceNotActive as error:
                return [self._refuse(device.device_id, error.state)]
            except GapDisproved as error:
                return await self._contradict(device.device_id, "fork", str(error))
        raise Overloaded("this stream's head keeps moving", where=device.device_id)

    async def _carry_out(
        self, decision: Decision, batch: Batch, head: StreamHead, sender: Sender
    ) -> list[Outgoing] | Drop:
        self._counters.outcomes[type(decision).__name__.lower()] += 1
        match decision:
            case Accept():
                return await self._accept(decision, batch, head, sender)
            case Repeat():
                return [self._answers.receipt(head.device_id, self._repeat_receipt(batch, head))]
            case RewindTo():
                return [self._answers.rewind(head.device_id, head.stream, decision.cursor, self._clock.now_ms())]
            case Contradiction():
                return await self._contradict(head.device_id, decision.kind, decision.detail)
            case Drop():
                if decision.mismatch:
                    await self._count_mismatch(head, decision.detail)
                return decision

    async def _accept(self, accept: Accept, batch: Batch, head: StreamHead, sender: Sender) -> list[Outgoing]:
        now_ms = self._clock.now_ms()
        raws = batch.events[accept.skip :]
        receipt = self._answers.cosigned(batch.checkpoint, now_ms)

        def store(conn: Connection, *, guarded: bool = False) -> tuple[Accepted, list[str]]:
            # Judged here, not before: two threads that both compute would wait for the interpreter at every row.
            judged = judge_events(raws, sender, head.stream, head.cursor)
            work = Accepted(head, accept.frontier, receipt, raws, judged, now_ms)
            return work, commit_batch(conn, work, self._projections, guarded=guarded)

        try:
            work, faults = await self._db.write_grouped(store)
        except FoldFailed:
            work, faults = await self._db.write(partial(store, guarded=True))
        self._heads.remember(_moved(head, work))
        self._counters.events_stored += len(raws)
        self._counters.events_set_apart += sum(isinstance(event, NotUnderstood) for event in work.judged)
        self._counters.projection_faults += len(faults)
        self._on_commit()
        return [self._answers.receipt(head.device_id, receipt)]

    def _repeat_receipt(self, batch: Batch, head: StreamHead) -> bytes:
        """The current receipt; but only for this range while the stream is being resent to settle a mismatch."""
        if head.receipt and head.mismatches < MISMATCHES_BEFORE_RESEND:
            return head.receipt
        return self._answers.cosigned(batch.checkpoint, self._clock.now_ms())

    async def _contradict(self, device_id: str, kind: str, detail: str) -> list[Outgoing]:
        now_ms = self._clock.now_ms()
        await self._db.write(lambda conn: quarantine_device(conn, device_id, kind, detail, now_ms))
        self._on_quarantine(device_id)
        return [self._answers.refusal(device_id, kind, detail, now_ms)]

    async def _count_mismatch(self, head: StreamHead, detail: str) -> None:
        now_ms = self._clock.now_ms()

        def count(conn: Connection) -> None:
            ledger.count_mismatch(conn, head)
            if head.mismatches + 1 >= MISMATCHES_BEFORE_RESEND:
                alarms.raise_alarm(conn, head.device_id, "batches_do_not_fit", at_ms=now_ms, subject=head.stream,
                                   detail=detail, severity=Severity.WARNING)  # fmt: skip

        await self._db.write(count)
        self._heads.forget(head.device_id, head.stream)

    async def _overlap(self, head: StreamHead, batch: Batch, checkpoint: Checkpoint) -> Overlap | None:
        if batch.first >= head.cursor:
            return None
        end = min(checkpoint.size, head.cursor)

        def load(conn: Connection) -> Overlap | None:
            frontier = ledger.frontier_at(conn, head, batch.first)
            raws = ledger.stored_raws(conn, head.stream_no, batch.first, end)
            return None if frontier is None or len(raws) != end - batch.first else Overlap(frontier, raws)

        return await self._db.read(load)

    async def _head(self, device_id: str, stream: str) -> StreamHead:
        head = self._heads.get(device_id, stream)
        if head is None:
            head = await self._db.read(lambda conn: ledger.load_head(conn, device_id, stream))
        if head is None:
            now_ms = self._clock.now_ms()
            head = await self._db.write(lambda conn: ledger.open_stream(conn, device_id, stream, now_ms))
        self._heads.remember(head)
        return head

    def _refuse(self, device_id: str, state: str) -> Outgoing:
        detail = f"this device is {state.replace('_', ' ')}"
        return self._answers.refusal(device_id, state, detail, self._clock.now_ms())


def _moved(head: StreamHead, work: Accepted) -> StreamHead:
    return StreamHead(
        stream_no=head.stream_no,
        device_id=head.device_id,
        stream=head.stream,
        frontier=work.frontier,
        base_size=head.base_size,
        receipt=work.receipt,
        announced_size=head.announced_size,
        announced_at_ms=head.announced_at_ms,
        mismatches=0,
        opened_at_ms=head.opened_at_ms,
        superseded_at_ms=head.superseded_at_ms,
    )
