"""The only SQL on a locker's upkeep: when it is walked through next, and how far its decommissioning is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Column, Connection, Table, bindparam, select, update

from cloud_bridge.errors import NotPossibleNow
from cloud_bridge.lockers.tables import lockers
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

WEEK_MS = 7 * 24 * 3600 * 1000
upkeep = Table(
    "locker_upkeep",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("reconcile_due_at_ms", Whole, nullable=False, index=True),
    Column("leaving", Words, nullable=False, comment="empty: in service"),
    Column("leaving_changed_at_ms", Whole),
    Column("leaving_reason", Words, nullable=False),
)


class Leaving(StrEnum):
    """How far a decommissioning is. `DECOMMISSIONED`: empty and wiped; what it signed and our receipts stay."""

    IN_SERVICE = ""
    REQUESTED = "requested"
    STARTED = "started"
    DECOMMISSIONED = "decommissioned"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """`reconcile_due_at_ms`: when somebody must compare what should be where with what is."""

    locker_id: str
    reconcile_due_at_ms: int
    leaving: Leaving
    changed_at_ms: int | None
    reason: str


def begin_upkeep(conn: Connection, locker_id: str, now_ms: int) -> None:
    """A locker is walked through a week after it was installed, and then every week."""
    values = {
        "locker_id": locker_id, "reconcile_due_at_ms": now_ms + WEEK_MS, "leaving": "", "leaving_reason": ""
    }  # fmt: skip
    upsert(conn, upkeep, values, keys=("locker_id",), change=())


def upkeep_of(conn: Connection, locker_id: str) -> Upkeep | None:
    row = _UPKEEP.first(conn, {"locker": locker_id})
    if row is None:
        return None
    return Upkeep(
        row.locker_id, row.reconcile_due_at_ms, Leaving(row.leaving), row.leaving_changed_at_ms, row.leaving_reason
    )  # fmt: skip


def refuse_leaving(conn: Connection, locker_id: str) -> None:
    """Raises NotPossibleNow when the locker takes no parcels any more."""
    found = upkeep_of(conn, locker_id)
    if found is not None and found.leaving is not Leaving.IN_SERVICE:
        raise NotPossibleNow("the locker is being taken away", where=locker_id, remedy="Use another locker.")


def set_leaving(conn: Connection, locker_id: str, state: Leaving, reason: str | None, now_ms: int) -> None:
    """`reason` None: the one that was given before stays."""
    begin_upkeep(conn, locker_id, now_ms)
    values = {"leaving": state.value, "leaving_changed_at_ms": now_ms}
    if reason is not None:
        values["leaving_reason"] = reason
    conn.execute(update(upkeep).where(upkeep.c.locker_id == locker_id).values(**values))


def due_reconciliations(conn: Connection, now_ms: int, limit: int) -> list[tuple[str, str]]:
    """(locker_id, tenant) of lockers in service that nobody has walked through for a week."""
    rows = conn.execute(
        select(upkeep.c.locker_id, lockers.c.tenant)
        .join(lockers, lockers.c.locker_id == upkeep.c.locker_id)
        .where(upkeep.c.reconcile_due_at_ms <= now_ms, upkeep.c.leaving == "")
        .order_by(upkeep.c.reconcile_due_at_ms)
        .limit(limit)
    )
    return [(row.locker_id, row.tenant) for row in rows]


def next_reconciliation(conn: Connection, locker_id: str, from_ms: int) -> None:
    """A week from then."""
    conn.execute(update(upkeep).where(upkeep.c.locker_id == locker_id).values(reconcile_due_at_ms=from_ms + WEEK_MS))


_UPKEEP = Prepared(select(upkeep).where(upkeep.c.locker_id == bindparam("locker")))
