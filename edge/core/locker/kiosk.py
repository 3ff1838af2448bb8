"""What reaches the kiosk's session from outside: scans, doors, pulses, time. Each goes to the flow it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.locker import collecting, depositing, maintaining, opening, queueing, reconciling, retrieving, swapping
from edge.core.locker.credentials import Credential, open_credential, wears_token
from edge.core.locker.custody import leave_unverified, settle_custody
from edge.core.locker.label import check_scan
from edge.core.locker.model import Scanned
from edge.core.locker.session import TAKES_CREDENTIALS, end_visit, refuse, touch
from edge.core.locker.state import Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace
from edge.ports import DoorState
from edge.wire.errors import WireError
from edge.wire.pickup_claims import Operation

_AT_DOOR = frozenset({Step.DOOR_OPEN, Step.OPENING, Step.RETRY})
_STAFF = frozenset({Operation.RETRIEVE, Operation.MAINTAIN})
# Whose credential begins what.
VISITS: Mapping[Operation, Callable[[Turn, Credential, str], None]] = {
    Operation.COLLECT: collecting.begin,
    Operation.DROP_OFF: depositing.begin_drop_off,
    Operation.DEPOSIT: depositing.begin,
    Operation.RETRIEVE: retrieving.begin,
    Operation.MAINTAIN: maintaining.begin,
}


def scanned(turn: Turn, event: Scanned) -> None:
    """A code under the scanner: a credential starts a visit, a label within a courier's visit starts a deposit."""
    try:
        text = check_scan(event.text)
    except WireError:
        refuse(turn, "scan_not_understood")
        return
    step = turn.state.session.step
    if step is Step.SECOND:
        maintaining.second_scanned(turn, text, event.fresh_id)
    elif wears_token(text):
        _credential_scanned(turn, text, event.fresh_id)
    elif step is Step.LABEL:
        depositing.label_scanned(turn, text, event.fresh_id)
    else:
        refuse(turn, "show_courier_code_first")


def _credential_scanned(turn: Turn, text: str, fresh_id: str) -> None:
    durable = turn.state.durable
    emptying = durable.decommissioning is not None and not durable.decommissioned
    ready = durable.restored and turn.state.writable
    if turn.state.session.step not in TAKES_CREDENTIALS and not (emptying and ready and _nobody(turn)):
        return
    found = open_credential(text, turn.state, turn.now)
    if not isinstance(found, str) and durable.decommissioning is not None and found.operation not in _STAFF:
        found = "decommissioning"
    if isinstance(found, str):
        turn.record("qr_refused", reason=found)
        refuse(turn, found)
        return
    VISITS[found.operation](turn, found, fresh_id)


def _nobody(turn: Turn) -> bool:
    return turn.state.session.step is Step.CLOSED


# --- doors ---------------------------------------------------------------------------------------------------


def door_moved(turn: Turn, no: int, what: str, fresh_id: str) -> None:
    """`opened` or `closed` at the session's compartment moves it on."""
    session = turn.state.session
    here = session.compartment_no == no and session.step in _AT_DOOR and session.purpose != "open_all"
    if what == "opened":
        if here and session.step is not Step.DOOR_OPEN:
            turn.go(Step.DOOR_OPEN, message="door_open")
            touch(turn)
        return
    custody = turn.state.durable.custody.get(no)
    attended = here and custody is not None and custody.opened and custody.visit_id == session.visit_id
    settled = settle_custody(turn, no, attended=attended)
    if here and (settled or no not in turn.state.durable.custody or attended):
        _after_door(turn, no, settled, fresh_id)


def _after_door(turn: Turn, no: int, settled: bool, fresh_id: str) -> None:
    """The session's door is shut: what this flow does next."""
    session = turn.state.session
    if session.purpose == "deposit":
        if settled or session.swap is not None:
            depositing.door_closed(turn, no, fresh_id)
    elif session.purpose == "reopen":
        swapping.reopened_closed(turn, no, settled=settled)
    elif session.purpose == "reconcile":
        reconciling.ask(turn)
    elif session.purpose == "maintain":
        queueing.to_menu(turn, "menu")
    elif settled and session.queue:
        queueing.open_next(turn, session.queue, fresh_id)
    elif settled:
        queueing.finish(turn)


def pulse_settled(turn: Turn, no: int, outcome: str) -> None:
    """A pulse of the session's door has its outcome."""
    session = turn.state.session
    if session.compartment_no != no or session.step is not Step.OPENING:
        return
    if session.purpose == "open_all":
        if outcome == "did_not_open":
            turn.alarm("door_did_not_open", str(no))
        queueing.open_next(turn, session.queue)
    else:
        opening.pulse_settled(turn, no, outcome)


def confirm_blind(turn: Turn, fresh_id: str) -> None:
    """A board without a door sensor: the person's word ends the step, and the record says `unverified` before it."""
    session = turn.state.session
    no = session.compartment_no
    assert no is not None
    custody = turn.state.durable.custody.get(no)
    settled = False
    if custody is not None and (custody.cause != "reopen" or turn.state.occupied.get(no) is not None):
        opened = {**turn.state.durable.custody, no: replace(custody, opened=True)}
        turn.set(durable=replace(turn.state.durable, custody=opened))
        settled = settle_custody(turn, no, attended=True)
    _after_door(turn, no, settled, fresh_id)


# --- time ----------------------------------------------------------------------------------------------------


def timed_out(turn: Turn) -> None:
    """Nobody has touched the kiosk for a while. A visit never ends under an open door."""
    session = turn.state.session
    no = session.compartment_no
    if session.step in (Step.IDLE, Step.CLOSED):
        return
    if session.step is Step.CONFIRM and no is not None:
        leave_unverified(turn, no)
    elif session.step in (Step.DOOR_OPEN, Step.OPENING) and no is not None:
        door = turn.state.durable.slot(no).door
        if door is DoorState.OPEN or turn.pulse_under_way(no):
            _stay(turn)
            return
        if door is DoorState.UNKNOWN and no in turn.state.durable.custody:
            leave_unverified(turn, no)
    end_visit(turn, "idle", Step.IDLE, "")


def _stay(turn: Turn) -> None:
    touch(turn)
    turn.set(session=replace(turn.state.session, idle_until_mono_ms=None))
