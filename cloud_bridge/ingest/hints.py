"""Hints: one urgent event ahead of the backlog. Its alarm is raised at once; its log record settles it later."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms
from cloud_bridge.fleet.alarm_rules import alarm_changes
from cloud_bridge.fleet.model import Outgoing
from cloud_bridge.ingest.decide import Drop, Sender
from cloud_bridge.ledger import store as ledger
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database
from edge.wire.errors import WireError
from edge.wire.event import Event, is_late, parse_event
from edge.wire.event_types import check_payload
from edge.wire.ids import event_id
from edge.wire.messages import Hint


def judge_hint(hint: Hint, sender: Sender) -> Event | Drop:
    """An urgent, understood event of the sender's own. Pure."""
    try:
        event = parse_event(hint.event)
        kind = check_payload(event.type, event.data)
    except WireError as error:
        return Drop(error.code, str(error))
    if (event.fleet, event.device_id, hint.device_id) != (sender.fleet, sender.device_id, sender.device_id):
        return Drop("foreign", f"a hint of {event.fleet}/{event.device_id}")
    if not kind.urgent:
        return Drop("not_urgent", event.type)
    return event


class HintIntake:
    """Raises what hints say; also for a quarantined device, whose alarms are wanted most."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def receive(self, sender: Sender, hint: Hint) -> list[Outgoing] | Drop:
        event = judge_hint(hint, sender)
        if isinstance(event, Drop):
            return event
        now_ms = self._clock.now_ms()
        await self._db.write(lambda conn: _raise(conn, event, now_ms))
        return []


def _raise(conn: Connection, event: Event, now_ms: int) -> None:
    head = ledger.load_head(conn, event.device_id, event.stream)
    if head is not None and head.cursor > event.seq:
        return  # its log record came first and has said all
    identity = event_id(event.device_id, event.stream, event.seq)
    for change in alarm_changes(event.type, event.data, late=is_late(event.at_ms, now_ms)):
        alarms.apply_change(conn, event.device_id, change, at_ms=event.at_ms, event_id=identity, settled=False)
