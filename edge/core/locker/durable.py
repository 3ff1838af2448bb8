"""What the locker remembers: a fold over its own events, so that a restart rebuilds exactly the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from edge.core.locker.pin_limits import PinLimits
from edge.core.replacement import replace
from edge.ports import DoorState
from edge.wire import canonical
from edge.wire.errors import Malformed

_ORDERED = ("authorities", "used_jtis", "commands", "software")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Held:
    """One parcel in a compartment. Without a pickup id only staff can open it; `origin` None: it was announced."""

    parcel_id: str
    pickup_id: str | None = None
    reservation_id: str | None = None
    generation: int = 0
    counter: int | None = None
    collect_by_ms: int | None = None
    origin: str | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A compartment as last recorded."""

    door: DoorState = DoorState.UNKNOWN
    held: tuple[Held, ...] = ()
    disabled: str | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """Permission for one pulse. `ended` once its outcome is recorded, `opened` once it has explained an open door."""

    compartment_no: int
    visit_id: str
    cause: str
    try_no: int
    at_ms: int
    command_id: str | None = None
    ended: bool = False
    opened: bool = False


@dataclass(frozen=True, slots=True)
class Custody:
    """A deposit or collection under way at a compartment; it settles when the door has opened and closed.

    `claim`: what the person says of it: too_big, empty, damaged.
    """

    cause: str
    visit_id: str
    held: tuple[Held, ...]
    opened: bool = False
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    kind: str
    pickup_id: str | None = None


@dataclass(frozen=True, slots=True)
class Durable:
    """The folded state. Maps are never changed in place. `decommissioning`: the command that took it out of use.

    `software`: what was last told of each kind of release, of what runs, and of each part's firmware.
    """

    restored: bool = False
    slots: Mapping[int, Slot] = field(default_factory=dict)
    visits: Mapping[str, Visit] = field(default_factory=dict)
    authorities: Mapping[str, Authority] = field(default_factory=dict)
    custody: Mapping[int, Custody] = field(default_factory=dict)
    used_jtis: Mapping[str, int] = field(default_factory=dict)
    commands: Mapping[str, str] = field(default_factory=dict)
    openings: tuple[int, ...] = ()
    pin_limits: PinLimits = field(default_factory=PinLimits)
    desired_epoch: int = 0
    desired_version: int = 0
    alarms: frozenset[str] = frozenset()
    decommissioning: str | None = None
    decommissioned: bool = False
    software: Mapping[str, str] = field(default_factory=dict)

    def slot(self, compartment_no: int) -> Slot:
        return self.slots.get(compartment_no, Slot())

    def with_slot(self, compartment_no: int, **changes: Any) -> Durable:
        slot = replace(self.slot(compartment_no), **changes)
        return replace(self, slots={**self.slots, compartment_no: slot})

    def live_codes(self) -> tuple[tuple[str, int, int], ...]:
        """(pickup_id, generation, counter) of every code that opens something, in a fixed order."""
        return tuple(
            sorted(
                {
                    (held.pickup_id, held.generation, held.counter)
                    for slot in self.slots.values()
                    for held in slot.held
                    if held.pickup_id is not None and held.counter is not None
                }
            )
        )

    def holds(self, parcel_id: str) -> bool:
        """Whether any compartment holds this parcel."""
        return any(held.parcel_id == parcel_id for slot in self.slots.values() for held in slot.held)

    def tries(self, visit_id: str, compartment_no: int) -> int:
        """How many pulses this visit has been granted for this door."""
        return sum(
            1
            for item in self.authorities.values()
            if (item.visit_id, item.compartment_no) == (visit_id, compartment_no)
        )

    def newest_authority(self, compartment_no: int) -> str | None:
        """The last authority given for this door."""
        return next(
            (key for key, item in reversed(tuple(self.authorities.items())) if item.compartment_no == compartment_no),
            None,
        )

    def holding(self, pickup_id: str) -> tuple[int, ...]:
        """Compartments that hold a parcel of this pickup, ascending."""
        return tuple(
            sorted(no for no, slot in self.slots.items() if any(held.pickup_id == pickup_id for held in slot.held))
        )

    def to_bytes(self) -> bytes:
        """The snapshot, canonical JSON of this version."""
        body = asdict(self)
        body["slots"] = {str(no): {**slot, "door": slot["door"].value} for no, slot in body["slots"].items()}
        body["custody"] = {str(no): custody for no, custody in body["custody"].items()}
        body["alarms"] = sorted(self.alarms)
        for name in _ORDERED:  # their order says what is dropped first
            body[name] = [[key, value] for key, value in body[name].items()]
        return canonical.encode({"v": 1, **body})

    @classmethod
    def from_bytes(cls, data: bytes) -> Durable:
        """Inverse of `to_bytes`.

        Raises:
            Malformed: not a snapshot of this version.
        """
        body = canonical.parse(data, where="snapshot")
        if body.pop("v", None) != 1:
            raise Malformed("a snapshot of another version", where="snapshot.v", remedy="Install the newer release.")
        return cls(
            restored=body["restored"],
            slots={
                int(no): Slot(DoorState(slot["door"]), tuple(Held(**held) for held in slot["held"]), slot["disabled"])
                for no, slot in body["slots"].items()
            },
            visits={visit_id: Visit(**visit) for visit_id, visit in body["visits"].items()},
            authorities={key: Authority(**value) for key, value in body["authorities"]},
            custody={
                int(no): Custody(**{**custody, "held": tuple(Held(**held) for held in custody["held"])})
                for no, custody in body["custody"].items()
            },
            used_jtis=dict(body["used_jtis"]),
            commands=dict(body["commands"]),
            openings=tuple(body["openings"]),
            pin_limits=PinLimits(**body["pin_limits"]),
            desired_epoch=body["desired_epoch"],
            desired_version=body["desired_version"],
            alarms=frozenset(body["alarms"]),
            decommissioning=body.get("decommissioning"),
            decommissioned=body.get("decommissioned", False),
            software=dict(body.get("software", ())),
        )


def bounded(items: dict[str, T], limit: int) -> dict[str, T]:
    """Drop the oldest entries beyond `limit` (dicts keep insertion order)."""
    for key in list(items)[: max(0, len(items) - limit)]:
        del items[key]
    return items
