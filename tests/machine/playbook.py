"""A playbook for the locker machine: `given` events and settings, `when` inputs, then look at effects and state."""

from __future__ import annotations

from dataclasses import replace

from edge.core.locker.desired import Compartment, Desired, Reservation
from edge.core.locker.durable import Durable
from edge.core.locker.fold import fold
from edge.core.locker.machine import step
from edge.core.locker.model import DoorRead, Effect, Input, Pulse, PulseEnded, ReadyToPulse, Recheck, Record, Started
from edge.core.locker.state import LockerState
from edge.ports import Channel, DoorState, Now, PulseReply

STREAM = "5" * 32
START_AT_MS = 1_790_000_000_000


def hex_id(number: int) -> str:
    return f"{number:032x}"


class Playbook:
    """Runs one locker machine with a hand-moved clock; `Recheck` is answered at once, as the runtime does."""

    def __init__(self, compartments: int = 4, device_id: str = "locker-1") -> None:
        layout = {no: Compartment(no, Channel("a", no), 400, 200, 500) for no in range(1, compartments + 1)}
        self.now = Now(0, START_AT_MS, "synced")
        self.state = LockerState(device_id, STREAM, durable=Durable(restored=True), layout=layout)
        self.events: list[tuple[str, dict[str, object]]] = []
        self.effects: list[Effect] = []
        self._ids = 0

    def fresh(self) -> str:
        self._ids += 1
        return hex_id(0xF00000 + self._ids)

    def boot(self, doors: DoorState = DoorState.CLOSED) -> Playbook:
        self.when(Started("test", "boot"))
        for no in self.state.layout:
            self.door(no, doors)
        return self.forget()

    def reserve(self, *reservations: Reservation, **changes: object) -> Playbook:
        wanted = Desired(
            version=self.state.durable.desired_version,
            reservations={item.parcel_id: item for item in reservations},
            audiences=frozenset({"locker:locker-1"}),
        )
        self.state = replace(self.state, desired=replace(wanted, **changes))  # type: ignore[arg-type]
        return self

    def given(self, event_type: str, **data: object) -> Playbook:
        durable = fold(self.state.durable, event_type, data, self.now.at_ms)
        self.state = replace(self.state, durable=durable)
        return self

    def when(self, *inputs: Input) -> Playbook:
        for event in inputs:
            self._one(event)
        return self

    def _one(self, event: Input) -> None:
        self.state, effects = step(self.state, event, self.now)
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, Record):
                self.events.append((effect.draft.type, dict(effect.draft.data)))
        for effect in effects:
            if isinstance(effect, Recheck):
                self._one(ReadyToPulse(effect.authority_id))

    def door(self, no: int, door: DoorState, occupied: bool | None = None) -> Playbook:
        return self.when(DoorRead(no, door, occupied, self.fresh()))

    def board_says(self, reply: PulseReply) -> Playbook:
        """Answer the newest pulse."""
        return self.when(PulseEnded(self.pulses()[-1].authority_id, reply))

    def wait(self, delay_ms: int) -> Playbook:
        self.now = replace(self.now, mono_ms=self.now.mono_ms + delay_ms, at_ms=self.now.at_ms + delay_ms)
        return self

    def forget(self) -> Playbook:
        self.events.clear()
        self.effects.clear()
        return self

    def types(self) -> list[str]:
        return [event_type for event_type, _ in self.events]

    def data(self, event_type: str) -> dict[str, object]:
        """Payload of the newest event of that type."""
        return next(data for kind, data in reversed(self.events) if kind == event_type)

    def pulses(self) -> list[Pulse]:
        return [effect for effect in self.effects if isinstance(effect, Pulse)]

    def of(self, kind: type) -> list[Effect]:
        return [effect for effect in self.effects if isinstance(effect, kind)]
