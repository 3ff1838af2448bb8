"""The machine's whole state: what is remembered, what the cloud wants, and the kiosk's one session."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.core.locker.desired import Compartment, Desired, Limits, Needs
from edge.core.locker.durable import Durable, Held
from edge.core.locker.fold import fold
from edge.core.locker.model import Effect, Record
from edge.core.locker.steps import SESSION_MOVES, Step
from edge.core.replacement import replace
from edge.ports import Now, PulseReply
from edge.wire.event import EventDraft
from edge.wire.event_types import check_payload
from edge.wire.keys import TrustBundle


class IllegalMove(AssertionError):
    """A defect: the session was sent where the table does not let it go."""


@dataclass(frozen=True, slots=True)
class Session:
    """What the kiosk shows. `queue`: compartments still to open in this visit; `request_id`: the answer it awaits.

    `purpose`: what the visit's doors are opened for. `failed`: the door did not open at the last try. `given_up`:
    compartments that would not do for the parcel in hand, `too_small` those that it did not go into, `swap` why the
    present one will not do. `reopen_no`: the compartment that the courier may open again for a while. `actor`:
    whose credential began the visit. `checked` and `exceptions` count a reconciliation's doors.
    """

    step: Step = Step.IDLE
    visit_id: str | None = None
    compartment_no: int | None = None
    message: str = ""
    tries: int = 0
    failed: bool = False
    queue: tuple[int, ...] = ()
    deposit: Held | None = None
    until_at_ms: int = 0
    request_id: str | None = None
    purpose: str = ""
    actor: str | None = None
    idle_until_mono_ms: int | None = None
    needs: Needs = Needs()
    swap: str | None = None
    given_up: tuple[int, ...] = ()
    too_small: tuple[int, ...] = ()
    reopen_no: int | None = None
    reopen_until_mono_ms: int = 0
    checked: int = 0
    exceptions: int = 0


@dataclass(frozen=True, slots=True)
class ZoneWatch:
    """One zone's last believable temperature, since when it is outside its limits, when it was last sampled."""

    temperature_mc: int | None = None
    outside_since_mono_ms: int | None = None
    limit_mc: int = 0
    sampled_mono_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pulsing:
    """A pulse whose outcome is not settled: what the board said, whether the door was seen open.

    `authorised_mono_ms`: when its authority was recorded; a pulse that could not be sent soon is not sent at all.
    """

    compartment_no: int
    authorised_mono_ms: int = 0
    reply: PulseReply | None = None
    sent: bool = False
    opened: bool = False
    expires_at_ms: int | None = None
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class LockerState:
    """`stream` names the log; nothing opens for the public before the cloud has restored it (`durable.restored`).

    `reissuing`: request, pickup and generation of the PIN counter that is being chosen anew. `after_crash`:
    authorities from before a restart whose door has not been read since; never pulsed again.
    `authorised_mono_ms`: when this boot gave its last authorities, so that no jump of authority time lifts the cap.
    `left_open`: how often it has been told already that a door stands open.
    """

    device_id: str
    stream: str
    durable: Durable = field(default_factory=Durable)
    desired: Desired = field(default_factory=Desired)
    layout: Mapping[int, Compartment] = field(default_factory=dict)
    session: Session = field(default_factory=Session)
    pulsing: Mapping[str, Pulsing] = field(default_factory=dict)
    occupied: Mapping[int, bool | None] = field(default_factory=dict)
    reissuing: tuple[str, str, int] | None = None
    after_crash: Mapping[int, str] = field(default_factory=dict)
    trust: TrustBundle | None = None
    nonce: bytes | None = None
    writable: bool = True
    authorised_mono_ms: tuple[int, ...] = ()
    zones: Mapping[str, ZoneWatch] = field(default_factory=dict)
    left_open: Mapping[int, int] = field(default_factory=dict)
    battery_percent: int | None = None

    @property
    def limits(self) -> Limits:
        return self.desired.limits

    def expired(self, held: Held, at_ms: int) -> bool:
        """Whether its time to be collected is over: by the cloud's newest word, else by what its deposit promised."""
        by_ms = self.desired.collect_by.get(held.pickup_id or "")
        if by_ms is None:
            reservation = self.desired.reservations.get(held.parcel_id)
            by_ms = held.collect_by_ms if reservation is None else reservation.collect_by_ms
        return by_ms is not None and at_ms >= by_ms

    def outdated_pickups(self) -> tuple[tuple[str, int], ...]:
        """Pickups held under an older generation than the cloud wants, with the wanted one."""
        newest = {item.pickup_id: item.generation for item in self.desired.reservations.values()}
        held = {
            (item.pickup_id, newest[item.pickup_id])
            for slot in self.durable.slots.values()
            for item in slot.held
            if item.pickup_id in newest and item.generation < newest[item.pickup_id]
        }
        return tuple(sorted((pickup_id, generation) for pickup_id, generation in held if pickup_id is not None))

    def live_codes(self) -> tuple[tuple[str, int, int], ...]:
        """The PIN codes that open something; a generation that the cloud has raised since withdraws the older."""
        newest = {item.pickup_id: item.generation for item in self.desired.reservations.values()}
        return tuple(code for code in self.durable.live_codes() if code[1] >= newest.get(code[0], 0))

    def compartments(self) -> tuple[Compartment, ...]:
        """The whole layout by number: the configuration's, overridden by the desired document's."""
        merged = {**self.layout, **self.desired.compartments}
        return tuple(merged[no] for no in sorted(merged))

    def compartment(self, no: int) -> Compartment | None:
        return self.desired.compartments.get(no) or self.layout.get(no)


