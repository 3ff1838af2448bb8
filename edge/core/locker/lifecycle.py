"""Boot, configuration, storage, boards and remote commands: everything that is not a person at the kiosk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from edge.core.locker import doors, reissue
from edge.core.locker.doors import derive_id
from edge.core.locker.model import (
    BoardChanged,
    CommandReceived,
    Desired,
    DesiredReceived,
    Started,
    Step,
    StorageChanged,
)
from edge.core.locker.state import Session, Turn
from edge.ports import DoorState
from edge.wire.messages import Command

STAFF_CAUSES = frozenset({"inspect", "retrieve", "collect"})


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
    turn.set(after_crash=watched, pulsing={}, nonce=None)
    for command_id, outcome in durable.commands.items():
        if outcome == "accepted":
            turn.record("command_finished", command_id=command_id, outcome="outcome_unknown")
    for visit_id in durable.visits:
        turn.record("visit_ended", visit_id=visit_id, reason="restart")
    turn.set(session=Session(step=Step.CLOSED))
    _open_or_close(turn)


def settle_after_crash(turn: Turn, no: int) -> None:
    """First reading after a boot: a closed door with custody under way that was never seen open.

    With an occupancy sensor the compartment itself says what happened; without one nobody may guess.
    """
    custody = turn.state.durable.custody.get(no)
    if custody is None or custody.opened or custody.visit_id in turn.state.durable.visits:
        return
    if turn.state.durable.slot(no).door is not DoorState.CLOSED:
        return
    occupied = turn.state.occupied.get(no)
    if occupied is None:
        turn.record("compartment_disabled", compartment_no=no, reason="unverified")
        turn.alarm("custody_unverified", str(no))
        return
    opened = {**turn.state.durable.custody, no: replace(custody, opened=True)}
    turn.set(durable=replace(turn.state.durable, custody=opened))
    doors.settle_custody(turn, no)


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


def storage_changed(turn: Turn, event: StorageChanged) -> None:
    """No durable event, no door: the kiosk closes until the log takes events again."""
    if event.writable == turn.state.writable:
        return
    turn.set(writable=event.writable)
    if event.writable:
        turn.record("alarm_raised", alarm="storage_full", detail="events could not be written; doors stayed closed")
        turn.record("alarm_cleared", alarm="storage_full")
    else:
        unsent = {key: value for key, value in turn.state.pulsing.items() if value.sent}
        turn.set(pulsing=unsent)
    _open_or_close(turn)


def _open_or_close(turn: Turn) -> None:
    open_for_public = turn.state.durable.restored and turn.state.writable
    step = turn.state.session.step
    if not open_for_public:
        message = "storage_full" if not turn.state.writable else "waiting_for_cloud"
        turn.go(Step.CLOSED, message=message, visit_id=None, compartment_no=None, deposit=None, queue=())
    elif step is Step.CLOSED:
        turn.go(Step.IDLE, message="")


def board_changed(turn: Turn, event: BoardChanged) -> None:
    """A lock board vanished or came back: recorded, alarmed, and the other boards go on."""
    if event.answers:
        turn.record("board_found", module=event.module)
        turn.clear_alarm("board_lost", event.module)
    else:
        turn.record("board_lost", module=event.module)
        turn.alarm("board_lost", event.module)


# --- commands ------------------------------------------------------------------------------------------------


def command_received(turn: Turn, event: CommandReceived) -> None:
    """A signed command: accepted once, answered with its first outcome for ever."""
    command = event.command
    known = turn.state.durable.commands.get(command.command_id)
    if known is not None:
        if known != "accepted" and event.problem is None:
            turn.record("command_finished", command_id=command.command_id, outcome=known)
        return
    problem = event.problem or _problem(turn, command)
    if problem is not None:
        turn.record("command_refused", command_id=command.command_id, reason=problem)
        return
    _open_by_command(turn, command, event.fresh_id)


def _problem(turn: Turn, command: Command) -> str | None:
    if command.device_id != turn.state.device_id:
        return "foreign_device"
    if turn.state.nonce is None or command.nonce != turn.state.nonce:
        return "foreign_session"
    if turn.now.clock != "synced":
        return "clock_not_synced"
    if turn.now.at_ms >= command.expires_at_ms:
        return "expired"
    if command.type != "open_compartment":
        return "unknown_type"
    if not _valid_args(command.args):
        return "bad_arguments"
    return doors.refusal(turn, command.args["compartment_no"], staff=True)


def _valid_args(args: Mapping[str, Any]) -> bool:
    return type(args.get("compartment_no")) is int and args.get("purpose", "inspect") in STAFF_CAUSES


def _open_by_command(turn: Turn, command: Command, fresh_id: str) -> None:
    visit_id = derive_id(fresh_id, "visit")
    turn.record(
        "command_accepted",
        command_id=command.command_id,
        type=command.type,
        actor=command.actor,
        reason=command.reason,
    )
    turn.record("visit_started", visit_id=visit_id, kind="remote")
    doors.authorise(
        turn,
        command.args["compartment_no"],
        authority_id=derive_id(fresh_id, "authority"),
        visit_id=visit_id,
        cause=command.args.get("purpose", "inspect"),
        command=command,
    )


def command_settled(turn: Turn, authority_id: str, outcome: str) -> None:
    """The pulse of a command has its outcome: answer it. Its visit lives on while the door may still move."""
    authority = turn.state.durable.authorities.get(authority_id)
    if authority is None or authority.command_id is None:
        return
    turn.record("command_finished", command_id=authority.command_id, outcome=outcome)
    if outcome == "did_not_open":
        doors.abandon(turn, authority.visit_id, "did_not_open")
    turn.record("visit_ended", visit_id=authority.visit_id, reason=outcome)
