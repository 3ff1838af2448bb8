"""What a door's opening and closing means for the parcels behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.locker.durable import Custody
from edge.core.locker.state import Turn
from edge.ports import DoorState

DISPUTES = frozenset({"empty", "damaged"})
# By cause: the reason that `parcel_retrieved` states.
_RETRIEVED = {"retrieve": "retrieved", "reopen": "reopened", "maintain": "decommissioned", "open_all": "decommissioned"}


def settle_custody(turn: Turn, no: int, *, attended: bool = False) -> bool:
    """The door has opened and closed: record what that means for the parcels. True if something was under way.

    `attended`: the person of that visit stands there and can be asked what no sensor knows.
    """
    custody = turn.state.durable.custody.get(no)
    if custody is None or not custody.opened:
        return False
    occupied = turn.state.occupied.get(no)
    if custody.cause == "reopen" and occupied is None:
        if not attended:
            leave_unverified(turn, no)
        return not attended
    _SETTLED.get(custody.cause, _settle_taking)(turn, no, custody, occupied)
    if custody.claim in DISPUTES:
        turn.record("compartment_disabled", compartment_no=no, reason="disputed")
    return True


def _settle_deposit(turn: Turn, no: int, custody: Custody, occupied: bool | None) -> None:
    """The door's word counts: a parcel that is in after all is deposited, whatever was said of its size."""
    held = custody.held[0]
    if occupied is False or (custody.claim is not None and occupied is None):
        turn.record(
            "deposit_abandoned",
            parcel_id=held.parcel_id,
            compartment_no=no,
            visit_id=custody.visit_id,
            reason=custody.claim or "empty",
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
        collect_by_ms=held.collect_by_ms,
        origin=held.origin,
    )


def _settle_taking(turn: Turn, no: int, custody: Custody, occupied: bool | None) -> None:
    if custody.claim == "empty":
        _still_there(turn, no, custody, "disputed")
    elif occupied:
        _still_there(turn, no, custody, "still_there")
    else:
        record_out(turn, no, custody)


def _still_there(turn: Turn, no: int, custody: Custody, reason: str) -> None:
    turn.record("collect_abandoned", compartment_no=no, visit_id=custody.visit_id, reason=reason)


_SETTLED: Mapping[str, Callable[[Turn, int, Custody, bool | None], None]] = {"deposit": _settle_deposit}


def record_out(turn: Turn, no: int, custody: Custody) -> None:
    """What was in there is out: collected by its recipient, or taken out by staff, and why."""
    if not custody.held:
        _still_there(turn, no, custody, "was_empty")
    for held in custody.held:
        if custody.cause in _RETRIEVED:
            turn.record(
                "parcel_retrieved",
                parcel_id=held.parcel_id,
                compartment_no=no,
                visit_id=custody.visit_id,
                reason=_RETRIEVED[custody.cause],
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
