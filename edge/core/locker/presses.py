"""The keys of the kiosk: at which step each means something, under which condition, and what it does. One table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.core.locker import collecting, depositing, kiosk, maintaining, opening, reconciling, retrying, swapping
from edge.core.locker.model import Pressed
from edge.core.locker.queueing import to_menu
from edge.core.locker.session import await_label, end_visit, touch
from edge.core.locker.state import LockerState, Turn
from edge.core.locker.steps import Step
from edge.ports import DoorState, Now


@dataclass(frozen=True, slots=True)
class Press:
    """One meaning of a key. `act` gets the key's argument and a fresh id."""

    name: str
    steps: frozenset[Step]
    offered: Callable[[LockerState, Now], bool]
    act: Callable[[Turn, str, str], None]


def pressed(turn: Turn, event: Pressed) -> None:
    """A key of the kiosk; keys that mean nothing now do nothing."""
    name, _, argument = event.action.partition(":")
    for press in _BY_NAME.get(name, ()):
        if turn.state.session.step in press.steps and press.offered(turn.state, turn.now):
            press.act(turn, argument, event.fresh_id)
            return


def offered(state: LockerState, now: Now) -> list[str]:
    """The names of the keys that mean something now."""
    step = state.session.step
    return list(dict.fromkeys(p.name for p in PRESSES if step in p.steps and p.offered(state, now)))


# --- conditions ----------------------------------------------------------------------------------------------


def _always(_state: LockerState, _now: Now) -> bool:
    return True


def _kind(state: LockerState) -> str:
    visit = state.durable.visits.get(state.session.visit_id or "")
    return "" if visit is None else visit.kind


def _technician(state: LockerState, _now: Now) -> bool:
    return _kind(state) == "technician"


def _courier(state: LockerState, _now: Now) -> bool:
    return _kind(state) == "courier"


def _waiting_technician(state: LockerState, now: Now) -> bool:
    return state.session.compartment_no is None and _technician(state, now)


def _blind(state: LockerState, _now: Now) -> bool:
    """A door without a believable sensor: the person says when it is shut."""
    no = state.session.compartment_no
    return no is not None and state.durable.slot(no).door is DoorState.UNKNOWN


def _working(state: LockerState, _now: Now) -> bool:
    return state.session.purpose == "maintain"


def _depositing(state: LockerState, _now: Now) -> bool:
    return state.session.purpose == "deposit" and state.session.swap is None


def _collecting(state: LockerState, _now: Now) -> bool:
    custody = state.durable.custody.get(state.session.compartment_no or 0)
    return state.session.purpose == "collect" and custody is not None and custody.claim is None


def _has_next(state: LockerState, _now: Now) -> bool:
    session = state.session
    return session.failed and (session.purpose in ("deposit", "retrieve", "reconcile") or bool(session.queue))


# --- what they do --------------------------------------------------------------------------------------------


def _end(turn: Turn, _argument: str, _fresh_id: str) -> None:
    end_visit(turn, "done", Step.DONE, "thank_you")


def _cancel(turn: Turn, _argument: str, _fresh_id: str) -> None:
    end_visit(turn, "cancelled", Step.IDLE, "")


def _back_to_label(turn: Turn, _argument: str, _fresh_id: str) -> None:
    await_label(turn, "scan_label")


def _back_to_menu(turn: Turn, _argument: str, _fresh_id: str) -> None:
    to_menu(turn, "menu")


def _did_not_open(turn: Turn, _argument: str, _fresh_id: str) -> None:
    no = turn.state.session.compartment_no
    assert no is not None
    opening.disputed(turn, no)


def _numbered(rule: Callable[[Turn, int, str], None]) -> Callable[[Turn, str, str], None]:
    """A key that names a door."""

    def act(turn: Turn, argument: str, fresh_id: str) -> None:
        if argument.isascii() and argument.isdecimal():
            rule(turn, int(argument), fresh_id)

    return act


_LABEL, _SIZE, _RETRY, _MENU = (frozenset({step}) for step in (Step.LABEL, Step.SIZE, Step.RETRY, Step.MENU))
_WAITS = frozenset(
    {Step.LABEL, Step.SIZE, Step.RETRY, Step.MENU, Step.DOOR_OPEN, Step.CHECK, Step.CONFIRM, Step.SECOND}
)
_OPEN, _CHECK, _CONFIRM = (frozenset({step}) for step in (Step.DOOR_OPEN, Step.CHECK, Step.CONFIRM))

PRESSES = (
    Press("try_again", _RETRY, _always, lambda turn, _, fresh_id: retrying.try_again(turn, fresh_id)),
    Press("next_compartment", _RETRY, _has_next, lambda turn, _, fresh_id: retrying.next_compartment(turn, fresh_id)),
    Press("did_not_open", _OPEN, _always, _did_not_open),
    Press("too_big", _OPEN, _depositing, lambda turn, _, __: swapping.will_not_do(turn, "too_big")),
    Press("dirty", _OPEN, _depositing, lambda turn, _, __: swapping.will_not_do(turn, "dirty")),
    Press("empty", _OPEN, _collecting, lambda turn, _, __: collecting.dispute(turn, "empty")),
    Press("damaged", _OPEN, _collecting, lambda turn, _, __: collecting.dispute(turn, "damaged")),
    Press("size", _SIZE, _always, depositing.size_chosen),
    Press("accessible", _SIZE, _always, lambda turn, _, __: depositing.accessible_wanted(turn)),
    Press("reopen", _LABEL, swapping.may_reopen, lambda turn, _, fresh_id: swapping.reopen(turn, fresh_id)),
    Press("took_out", _CONFIRM, _always, lambda turn, _, __: swapping.confirmed(turn, taken=True)),
    Press("left_in", _CONFIRM, _always, lambda turn, _, __: swapping.confirmed(turn, taken=False)),
    Press("open", _MENU, _always, _numbered(maintaining.open_one)),
    Press("out_of_service", _MENU, _always, _numbered(maintaining.out_of_service)),
    Press("in_service", _MENU, _always, _numbered(maintaining.in_service)),
    Press("open_all", _MENU, _always, lambda turn, _, __: maintaining.ask_second(turn)),
    Press("reconcile", _MENU, _always, lambda turn, _, fresh_id: reconciling.begin(turn, fresh_id)),
    Press("found", _CHECK, _always, reconciling.found),
    Press("done", _LABEL | _MENU, _always, _end),
    Press("done", _OPEN, _blind, lambda turn, _, fresh_id: kiosk.confirm_blind(turn, fresh_id)),
    Press("done", _OPEN, _working, _back_to_menu),
    Press("more_time", _WAITS, _always, lambda turn, _, __: touch(turn)),
    Press("cancel", _SIZE, _courier, _back_to_label),
    Press("cancel", frozenset({Step.RETRY, Step.SECOND, Step.CHECK}), _technician, _back_to_menu),
    Press("cancel", frozenset({Step.OPENING}), _waiting_technician, _back_to_menu),
    Press("cancel", _LABEL | _SIZE | _RETRY | _MENU | {Step.DONE, Step.REFUSED}, _always, _cancel),
)
_BY_NAME: Mapping[str, tuple[Press, ...]] = {
    name: tuple(press for press in PRESSES if press.name == name) for name in {press.name for press in PRESSES}
}
