"""Which news can wait for more of the same visit before it leaves the device."""

from __future__ import annotations

from collections.abc import Iterable

# Steps on the way to something that others wait for. What ends a visit or needs somebody (custody, commands, alarms,
# a compartment out of service, a new PIN, the state that was asked for) is not among them, and takes them along.
PATIENT_TYPES = frozenset(
    [
        "visit_started", "visit_ended", "pin_attempted", "pin_accepted", "pin_refused", "unlock_authorised",
        "unlock_finished", "door_opened", "door_closed", "temperature_sampled", "heartbeat",
    ]
)  # fmt: skip


def can_wait(types: Iterable[str]) -> bool:
    """Whether nobody waits for any of these events: durable they are, and what follows them goes with them."""
    return PATIENT_TYPES.issuperset(types)
