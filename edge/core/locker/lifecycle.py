"""Boot, configuration, storage and boards: what happens to a locker without a person."""

from __future__ import annotations

from edge.core.locker import commands, doors, reissue, zones
from edge.core.locker.custody import abandon, compare_contents, leave_unverified, settle_custody
from edge.core.locker.desired import Desired
from edge.core.locker.model import BoardChanged, DesiredReceived, Started, StartTimer, StorageChanged
from edge.core.locker.state import Session, Turn
from edge.core.locker.steps import Step
from edge.core.replacement import replace
from edge.ports import DoorState


def started(turn: Turn, event: Started) -> None:
    """A boot: nothing is pulsed; what was under way is written down as unknown and watched, never repeated."""
    durable = turn.state.durable
    turn.record("agent_started", version=event.version, reason=event.reason)
    watched: dict[int, str] = {}
    for authority_id, authority in durable.authorities.items():
        if authority.ended:
            continue
        no = authority.compartment_no
        door = durable.slot(no).door
        turn.record("unlock_unknown", authority_id=authority_id, compartment_no=no, door=door.value)
        watched[no] = authority_id
    for no in durable.custody:  # a second restart before the door was read: still explained by what began it
        if (newest := durable.newest_authority(no)) is not None:
            watched.setdefault(no, newest)
    turn.set(after_crash=watched, pulsing={}, nonce=None)
    for command_id, outcome in durable.commands.items():
        if outcome == "accepted":
            turn.record("command_finished", command_id=command_id, outcome="outcome_unknown")
    for visit_id in durable.visits:
        turn.record("visit_ended", visit_id=visit_id, reason="restart")
    for no in durable.custody:
        if durable.slot(no).door is DoorState.UNKNOWN:
            leave_unverified(turn, no)
    for no, slot in durable.slots.items():
        if slot.door is DoorState.OPEN:
            turn.emit(StartTimer(f"left_open:{no}", turn.state.limits.left_open_ms))
    turn.set(session=Session(step=Step.CLOSED))
    _open_or_close(turn)


def settle_after_crash(turn: Turn, no: int) -> None:
    """First reading after a boot: a closed door with custody under way that was never seen open.

    With an occupancy sensor the compartment itself says what happened; without one nobody may guess.
    """
    custody = turn.state.durable.custody.get(no)
    if custody is None or custody.opened or custody.visit_id in turn.state.durable.visits:
        return
    if turn.state.durable.slot(no).door is not DoorState.CLOSED or turn.pulse_under_way(no):
        return
    occupied = turn.state.occupied.get(no)
    if occupied is None:
        leave_unverified(turn, no)
        return
    opened = {**turn.state.durable.custody, no: replace(custody, opened=True)}
    turn.set(durable=replace(turn.state.durable, custody=opened))
    settle_custody(turn, no)


def desired_received(turn: Turn, event: DesiredReceived) -> None:
    """A verified desired document. Older than what is followed: refused, on record."""
    wanted, durable = event.desired, turn.state.durable
    order = (wanted.epoch, wanted.version)
    current = (durable.desired_epoch, durable.desired_version)
    problem = event.problem or ("outdated" if order < current else None)
    if problem is not None:
        turn.record("desired_refused", epoch=wanted.epoch, version=wanted.version, reason=problem)
        return
    turn.set(desired=wanted)
    if order > current:
        turn.record("desired_applied", epoch=wanted.epoch, version=wanted.version, sha256=wanted.sha256)
    if not durable.restored:
        _restore(turn, wanted)
    reissue.begin(turn)
    zones.judge_all(turn)
    _open_or_close(turn)


def _restore(turn: Turn, wanted: Desired) -> None:
    """The cloud's snapshot for this very stream: contents, used credentials, attempts."""
    snapshot = wanted.restore
    if snapshot is None or snapshot.get("stream") != turn.state.stream:
        return
    for held in snapshot.get("contents", ()):
        turn.record("compartment_restored", **held)
    for used in snapshot.get("used", ()):
        turn.record("credential_restored", **used)
    wrong = snapshot.get("wrong_in_row", 0)
    turn.record("cloud_snapshot_restored", epoch=wanted.epoch, version=wanted.version, wrong_in_row=wrong)
    for no in turn.state.occupied:
        compare_contents(turn, no)


def storage_changed(turn: Turn, event: StorageChanged) -> None:
    """No durable event, no door: the kiosk closes until the log takes events again."""
    if event.writable == turn.state.writable:
        if not event.writable:  # told again: the alarm may draw on the log's reserve, and is refused alone
            _alarm_full(turn)
        return
    turn.set(writable=event.writable)
    if event.writable:
        # More than alarms, so that the commit cannot come out of the reserve: the log does take events again.
        turn.record("heartbeat", uptime_s=turn.now.mono_ms // 1000)
        _alarm_full(turn)
        turn.clear_alarm("storage_full")
        _give_up_cut_short(turn)
        turn.set(reissuing=None)
        reissue.begin(turn)
    else:
        turn.set(pulsing={key: value for key, value in turn.state.pulsing.items() if value.sent})
    _open_or_close(turn)


def _alarm_full(turn: Turn) -> None:
    turn.alarm("storage_full", detail="events cannot be written; doors stay closed")


def _give_up_cut_short(turn: Turn) -> None:
    """What the full log cut short is ended on record: authorities that never became a pulse, the kiosk's visit."""
    for authority_id, authority in turn.state.durable.authorities.items():
        if not authority.ended and authority_id not in turn.state.pulsing:
            doors.finish_unsent(turn, authority_id, authority.compartment_no)
            commands.command_settled(turn, authority_id, "did_not_open")
    for visit_id, visit in turn.state.durable.visits.items():
        if visit.kind != "remote":
            abandon(turn, visit_id, "storage_full")
            turn.record("visit_ended", visit_id=visit_id, reason="storage_full")


def give_up_orphan(turn: Turn, no: int, outcome: str) -> None:
    """A pulse has its outcome after its visit had ended: what it was for is given up when the door stayed shut."""
    custody = turn.state.durable.custody.get(no)
    if outcome == "did_not_open" and custody is not None and custody.visit_id not in turn.state.durable.visits:
        abandon(turn, custody.visit_id, outcome)


def _open_or_close(turn: Turn) -> None:
    durable = turn.state.durable
    step = turn.state.session.step
    if not durable.restored or not turn.state.writable:
        message = "storage_full" if not turn.state.writable else "waiting_for_cloud"
        turn.set(session=Session(step=step))
        turn.go(Step.CLOSED, message=message)
    elif durable.decommissioning is not None:
        if turn.state.session.visit_id is None:
            turn.go(Step.CLOSED, message="decommissioned" if durable.decommissioned else "decommissioning")
    elif step is Step.CLOSED:
        turn.go(Step.IDLE, message="")


def finish_decommission(turn: Turn) -> None:
    """Nothing lies in the locker any more and nothing is under way: it is out of use for good."""
    durable = turn.state.durable
    busy = durable.visits or durable.custody or turn.state.pulsing
    if durable.decommissioning is None or busy or any(slot.held for slot in durable.slots.values()):
        return
    turn.record("decommissioned", command_id=durable.decommissioning)
    turn.go(Step.CLOSED, message="decommissioned")


def board_changed(turn: Turn, event: BoardChanged) -> None:
    """A lock board vanished or came back: recorded, alarmed, and the other boards go on."""
    if event.answers:
        turn.record("board_found", module=event.module)
        turn.clear_alarm("board_lost", event.module)
    else:
        turn.record("board_lost", module=event.module)
        turn.alarm("board_lost", event.module)
