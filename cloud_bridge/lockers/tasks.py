"""Tasks as values: what somebody must do at a locker, why, and how far it is. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """`RETRIEVE`: take a parcel out. `CHECK`: look at a door. `DISPUTE`: settle a claim. `RECONCILE`: walk the whole
    locker. `EMPTY`: take everything out for good. `REVOKE`: withdraw a decommissioned locker's certificate. `REFUND`:
    give money back that came too late or twice."""

    RETRIEVE = "retrieve"
    CHECK = "check"
    DISPUTE = "dispute"
    RECONCILE = "reconcile"
    EMPTY = "empty"
    REVOKE = "revoke"
    REFUND = "refund"


COURIER_KINDS = (TaskKind.RETRIEVE,)


class TaskState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing to do.

    `subject`: a parcel's, claim's, payment's or the locker's id, a door's number or zone:<name>; `reasons`: codes,
    oldest first.
    """

    task_id: str
    tenant: str
    kind: TaskKind
    locker_id: str
    compartment_no: int | None
    subject: str
    reasons: tuple[str, ...]
    state: TaskState
    made_at_ms: int
    claimed_by: str = ""
    claimed_at_ms: int | None = None
    done_by: str = ""
    done_at_ms: int | None = None
    outcome: str = ""