def printable(text: str) -> str:
    """`text` as an event may state it: at most 200 characters, none of them a control character."""
    return "".join(char if char.isprintable() else "?" for char in text[:200])


class Turn:
    """One step in the making: collects effects and keeps the memory in line with what is recorded."""

    def __init__(self, state: LockerState, now: Now) -> None:
        self.state = state
        self.now = now
        self.effects: list[Effect] = []

    def record(self, event_type: str, **data: object) -> None:
        """Record an event and fold it at once. Members that are None are left out."""
        payload = {name: value for name, value in data.items() if value is not None}
        check_payload(event_type, payload)
        self.effects.append(Record(EventDraft(event_type, payload, self.now.at_ms, self.now.clock)))
        self.state = replace(self.state, durable=fold(self.state.durable, event_type, payload, self.now.at_ms))

    def emit(self, *effects: Effect) -> None:
        self.effects.extend(effects)

    def set(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)  # type: ignore[arg-type]

    def go(self, step: Step, **changes: object) -> None:
        """Move the kiosk's session along the table.

        Raises:
            IllegalMove: the table has no such move.
        """
        session = self.state.session
        if step not in SESSION_MOVES[session.step]:
            raise IllegalMove(f"{session.step} → {step}")
        self.state = replace(self.state, session=replace(session, step=step, **changes))  # type: ignore[arg-type]

    def pulse_under_way(self, compartment_no: int) -> bool:
        return any(pulsing.compartment_no == compartment_no for pulsing in self.state.pulsing.values())

    def pulse_state(self, authority_id: str, pulsing: Pulsing | None) -> None:
        others = {key: value for key, value in self.state.pulsing.items() if key != authority_id}
        self.set(pulsing=others if pulsing is None else {**others, authority_id: pulsing})

    def alarm(self, alarm: str, subject: str | None = None, detail: str | None = None) -> None:
        """Raise an alarm unless it stands already."""
        if f"{alarm}/{subject or ''}" not in self.state.durable.alarms:
            self.record("alarm_raised", alarm=alarm, subject=subject, detail=detail)

    def clear_alarm(self, alarm: str, subject: str | None = None) -> None:
        if f"{alarm}/{subject or ''}" in self.state.durable.alarms:
            self.record("alarm_cleared", alarm=alarm, subject=subject)

    def result(self) -> tuple[LockerState, tuple[Effect, ...]]:
        return self.state, tuple(self.effects)
