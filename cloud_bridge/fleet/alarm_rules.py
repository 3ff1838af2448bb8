"""Which events raise or clear which alarm. Pure: the table is the rule.

A late fact fills history and raises no fresh alarm, unless it is a security event (an `urgent` row of the event
table). Clearing always counts: an alarm whose end has come is over, however late we learn it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloud_bridge.fleet.model import Severity
from edge.wire.event_types import EVENT_TYPES


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """Raise or clear (device, alarm, subject)."""

    raised: bool
    alarm: str
    subject: str = ""
    severity: Severity = Severity.WARNING
    detail: str = ""


_CRITICAL = frozenset(
    ["door_opened_unauthorised", "log_recovered", "storage_full", "storage_failed", "fork", "rollback"]
)
ALARM_TYPES = frozenset(
    [
        "alarm_raised", "alarm_cleared", "door_opened_unauthorised", "door_left_open", "door_closed", "log_recovered",
        "board_lost", "board_found", "desired_refused", "desired_applied", "release_fell_back", "release_committed",
    ]
)  # fmt: skip


def alarm_changes(type_name: str, data: Mapping[str, Any], *, late: bool) -> tuple[AlarmChange, ...]:
    """What an event of this type and payload does to the device's alarms."""
    changes = _changes(type_name, data)
    if late and not EVENT_TYPES[type_name].urgent:
        return tuple(change for change in changes if not change.raised)
    return changes


def _changes(type_name: str, data: Mapping[str, Any]) -> tuple[AlarmChange, ...]:
    compartment = f"compartment:{data.get('compartment_no')}"
    detail = str(data.get("detail", ""))
    match type_name:
        case "alarm_raised":
            return (_raise(str(data["alarm"]), str(data.get("subject", "")), detail),)
        case "alarm_cleared":
            return (AlarmChange(False, str(data["alarm"]), str(data.get("subject", ""))),)
        case "door_opened_unauthorised" | "door_left_open":
            return (_raise(type_name, compartment, ""),)
        case "door_closed":
            return (AlarmChange(False, "door_left_open", compartment),)
        case "log_recovered":
            return (_raise(type_name, str(data["reason"]), detail),)
        case "board_lost":
            return (_raise(type_name, str(data["module"]), ""),)
        case "board_found":
            return (AlarmChange(False, "board_lost", str(data["module"])),)
        case "release_fell_back":
            return (_raise(type_name, str(data["kind"]), f"{data['version']} {data['reason']}"),)
        case "release_committed":
            return (AlarmChange(False, "release_fell_back", str(data["kind"])),)
        case "desired_refused":
            return (_raise(type_name, "", f"{data['reason']} {detail}".strip()),)
        case "desired_applied":
            return (AlarmChange(False, "desired_refused"),)
    return ()


def _raise(alarm: str, subject: str, detail: str) -> AlarmChange:
    severity = Severity.CRITICAL if alarm in _CRITICAL else Severity.WARNING
    return AlarmChange(True, alarm, subject, severity, detail)
