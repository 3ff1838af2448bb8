"""What custody and door events mean for parcels and compartments: a fold of events alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cloud_bridge.lockers.model import Custody

TYPES = frozenset(
    {
        "parcel_deposited", "parcel_collected", "parcel_retrieved", "compartment_restored", "compartment_disabled",
        "pin_reissued", "compartment_enabled", "door_opened", "door_opened_unauthorised", "door_closed",
    }
)  # fmt: skip
_LEAVES = {"parcel_collected": "collected", "parcel_retrieved": "retrieved"}


@dataclass(frozen=True, slots=True)
class CompartmentFacts:
    """What events say about one compartment. `holds`: the parcels in it, in the order they came."""

    door: str = "unknown"
    enabled: bool = True
    holds: tuple[str, ...] = ()


def fold_compartment(facts: CompartmentFacts, type_name: str, data: Mapping[str, Any]) -> CompartmentFacts:
    """The compartment after one more event; an event that does not concern it changes nothing."""
    if type_name in ("door_opened", "door_opened_unauthorised"):
        return replace(facts, door="open")
    if type_name == "door_closed":
        return replace(facts, door="closed")
    if type_name in ("compartment_disabled", "compartment_enabled"):
        return replace(facts, enabled=type_name == "compartment_enabled")
    parcel_id = data.get("parcel_id")
    if type_name in ("parcel_deposited", "compartment_restored") and parcel_id is not None:
        return replace(facts, holds=(*(held for held in facts.holds if held != parcel_id), parcel_id))
    if type_name in _LEAVES:
        return replace(facts, holds=tuple(held for held in facts.holds if held != parcel_id))
    return facts


def fold_parcel(
    custody: Custody | None, locker_id: str, type_name: str, data: Mapping[str, Any], at_ms: int
) -> Custody | None:
    """The parcel's custody at this locker after one more event about it.

    A parcel that leaves without ever having come is believed too: physical facts are never refused.
    """
    parcel_id = data.get("parcel_id")
    if parcel_id is None:
        return custody
    if type_name in ("parcel_deposited", "compartment_restored"):
        return Custody(
            locker_id=locker_id, parcel_id=parcel_id, state="deposited", compartment_no=data["compartment_no"],
            pickup_id=data.get("pickup_id"), pin_generation=data.get("pin_generation"),
            pin_counter=data.get("pin_counter"),
            deposited_at_ms=at_ms if custody is None or type_name == "parcel_deposited" else custody.deposited_at_ms,
            left_at_ms=None,
        )  # fmt: skip
    if type_name in _LEAVES:
        known = custody or Custody(
            locker_id, parcel_id, "deposited", data["compartment_no"], data.get("pickup_id"), None, None, at_ms, None
        )
        return replace(known, state=_LEAVES[type_name], compartment_no=data["compartment_no"], left_at_ms=at_ms)
    return custody
