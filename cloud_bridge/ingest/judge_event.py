"""Is an authentic event understood? Pure. One that is not is set apart alone; the log goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cloud_bridge.ingest.decide import Sender
from edge.wire import canonical
from edge.wire.errors import WireError
from edge.wire.event import parse_event
from edge.wire.event_types import EVENT_TYPES, check_payload
from edge.wire.expected_event import ExpectedEvents, KnownEvent


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """Why an event was set apart: profile, source, place, unknown_type or payload."""

    reason: str
    detail: str


Judged = KnownEvent | NotUnderstood


def judge_events(raws: Sequence[bytes], sender: Sender, stream: str, first: int) -> Sequence[Judged]:
    """Each event's verdict; nearly all are as expected, and only the others are taken apart."""
    found = ExpectedEvents(sender.fleet, sender.device_id, stream).read_all(raws, first)
    rows = enumerate(zip(found, raws, strict=True), first)
    return [event or judge_event(raw, sender, stream, seq) for seq, (event, raw) in rows]


def judge_event(raw: bytes, sender: Sender, stream: str, seq: int) -> Judged:
    """Profile, then source, then place in the log, then known type and payload."""
    try:
        event = parse_event(raw)
    except WireError as error:
        return NotUnderstood("profile", str(error))
    if event.device_id != sender.device_id or event.fleet != sender.fleet:
        return NotUnderstood("source", f"an event of {event.fleet}/{event.device_id}")
    if event.seq != seq or event.stream != stream:
        return NotUnderstood("place", f"{event.stream}/{event.seq} stands at {stream}/{seq}")
    try:
        check_payload(event.type, event.data)
    except WireError as error:
        return NotUnderstood("payload" if event.type in EVENT_TYPES else "unknown_type", str(error))
    parcel, compartment = event.data.get("parcel_id"), event.data.get("compartment_no")
    return KnownEvent(
        event.type, event.at_ms, parcel if type(parcel) is str else None,
        compartment if type(compartment) is int else None, event.boot, event.clock, canonical.encode(event.data),
    )  # fmt: skip
