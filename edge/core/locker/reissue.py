"""A raised generation: the older PIN is withdrawn at once, and a new counter is chosen among the live codes."""

from __future__ import annotations

from edge.core.locker.doors import derive_id
from edge.core.locker.model import ChooseCounter, CounterChosen
from edge.core.locker.state import Turn


def begin(turn: Turn) -> None:
    """Ask for the counter of the next pickup that needs one; one at a time, so that two never collide."""
    outdated = turn.state.outdated_pickups()
    if turn.state.reissuing is not None or not outdated or not turn.state.durable.restored:
        return
    pickup_id, generation = outdated[0]
    request_id = derive_id(f"{pickup_id}/{generation}", "reissue")
    turn.set(reissuing=(request_id, pickup_id, generation))
    turn.emit(ChooseCounter(request_id, pickup_id, generation, turn.state.live_codes()))


def chosen(turn: Turn, event: CounterChosen) -> bool:
    """Record the new code if this answer is for it. Without a PIN key the pickup stays with its QR code alone."""
    pending = turn.state.reissuing
    if pending is None or pending[0] != event.request_id:
        return False
    turn.set(reissuing=None)
    _, pickup_id, generation = pending
    if event.counter is not None and (pickup_id, generation) in turn.state.outdated_pickups():
        turn.record("pin_reissued", pickup_id=pickup_id, pin_generation=generation, pin_counter=event.counter)
        begin(turn)
    return True
