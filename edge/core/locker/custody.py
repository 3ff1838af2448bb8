"""What a door's opening and closing means for the parcels behind it."""

from __future__ import annotations

from edge.core.locker.durable import Custody
from edge.core.locker.state import Turn
from edge.ports import DoorState


def settle_custody(turn: Turn, no: int) -> bool:
    """The door has opened and closed: record what that means for the parcels. True if something was under way."""
    custody = turn.state.durable.custody.get(no)
    if custody is None or not custody.opened:
        return False
    occupied = turn.state.occupied.get(no)
    if custody.cause == "deposit":
        _settle_deposit(turn, no, custody, occupied)
    elif occupied:
        turn.record("collect_abandoned", compartment_no=no, visit_id=custody.visit_id, reason="still_there")
    else:
        _record_out(turn, no, custody)
    return True


def _settle_deposit(turn: Turn, no: int, custody: Custody, occupied: bool | None) -> None:
    held = custody.held[0]
    if occupied is False:
        turn.record(
            "deposit_abandoned",
            parcel_id=held.parcel_id,
            compartment_no=no,
            visit_id=custody.visit_id,
            reason="empty",
        )
        return
    turn.record(
        "parcel_deposited",
        parcel_id=held.parcel_id,
        compartment_no=no,
        visit_id=custody.visit_id,
        pickup_id=held.pickup_id,
        reservation_id=held.reservation_id,
        pin_generation=held.generation,
        pin_counter=held.counter,
    )


def _record_out(turn: Turn, no: int, custody: Custody) -> None:
    if not custody.held:
        turn.record("collect_abandoned", compartment_no=no, visit_id=custody.visit_id, reason="was_empty")
    for held in custody.held:
        if custody.cause == "retrieve":
            turn.record(
                "parcel_retrieved",
                parcel_id=held.parcel_id,
                compartment_no=no,
                visit_id=custody.visit_id,
                reason="retrieved",
            )
        else:
            turn.record(
                "parcel_collected",
                parcel_id=held.parcel_id,
                compartment_no=no,
                visit_id=custody.visit_id,
                pickup_id=held.pickup_id,
            )


def leave_unverified(turn: Turn, no: int) -> None:
    """Nobody can say what happened behind this door: out of service until somebody has looked."""
    turn.record("compartment_disabled", compartment_no=no, reason="unverified")
    turn.alarm("custody_unverified", str(no))


def compare_contents(turn: Turn, no: int) -> None:
    """A closed door whose occupancy sensor contradicts the record: somebody is told, the record stays as it is."""
    slot, occupied = turn.state.durable.slot(no), turn.state.occupied.get(no)
    if occupied is None or slot.door is not DoorState.CLOSED or not turn.state.durable.restored:
        return
    if no in turn.state.durable.custody or turn.pulse_under_way(no):
        return
    if occupied == bool(slot.held):
        turn.clear_alarm("contents_differ", str(no))
    else:
        turn.alarm("contents_differ", str(no), "occupied, nothing recorded" if occupied else "empty, parcel recorded")


def abandon(turn: Turn, visit_id: str, reason: str) -> None:
    """A visit ends: what it had begun and no door ever confirmed is given up, on record."""
    for no, custody in tuple(turn.state.durable.custody.items()):
        if custody.visit_id != visit_id or custody.opened or turn.pulse_under_way(no):
            continue
        if custody.cause == "deposit":
            turn.record(
                "deposit_abandoned",
                parcel_id=custody.held[0].parcel_id,
                compartment_no=no,
                visit_id=visit_id,
                reason=reason,
            )
        else:
            turn.record("collect_abandoned", compartment_no=no, visit_id=visit_id, reason=reason)
