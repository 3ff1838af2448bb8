"""A claim: somebody says a parcel was not there, or not whole. Kept apart from custody, which is what doors said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ClaimKind(StrEnum):
    EMPTY = "empty"
    DAMAGED = "damaged"


class ClaimState(StrEnum):
    """`ACCEPTED`: the house makes it good. `REJECTED`: what is on record speaks against it."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Claim:
    """`source`: `kiosk` (an event of the device) or `page`; `event_id`: of that event."""

    claim_id: str
    tenant: str
    kind: ClaimKind
    locker_id: str
    compartment_no: int | None
    parcel_id: str
    pickup_id: str
    source: str
    event_id: str
    state: ClaimState
    made_at_ms: int
    note: str = ""
    resolved_by: str = ""
    resolved_at_ms: int | None = None
    resolution: str = ""
