"""docs/reference/events.md: every event type with its payload."""

from __future__ import annotations

from edge.wire.event_types import EVENT_TYPES, EventType, Family
from tests.architecture.pages.markdown import code, head, table

MEANINGS = {
    Family.CUSTODY: "Who has the parcel. Committed alone; trimmed last.",
    Family.DOOR: "What locks and doors did. Committed alone.",
    Family.ACCESS: "Who came with what. Committed alone.",
    Family.COMMAND: "What the cloud asked and what became of it. Committed alone.",
    Family.ALARM: "What somebody must look at. Committed alone.",
    Family.LIFECYCLE: "The device itself. Committed alone.",
    Family.TELEMETRY: "Samples. Grouped: at most 200 ms or 50 events a commit.",
}


def events() -> str:
    lead = (
        "One table, `edge/wire/event_types.py`, is what devices write from and what ingest checks against. A *urgent* "
        "event also leaves at once as a hint, ahead of the backlog, and raises an alarm even when it is late. Members "
        "that the table does not know are kept in the bytes. The envelope around `data` is in [wire.md](wire.md#event)."
    )
    return head("Events", lead) + "".join(_family(family) for family in Family)


def _family(family: Family) -> str:
    rows = [row for row in EVENT_TYPES.values() if row.family is family]
    return f"\n## {family.value}\n\n{MEANINGS[family]}\n" + "".join(_event(row) for row in rows)


def _event(row: EventType) -> str:
    urgent = " *Urgent.*" if row.urgent else ""
    members = [(code(name), member.kind, "optional" if member.optional else "") for name, member in row.members.items()]
    return f"\n### {row.name}\n\n{row.meaning}.{urgent}\n\n" + table(("member", "value", ""), members)
