"""The only SQL on tasks: what somebody must do at a locker, from being found to being done."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, bindparam, insert, select, update

from cloud_bridge.lockers.tasks import Task, TaskKind, TaskState
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

tasks = Table(
    "tasks",
    metadata,
    Column("task_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("locker_id", Words, nullable=False),
    Column("compartment_no", Whole),
    Column("subject", Words, nullable=False, comment="what it is about: a parcel's id, a door, the locker"),
    Column("reasons", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("claimed_by", Words, nullable=False, server_default=""),
    Column("claimed_at_ms", Whole),
    Column("done_by", Words, nullable=False, server_default=""),
    Column("done_at_ms", Whole),
    Column("outcome", Words, nullable=False, server_default=""),
)
OPEN = tasks.c.done_at_ms.is_(None)
Index(
    "uq_tasks_open", tasks.c.locker_id, tasks.c.kind, tasks.c.subject, unique=True,
    sqlite_where=OPEN, postgresql_where=OPEN,
)  # fmt: skip
Index("ix_tasks_tenant", tasks.c.tenant, tasks.c.made_at_ms)


def put_task(conn: Connection, item: Task) -> bool:
    """Add a task; while one of the same kind and subject is open, its reasons grow instead. Whether it is new."""
    known = open_task(conn, item.locker_id, item.kind, item.subject)
    if known is None:
        conn.execute(insert(tasks).values(
            task_id=item.task_id, tenant=item.tenant, kind=item.kind.value, locker_id=item.locker_id,
            compartment_no=item.compartment_no, subject=item.subject, reasons=json.dumps(item.reasons),
            state=item.state.value, made_at_ms=item.made_at_ms,
        ))  # fmt: skip
        return True
    reasons = (*known.reasons, *(reason for reason in item.reasons if reason not in known.reasons))
    if reasons != known.reasons:
        _change(conn, known.task_id, reasons=json.dumps(reasons))
    return False


def open_task(conn: Connection, locker_id: str, kind: TaskKind, subject: str) -> Task | None:
    row = _OPEN_TASK.first(conn, {"locker": locker_id, "sort": kind.value, "about": subject})
    return None if row is None else _task(row)


def task(conn: Connection, tenant: str, task_id: str) -> Task | None:
    row = conn.execute(select(tasks).where(tasks.c.tenant == tenant, tasks.c.task_id == task_id)).one_or_none()
    return None if row is None else _task(row)


def list_tasks(
    conn: Connection, tenant: str, *, kinds: tuple[TaskKind, ...] = (), open_only: bool = True, limit: int = 100
) -> list[Task]:
    """A tenant's tasks, newest first."""
    query = select(tasks).where(tasks.c.tenant == tenant)
    if kinds:
        query = query.where(tasks.c.kind.in_([kind.value for kind in kinds]))
    if open_only:
        query = query.where(OPEN)
    rows = conn.execute(query.order_by(tasks.c.made_at_ms.desc(), tasks.c.task_id).limit(limit))
    return [_task(row) for row in rows]


def claim(conn: Connection, task_id: str, actor: str, now_ms: int) -> bool:
    """Whether it was still open and nobody's."""
    free = (tasks.c.task_id == task_id) & (tasks.c.state == TaskState.OPEN.value)
    changed = conn.execute(
        update(tasks).where(free).values(state=TaskState.CLAIMED.value, claimed_by=actor, claimed_at_ms=now_ms)
    )
    return changed.rowcount == 1


def finish(conn: Connection, task_id: str, actor: str, outcome: str, now_ms: int) -> bool:
    """Whether it was not done before."""
    changed = conn.execute(
        update(tasks)
        .where(tasks.c.task_id == task_id, OPEN)
        .values(state=TaskState.DONE.value, done_by=actor, done_at_ms=now_ms, outcome=outcome)
    )
    return changed.rowcount == 1


def finish_about(conn: Connection, locker_id: str, kind: TaskKind, subject: str, outcome: str, now_ms: int) -> bool:
    """An event did it: whether there was such a task."""
    known = open_task(conn, locker_id, kind, subject)
    return known is not None and finish(conn, known.task_id, "event", outcome, now_ms)


def parcels_to_retrieve(conn: Connection, locker_id: str) -> list[str]:
    """What the next courier shall take out, by parcel id."""
    return [row.subject for row in _TO_RETRIEVE.all(conn, {"locker": locker_id})]


def _change(conn: Connection, task_id: str, **values: Any) -> None:
    conn.execute(update(tasks).where(tasks.c.task_id == task_id).values(**values))


def _task(row: Row[Any]) -> Task:
    return Task(
        row.task_id, row.tenant, TaskKind(row.kind), row.locker_id, row.compartment_no, row.subject,
        tuple(json.loads(row.reasons)), TaskState(row.state), row.made_at_ms, row.claimed_by, row.claimed_at_ms,
        row.done_by, row.done_at_ms, row.outcome,
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_OPEN_TASK = Prepared(
    select(tasks).where(
        tasks.c.locker_id == bindparam("locker"), tasks.c.kind == bindparam("sort"),
        tasks.c.subject == bindparam("about"), OPEN,
    )
)  # fmt: skip
_TO_RETRIEVE = Prepared(
    select(tasks.c.subject)
    .where(tasks.c.locker_id == bindparam("locker"), tasks.c.kind == TaskKind.RETRIEVE.value, OPEN)
    .order_by(tasks.c.subject)
)
