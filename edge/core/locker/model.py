"""Inputs and effects of the locker machine, and the layout it works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edge.ports import Channel, DoorState, PulseReply
from edge.wire.event import EventDraft
from edge.wire.keys import TrustBundle
from edge.wire.messages import Command


@dataclass(frozen=True, slots=True)
class Compartment:
    """One space with its door: number on the door, board output, inner size, height of the sill above the floor."""

    no: int
    channel: Channel
    width_mm: int
    height_mm: int
    depth_mm: int
    sill_mm: int = 1000
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reservation:
    """The cloud's hold on a compartment for one announced parcel. Times are Unix ms, UTC."""

    reservation_id: str
    parcel_id: str
    pickup_id: str
    compartment_no: int
    expires_at_ms: int
    generation: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device enforces by itself, whatever the cloud says."""

    openings_per_minute: int = 12
    tries_per_visit: int = 3
    open_wait_ms: int = 6_000
    opened_grace_ms: int = 15_000
    left_open_ms: int = 60_000
    visit_idle_ms: int = 120_000
    done_ms: int = 6_000


@dataclass(frozen=True, slots=True)
class Desired:
    """The parts of the desired document that the machine works with."""

    epoch: int = 0
    version: int = 0
    sha256: str = ""
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    compartments: Mapping[int, Compartment] = field(default_factory=dict)
    restore: Mapping[str, Any] | None = None
    limits: Limits = field(default_factory=Limits)


# --- inputs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """First input after a boot. `fresh_ids`: unpredictable 16-byte ids in hex, as with every input that may act."""

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scanned:
    """Text from the scanner or the page, unchecked. `fresh_id` becomes the id of what it may start.

    `asked_mono_ms`: when the person did it. What waited too long behind a slow disk is dropped: by then somebody
    else may stand there.
    """

    text: str
    fresh_id: str
    asked_mono_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PinEntered:
    pin: str = field(repr=False)
    fresh_id: str = ""
    asked_mono_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key on the kiosk: `try_again`, `done`, `cancel`."""

    action: str
    fresh_id: str
    asked_mono_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PinChecked:
    """Answer to `CheckPin`: the pickup whose live code matched, or None."""

    attempt_id: str
    pickup_id: str | None
    fresh_id: str


@dataclass(frozen=True, slots=True)
class CounterChosen:
    """Answer to `ChooseCounter`; None when no PIN key has reached this locker yet (QR only)."""

    request_id: str
    counter: int | None
    fresh_id: str


@dataclass(frozen=True, slots=True)
class DoorRead:
    compartment_no: int
    door: DoorState
    occupied: bool | None
    fresh_id: str = ""


@dataclass(frozen=True, slots=True)
class ReadyToPulse:
    """The authority is durable: check everything again, at the moment of actuation."""

    authority_id: str


@dataclass(frozen=True, slots=True)
class PulseEnded:
    authority_id: str
    reply: PulseReply


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """A command whose signature holds; `problem` names what the link already found wrong with it."""

    command: Command
    problem: str | None
    fresh_id: str


@dataclass(frozen=True, slots=True)
class DesiredReceived:
    desired: Desired
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The nonce of the session that just began, or None when it ended."""

    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class TrustChanged:
    bundle: TrustBundle


@dataclass(frozen=True, slots=True)
class BoardChanged:
    module: str
    answers: bool


@dataclass(frozen=True, slots=True)
class SecretStored:
    """The key store has unwrapped and kept a secret."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class ClockSynced:
    """Signed cloud time moved authority time by `step_ms`."""

    step_ms: int


@dataclass(frozen=True, slots=True)
class LinkAlarm:
    """The cloud link's own condition: a refusal that stands, or its end."""

    code: str
    detail: str
    raised: bool


@dataclass(frozen=True, slots=True)
class TimerFired:
    name: str


@dataclass(frozen=True, slots=True)
class StorageChanged:
    """The log refused a commit (`writable` false; told again, it raises the alarm) or takes them again."""

    writable: bool


Input = (
    Started | Scanned | PinEntered | Pressed | PinChecked | CounterChosen | DoorRead | ReadyToPulse | PulseEnded
    | CommandReceived | DesiredReceived | SessionChanged | TrustChanged | BoardChanged | SecretStored
    | ClockSynced | LinkAlarm | TimerFired | StorageChanged
)  # fmt: skip


# --- effects -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Record:
    """Commit this event before any later effect of the same step is carried out."""

    draft: EventDraft


@dataclass(frozen=True, slots=True)
class Recheck:
    """Feed `ReadyToPulse` back once everything before it is durable."""

    authority_id: str


@dataclass(frozen=True, slots=True)
class Pulse:
    """Send exactly one unlock request; answer with `PulseEnded`."""

    authority_id: str
    channel: Channel


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Compare with every live code in constant time; answer with `PinChecked`."""

    attempt_id: str
    pin: str = field(repr=False)
    live: tuple[tuple[str, int, int], ...] = ()  # (pickup_id, generation, counter)


@dataclass(frozen=True, slots=True)
class ChooseCounter:
    """Find the first counter whose PIN collides with no live code; answer with `CounterChosen`."""

    request_id: str
    pickup_id: str
    generation: int
    live: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class StartTimer:
    """`TimerFired(name)` comes after `delay_ms`; a running timer of that name starts anew."""

    name: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class StopTimer:
    name: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A buzzer or LED pattern: `ok`, `refused`, `attention`, `off`."""

    pattern: str


Effect = Record | Recheck | Pulse | CheckPin | ChooseCounter | StartTimer | StopTimer | Signal


class Step(StrEnum):
    """Where the kiosk's one session stands."""

    CLOSED = "closed"
    IDLE = "idle"
    CHECKING = "checking"
    LABEL = "label"
    OPENING = "opening"
    DOOR_OPEN = "door_open"
    RETRY = "retry"
    DONE = "done"
    REFUSED = "refused"


# from → the steps that may follow. The docs' state diagram is drawn from this table; any other move raises.
SESSION_MOVES: Mapping[Step, frozenset[Step]] = {
    Step.CLOSED: frozenset({Step.CLOSED, Step.IDLE}),
    Step.IDLE: frozenset({Step.CLOSED, Step.IDLE, Step.CHECKING, Step.LABEL, Step.OPENING, Step.REFUSED}),
    Step.CHECKING: frozenset({Step.CLOSED, Step.IDLE, Step.OPENING, Step.LABEL, Step.REFUSED}),
    Step.LABEL: frozenset({Step.CLOSED, Step.IDLE, Step.LABEL, Step.CHECKING, Step.DONE, Step.REFUSED}),
    Step.OPENING: frozenset({Step.CLOSED, Step.IDLE, Step.DOOR_OPEN, Step.RETRY, Step.LABEL, Step.OPENING, Step.DONE}),
    Step.DOOR_OPEN: frozenset({Step.CLOSED, Step.IDLE, Step.DOOR_OPEN, Step.LABEL, Step.OPENING, Step.DONE}),
    Step.RETRY: frozenset(
        {Step.CLOSED, Step.IDLE, Step.RETRY, Step.OPENING, Step.LABEL, Step.DONE, Step.DOOR_OPEN, Step.REFUSED}
    ),
    Step.DONE: frozenset({Step.CLOSED, Step.IDLE, Step.CHECKING, Step.LABEL, Step.OPENING, Step.REFUSED}),
    Step.REFUSED: frozenset({Step.CLOSED, Step.IDLE, Step.CHECKING, Step.LABEL, Step.OPENING, Step.REFUSED}),
}
