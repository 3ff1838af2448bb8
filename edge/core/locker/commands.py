"""Remote commands: accepted once, answered with their first outcome for ever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.core.locker import doors
from edge.core.locker.custody import abandon, leave_unverified
from edge.core.locker.doors import derive_id
from edge.core.locker.maintaining import enable
from edge.core.locker.model import CommandReceived
from edge.core.locker.state import Turn, printable
from edge.core.locker.steps import Step
from edge.wire.event_types import CODE
from edge.wire.messages import Command

STAFF_CAUSES = frozenset({"inspect", "retrieve", "collect"})
RECIPIENT = "pickup:"  # the actor that a recipient's own page speaks for, with the pickup's id


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
    return "unknown_type" if kind is None else kind.problem(turn, command)


def _may_open(turn: Turn, command: Command) -> str | None:
    args = command.args
    no, purpose = args.get("compartment_no"), args.get("purpose", "inspect")
    if type(no) is not int or type(purpose) is not str or purpose not in STAFF_CAUSES:
        return "bad_arguments"
    if command.actor.startswith(RECIPIENT):
        return _recipient_may_open(turn, no, purpose, command.actor.removeprefix(RECIPIENT))
    return doors.refusal(turn, no, staff=True, inspect=purpose == "inspect")


def _recipient_may_open(turn: Turn, no: int, purpose: str, pickup_id: str) -> str | None:
    """From a phone as at the kiosk: the recipient's own compartment, in time and in service."""
    own = [held for held in turn.state.durable.slot(no).held if held.pickup_id == pickup_id]
    if purpose != "collect" or not own:
        return "nothing_here"
    if all(turn.state.expired(held, turn.now.at_ms) for held in own):
        return "collect_expired"
    return doors.refusal(turn, no, staff=False)


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


def _may_enable(turn: Turn, command: Command) -> str | None:
    no = command.args.get("compartment_no")
    if type(no) is not int:
        return "bad_arguments"
    if turn.state.compartment(no) is None:
        return "no_such_compartment"
    return None if turn.state.durable.slot(no).disabled else "not_disabled"


def _enable(turn: Turn, command: Command, _fresh_id: str) -> None:
    enable(turn, command.args["compartment_no"])
    turn.record("command_finished", command_id=command.command_id, outcome="enabled")


def _may_disable(turn: Turn, command: Command) -> str | None:
    no = command.args.get("compartment_no")
    if type(no) is not int or not CODE.check(command.args.get("reason")):
        return "bad_arguments"
    if turn.state.compartment(no) is None:
        return "no_such_compartment"
    if turn.state.durable.slot(no).disabled:
        return "already_disabled"
    return "busy" if no in turn.state.durable.custody or turn.pulse_under_way(no) else None


def _disable(turn: Turn, command: Command, _fresh_id: str) -> None:
    turn.record("compartment_disabled", compartment_no=command.args["compartment_no"], reason=command.args["reason"])
    turn.record("command_finished", command_id=command.command_id, outcome="disabled")


def _may_decommission(turn: Turn, _command: Command) -> str | None:
    if not turn.state.durable.restored:
        return "waiting_for_cloud"
    return None if turn.state.durable.decommissioning is None else "decommissioning"


def _decommission(turn: Turn, command: Command, _fresh_id: str) -> None:
    """Closed for the public from now on; who is at the kiosk may end what has begun."""
    turn.record("decommission_started", command_id=command.command_id)
    turn.record("command_finished", command_id=command.command_id, outcome="decommissioning")
    if turn.state.session.visit_id is None:
        turn.go(Step.CLOSED, message="decommissioning")


@dataclass(frozen=True, slots=True)
class _Kind:
    """A command's rule: why it cannot be done now (or None), and the work."""

    problem: Callable[[Turn, Command], str | None]
    work: Callable[[Turn, Command, str], None]


_KINDS: Mapping[str, _Kind] = {
    "open_compartment": _Kind(_may_open, _open),
    "enable_compartment": _Kind(_may_enable, _enable),
    "disable_compartment": _Kind(_may_disable, _disable),
    "decommission": _Kind(_may_decommission, _decommission),
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
