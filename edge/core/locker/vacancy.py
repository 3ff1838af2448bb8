"""Which compartments the device may give away by itself: empty, shut, in service, promised to nobody."""

from __future__ import annotations

from edge.core.locker.desired import Compartment
from edge.core.locker.state import LockerState
from edge.ports import DoorState, Now


def vacant(state: LockerState, now: Now, parcel_id: str | None = None) -> tuple[Compartment, ...]:
    """By number; what is reserved for `parcel_id` itself counts as vacant, what this visit gave up does not."""
    taken = _promised(state, now, parcel_id) | set(state.session.given_up)
    return tuple(item for item in state.compartments() if item.no not in taken and problem(state, item.no) is None)


def problem(state: LockerState, no: int) -> str | None:
    """Why nothing can be put in there now: `out_of_service`, `occupied`, or None."""
    slot = state.durable.slot(no)
    if slot.disabled is not None:
        return "out_of_service"
    if slot.held or slot.door is DoorState.OPEN or state.occupied.get(no) or no in state.durable.custody:
        return "occupied"
    return "occupied" if any(pulsing.compartment_no == no for pulsing in state.pulsing.values()) else None


def _promised(state: LockerState, now: Now, parcel_id: str | None) -> set[int]:
    """Compartments that reservations hold for parcels still to come."""
    here = {held.parcel_id for slot in state.durable.slots.values() for held in slot.held}
    return {
        item.compartment_no
        for item in state.desired.reservations.values()
        if item.parcel_id != parcel_id and item.parcel_id not in here and now.at_ms < item.expires_at_ms
    }
