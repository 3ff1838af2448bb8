"""A courier's retrieval visit: parcels whose time is over, and those that the cloud wants back."""

from __future__ import annotations

from edge.core.locker import opening
from edge.core.locker.credentials import Credential
from edge.core.locker.queueing import open_next
from edge.core.locker.session import refuse, start_visit
from edge.core.locker.state import LockerState, Turn


def begin(turn: Turn, credential: Credential, fresh_id: str) -> None:
    """Judged before the credential is consumed."""
    due = due_compartments(turn.state, turn.now.at_ms)
    if not due:
        refuse(turn, "nothing_to_retrieve")
        return
    why = opening.refusal(turn, due[0], "retrieve")
    if why is not None:
        refuse(turn, why)
        return
    start_visit(turn, credential, fresh_id)
    open_next(turn, due, fresh_id)


def due_compartments(state: LockerState, at_ms: int) -> tuple[int, ...]:
    """Compartments in which everything is to be taken out, ascending; nobody sorts parcels at an open door."""
    return tuple(
        sorted(
            no
            for no, slot in state.durable.slots.items()
            if slot.held
            and all(held.parcel_id in state.desired.retrievals or state.expired(held, at_ms) for held in slot.held)
        )
    )
