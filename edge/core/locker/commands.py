"""Remote commands: accepted once, answered with their first outcome for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.core.locker import doors
from edge.core.locker.custody import abandon, leave_unverified
from edge.core.locker.doors import derive_id
from edge.core.locker.model import CommandReceived
from edge.core.locker.state import Turn, printable
from edge.wire.messages import Command

STAFF_CAUSES = frozenset({"inspect", "retrieve", "collect"})
DISABLING_ALARMS = ("door_did_not_open", "custody_unverified")


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
    turn.record(
        "command_accepted",
        command_id=command.command_id,
        type=command.type,
        actor=printable(command.actor),
        reason=printable(command.reason),
    )
    _KINDS[command.type].work(turn, command, event.fresh_id)


def _problem(turn: Turn, command: Command) -> str | None:
    if command.device_id != turn.state.device_id:
        return "foreign_device"
    if turn.state.nonce is None or command.nonce != turn.state.nonce:
        return "foreign_session"
    if turn.now.clock != "synced":
        return "clock_not_synced"
    if turn.now.at_ms >= command.expires_at_ms:
        return "expired"
    kind = _KINDS.get(command.type)
    return "unknown_type" if kind is None else kind.problem(turn, command.args)


def _may_open(turn: Turn, args: Mapping[str, Any]) -> str | None:
    purpose = args.get("purpose", "inspect")
    if type(args.get("compartment_no")) is not int or type(purpose) is not str or purpose not in STAFF_CAUSES:
        return "bad_arguments"
    return doors.refusal(turn, args["compartment_no"], staff=True, inspect=purpose == "inspect")


def _open(turn: Turn, command: Command, fresh_id: str) -> None:
    visit_id = derive_id(fresh_id, "visit")
    turn.record("visit_started", visit_id=visit_id, kind="remote")
    doors.authorise(
        turn,
        command.args["compartment_no"],
        authority_id=derive_id(fresh_id, "authority"),
        visit_id=visit_id,
        cause=command.args.get("purpose", "inspect"),
        command=command,
    )


def _may_enable(turn: Turn, args: Mapping[str, Any]) -> str | None:
    no = args.get("compartment_no")
    if type(no) is not int:
        return "bad_arguments"
    if turn.state.compartment(no) is None:
        return "no_such_compartment"
    return None if turn.state.durable.slot(no).disabled else "not_disabled"


def _enable(turn: Turn, command: Command, _fresh_id: str) -> None:
    """Somebody has looked at it: in service again, and what put it out of service is settled."""
    no = command.args["compartment_no"]
    turn.record("compartment_enabled", compartment_no=no)
    for alarm in DISABLING_ALARMS:
        turn.clear_alarm(alarm, str(no))
    turn.record("command_finished", command_id=command.command_id, outcome="enabled")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A command's rule: why it cannot be done now (or None), and the work."""

    problem: Callable[[Turn, Mapping[str, Any]], str | None]
    work: Callable[[Turn, Command, str], None]


_KINDS: Mapping[str, _Kind] = {
    "open_compartment": _Kind(_may_open, _open),
    "enable_compartment": _Kind(_may_enable, _enable),
}


def command_settled(turn: Turn, authority_id: str, outcome: str) -> None:
    """The pulse of a command has its outcome: answer it. Its visit lives on while the door may still move."""
    authority = turn.state.durable.authorities.get(authority_id)
    if authority is None or authority.command_id is None:
        return
    turn.record("command_finished", command_id=authority.command_id, outcome=outcome)
    if outcome == "did_not_open":
        abandon(turn, authority.visit_id, "did_not_open")
    elif outcome == "unverified" and authority.compartment_no in turn.state.durable.custody:
        leave_unverified(turn, authority.compartment_no)
    turn.record("visit_ended", visit_id=authority.visit_id, reason=outcome)
