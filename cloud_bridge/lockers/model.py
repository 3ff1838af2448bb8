"""Lockers, compartments, parcels and reservations as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TEMPERATURES = frozenset({"chilled", "frozen"})


@dataclass(frozen=True, slots=True)
class Size:
    """Three edges; for a parcel `height_mm` is the one that stands up where it must."""

    width_mm: int
    height_mm: int
    depth_mm: int

    @property
    def volume_mm3(self) -> int:
        return self.width_mm * self.height_mm * self.depth_mm


@dataclass(frozen=True, slots=True)
class Compartment:
    """One space with its door: inside size, height of its sill over the floor, what it offers, where it is wired."""

    no: int
    size: Size
    sill_mm: int
    features: frozenset[str]
    module: str
    channel: int


@dataclass(frozen=True, slots=True)
class CompartmentView:
    """A compartment with what events and reservations say about it now."""

    compartment: Compartment
    enabled: bool = True
    door: str = "unknown"
    holds: str | None = None
    reserved_for: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a parcel and its recipient need of a compartment.

    `upright`: may only be turned about its vertical axis. `accessible`: the recipient reaches low and not far, so the
    sill must lie within the policy's band. `features`: all of these, e.g. `chilled`.
    """

    size: Size
    weight_g: int = 0
    upright: bool = False
    accessible: bool = False
    features: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the currency's smallest unit; `currency`: three letters of ISO 4217."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Locker:
    """One installation: its device's id, its tenant and what people need to find it."""

    locker_id: str
    tenant: str
    name: str
    address: str
    language: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Personal data; at rest only encrypted under the parcel's own key."""

    name: str
    email: str = ""
    phone: str = ""
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A parcel that a carrier announces. `parcel_id`: its tracking number; of an SSCC the 18 digits.

    `cod`: what the recipient pays on delivery; its code is given out only once that is paid.
    """

    parcel_id: str
    carrier: str
    wish: Wish
    recipient: Recipient
    locker_id: str | None = None
    cod: Money | None = None


class Origin(StrEnum):
    """How a parcel came to us: a carrier's manifest, a courier without a word before, or a sender at the locker."""

    ANNOUNCED = "announced"
    UNANNOUNCED = "unannounced"
    DROP_OFF = "drop_off"


class ParcelState(StrEnum):
    """Where a parcel is in its life with us. `SPOILED` lies in a compartment and is given to nobody any more."""

    ANNOUNCED = "announced"
    RESERVED = "reserved"
    DEPOSITED = "deposited"
    OVERDUE = "overdue"
    SPOILED = "spoiled"
    COLLECTED = "collected"
    RETRIEVED = "retrieved"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Reservation:
    """A hold on a compartment; `fulfilled` once the parcel lies there. At most one active one per compartment."""

    reservation_id: str
    tenant: str
    locker_id: str
    compartment_no: int
    parcel_key: str
    parcel_id: str
    pickup_id: str
    generation: int
    fulfilled: bool
    expires_at_ms: int
    collect_by_ms: int


@dataclass(frozen=True, slots=True)
class Custody:
    """What events say about one parcel at one locker."""

    locker_id: str
    parcel_id: str
    state: str
    compartment_no: int
    pickup_id: str | None
    pin_generation: int | None
    pin_counter: int | None
    deposited_at_ms: int
    left_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Marks:
    """What people and zones said of a parcel beside its custody; `returned_at_ms`: back with its sender or depot."""

    spoiled_at_ms: int | None = None
    returned_at_ms: int | None = None


def parcel_state(
    custody: Custody | None, reservation: Reservation | None, now_ms: int, marks: Marks = Marks()
) -> ParcelState:  # fmt: skip
    """The one word for a parcel, from physical facts first and plans second."""
    if custody is not None and custody.state == "deposited":
        if marks.spoiled_at_ms is not None:
            return ParcelState.SPOILED
        overdue = reservation is not None and reservation.fulfilled and reservation.collect_by_ms <= now_ms
        return ParcelState.OVERDUE if overdue else ParcelState.DEPOSITED
    if reservation is not None and not reservation.fulfilled:
        return ParcelState.RESERVED
    if custody is None:
        return ParcelState.ANNOUNCED
    if custody.state == "collected":
        return ParcelState.COLLECTED
    returned = marks.returned_at_ms is not None and marks.returned_at_ms >= (custody.left_at_ms or 0)
    return ParcelState.RETURNED if returned else ParcelState.RETRIEVED
