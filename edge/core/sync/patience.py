"""Which news can wait for more of the same visit before it leaves the device."""

from __future__ import annotations

from collections.abc import Iterable

# Steps of a visit: its end takes them all along in one batch. What somebody waits for is not among them: a visit's
# end, commands, alarms, a compartment out of service, a new PIN, the state that was asked for.
PATIENT_TYPES = frozenset(
    [
        "visit_started", "visit_joined", "pin_attempted", "pin_accepted", "pin_refused", "label_refused",
        "unlock_authorised", "unlock_finished", "door_opened", "door_closed", "compartment_swapped",
        "parcel_deposited", "parcel_collected", "parcel_retrieved", "compartment_checked",
        "temperature_sampled", "heartbeat",
    ]
)  # fmt: skip


def can_wait(types: Iterable[str]) -> bool:
    """Whether nobody waits for any of these events: durable they are, and what follows them goes with them."""
    return PATIENT_TYPES.issuperset(types)
