"""What the cloud wants of a locker: its layout, what is promised to whom, and the limits of every visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.ports import Channel


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
class Needs:
    """What a parcel asks of a compartment. `size_mm`: its edges, or None when nobody has measured it."""

    size_mm: tuple[int, int, int] | None = None
    accessible: bool = False
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
    collect_by_ms: int | None = None
    needs: Needs = Needs()


@dataclass(frozen=True, slots=True)
class Unannounced:
    """Whether the locker takes parcels that nobody announced, and how long they may lie in it."""

    allowed: bool = True
    collect_ms: int = 72 * 3_600_000


@dataclass(frozen=True, slots=True)
class Zone:
    """Compartments that share one temperature, and how long it may lie outside `low_mc` to `high_mc` (milli-°C)."""

    zone: str
    compartments: tuple[int, ...]
    low_mc: int
    high_mc: int
    max_s: int


@dataclass(frozen=True, slots=True)
class Reach:
    """The sills that everybody reaches, ISO 21542's band unless the cloud says otherwise."""

    low_mm: int = 400
    high_mm: int = 1100


@dataclass(frozen=True, slots=True)
class Limits:
    """What the device enforces by itself, whatever the cloud says."""

    openings_per_minute: int = 12
    tries_per_visit: int = 3
    open_wait_ms: int = 6_000
    opened_grace_ms: int = 15_000
    left_open_ms: int = 60_000
    left_open_alarm_ms: int = 180_000
    left_open_block_ms: int = 600_000
    reopen_grace_ms: int = 120_000
    visit_idle_ms: int = 60_000
    done_ms: int = 6_000


@dataclass(frozen=True, slots=True)
class Desired:
    """The parts of the desired document that the machine works with. `collect_by`: pickup to Unix ms, UTC."""

    epoch: int = 0
    version: int = 0
    sha256: str = ""
    reservations: Mapping[str, Reservation] = field(default_factory=dict)
    revoked: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    compartments: Mapping[int, Compartment] = field(default_factory=dict)
    restore: Mapping[str, Any] | None = None
    limits: Limits = field(default_factory=Limits)
    collect_by: Mapping[str, int] = field(default_factory=dict)
    retrievals: frozenset[str] = frozenset()
    unannounced: Unannounced = Unannounced()
    zones: Mapping[str, Zone] = field(default_factory=dict)
    reach: Reach = Reach()
