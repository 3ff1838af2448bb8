"""Inputs and effects of the locker machine."""

from __future__ import annotations

from dataclasses import dataclass, field

from edge.core.locker.desired import Desired
from edge.core.release.machine import Update
from edge.ports import Channel, DoorState, PulseReply, SensorKind
from edge.wire.event import EventDraft
from edge.wire.keys import TrustBundle
from edge.wire.messages import Command

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
    """A key on the kiosk: an action of `edge/core/locker/presses.py`, some with an argument (`open:7`)."""

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
class SensorRead:
    """One sensor's reading; `value` None when it gives no believable answer. Units as in `SensorKind`."""

    kind: SensorKind
    subject: str
    value: int | None


@dataclass(frozen=True, slots=True)
class RunningTold:
    """What runs on this device: versions of image (`none` without slots) and program."""

    product: str
    board: str
    image: str
    agent: str


@dataclass(frozen=True, slots=True)
class ReleaseTold:
    """The updater's newest record."""

    update: Update


@dataclass(frozen=True, slots=True)
class FirmwareTold:
    """A part's own word on its firmware. `part`: lock_board or scanner."""

    part: str
    subject: str
    firmware: str


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
    | ClockSynced | LinkAlarm | SensorRead | TimerFired | StorageChanged
    | RunningTold | ReleaseTold | FirmwareTold
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


@dataclass(frozen=True, slots=True)
class Light:
    """The lamp on that compartment's door and no other; None puts all out."""

    compartment_no: int | None


Effect = Record | Recheck | Pulse | CheckPin | ChooseCounter | StartTimer | StopTimer | Signal | Light
