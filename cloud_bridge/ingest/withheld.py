"""Withheld tails: a device has signed that its log is longer, yet what it announced does not come."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms
from cloud_bridge.ledger import store as ledger

WITHHELD_AFTER_MS = 15 * 60 * 1000


def raise_withheld(conn: Connection, now_ms: int) -> int:
    """Raise an alarm for each live stream whose announced events are over 15 min overdue; returns how many are new."""
    raised = 0
    for head in ledger.lagging_heads(conn, now_ms - WITHHELD_AFTER_MS):
        detail = f"events {head.cursor} to {head.announced_size - 1} were announced and have not come"
        raised += alarms.raise_alarm(
            conn, head.device_id, "tail_withheld", at_ms=now_ms, subject=head.stream, detail=detail
        )
    return raised
