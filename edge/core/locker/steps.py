"""Where the kiosk's one session may stand, and where it may go from there: the table that its diagram is drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Step(StrEnum):
    """Where the kiosk's one session stands."""

    CLOSED = "closed"
    IDLE = "idle"
    CHECKING = "checking"
    LABEL = "label"
    SIZE = "size"
    OPENING = "opening"
    DOOR_OPEN = "door_open"
    RETRY = "retry"
    CONFIRM = "confirm"
    MENU = "menu"
    SECOND = "second"
    CHECK = "check"
    DONE = "done"
    REFUSED = "refused"


# A visit's first step: a courier's label, a sender's size, a technician's menu, or at once a door.
_BEGINS = frozenset(
    {Step.CLOSED, Step.IDLE, Step.CHECKING, Step.LABEL, Step.SIZE, Step.MENU, Step.OPENING, Step.REFUSED}
)
_ENDS = frozenset({Step.CLOSED, Step.IDLE, Step.DONE, Step.REFUSED})
# A door may have stood open before its pulse, so whatever follows its being shut may follow any step at a door.
_AT_DOOR = _ENDS | {
    Step.OPENING, Step.DOOR_OPEN, Step.RETRY, Step.LABEL, Step.SIZE, Step.CONFIRM, Step.MENU, Step.CHECK,
}  # fmt: skip

# from → the steps that may follow; any other move raises.
SESSION_MOVES: Mapping[Step, frozenset[Step]] = {
    Step.CLOSED: frozenset({Step.CLOSED, Step.IDLE, Step.MENU, Step.OPENING}),
    Step.IDLE: _BEGINS,
    Step.CHECKING: _ENDS | {Step.OPENING, Step.RETRY, Step.LABEL, Step.SIZE},
    Step.LABEL: _ENDS | {Step.LABEL, Step.CHECKING, Step.SIZE, Step.OPENING},
    Step.SIZE: _ENDS | {Step.SIZE, Step.LABEL, Step.CHECKING, Step.OPENING},
    Step.OPENING: _AT_DOOR,
    Step.DOOR_OPEN: _AT_DOOR,
    Step.RETRY: _AT_DOOR,
    Step.CONFIRM: _ENDS | {Step.CONFIRM, Step.LABEL},
    Step.MENU: _ENDS | {Step.MENU, Step.OPENING, Step.SECOND},
    Step.SECOND: _ENDS | {Step.SECOND, Step.MENU, Step.OPENING},
    Step.CHECK: _ENDS | {Step.CHECK, Step.OPENING, Step.MENU},
    Step.DONE: _BEGINS,
    Step.REFUSED: _BEGINS,
}
