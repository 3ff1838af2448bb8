"""The fleet's fold of ledger events: alarms, command outcomes, reported twin, confirmed secrets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms, commands, secrets, twins
from cloud_bridge.fleet.alarm_rules import ALARM_TYPES, AlarmChange, alarm_changes
from cloud_bridge.fleet.model import CommandState
from cloud_bridge.ledger.model import StoredEvent

REPORTED_TYPES = frozenset(
    [
        "command_accepted", "command_refused", "command_finished", "desired_applied", "desired_refused",
        "secret_stored", "stream_started",
    ]
)  # fmt: skip


class FleetProjection:
    """Runs inside the ingest transaction, so an alarm stands as soon as its event is receipted."""

    name = "fleet"
    types = ALARM_TYPES | REPORTED_TYPES

    def apply_all(self, conn: Connection, events: Sequence[StoredEvent]) -> None:
        """Fold one device's events; nearly all end a condition that never was, which costs one look for all."""
        active: bool | None = None
        for event in events:
            changes = alarm_changes(event.type, event.data, late=event.late)
            if changes and not active:
                active = any(change.raised for change in changes) or (
                    active is None and alarms.has_active(conn, event.device_id)
                )
            if event.type in REPORTED_TYPES or (active and changes):
                self._apply(conn, event, changes if active else ())

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        self._apply(conn, event, alarm_changes(event.type, event.data, late=event.late))

    def _apply(self, conn: Connection, event: StoredEvent, changes: Sequence[AlarmChange]) -> None:
        device, data = event.device_id, event.data
        match event.type:
            case "command_accepted":
                commands.record_outcome(conn, device, data["command_id"], CommandState.ACCEPTED, "", event.at_ms)
            case "command_refused":
                reason = data["reason"]
                commands.record_outcome(conn, device, data["command_id"], CommandState.REFUSED, reason, event.at_ms)
            case "command_finished":
                outcome = data["outcome"]
                commands.record_outcome(conn, device, data["command_id"], CommandState.FINISHED, outcome, event.at_ms)
            case "desired_applied":
                twins.report_applied(conn, device, data["epoch"], data["version"], event.at_ms)
            case "desired_refused":
                twins.report_refused(conn, device, data["epoch"], data["version"], data["reason"])
            case "secret_stored":
                secrets.confirm(conn, device, data["name"], data["version"], event.at_ms)
            case "stream_started":
                secrets.forget_confirmations(conn, device)
        for change in changes:
            alarms.apply_change(conn, device, change, at_ms=event.at_ms, event_id=event.id)

    def reset(self, conn: Connection) -> None:
        """Nothing is emptied: the fold only ever completes rows that the cloud itself wrote."""
