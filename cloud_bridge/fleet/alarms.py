"""Alarms: raise, clear, acknowledge, without duplicates. The only SQL on that table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from cloud_bridge.errors import NotFound
from cloud_bridge.fleet.alarm_rules import AlarmChange
from cloud_bridge.fleet.model import Alarm, Severity
from cloud_bridge.fleet.tables import alarms
from cloud_bridge.storage.prepared import Prepared


def apply_change(conn: Connection, device_id: str, change: AlarmChange, *, at_ms: int, event_id: str = "",
                 settled: bool = True) -> bool:  # fmt: skip
    """Raise or clear; True when the set of active alarms changed.

    `settled` False: known by a hint only. The log record of the same `event_id` settles it and raises nothing again,
    even when somebody has cleared it in the meantime.
    """
    if not change.raised:
        return _clear(conn, device_id, change, at_ms, event_id)
    if event_id and _known(conn, device_id, change, event_id):
        if settled:
            conn.execute(update(alarms).where(_same(device_id, change), alarms.c.event_id == event_id)
                         .values(settled=True))  # fmt: skip
        return False
    active = _active(conn, device_id, change)
    if active is not None:
        values: dict[str, Any] = {"repeats": active.repeats + 1, "detail": change.detail or active.detail}
        if at_ms >= active.raised_at_ms and event_id:
            values |= {"event_id": event_id, "settled": settled}
        conn.execute(update(alarms).where(alarms.c.alarm_no == active.alarm_no).values(values))
        return False
    conn.execute(insert(alarms), {
        "device_id": device_id, "alarm": change.alarm, "subject": change.subject, "severity": change.severity.value,
        "detail": change.detail, "raised_at_ms": at_ms, "event_id": event_id, "settled": settled, "repeats": 0,
        "cleared_at_ms": None, "cleared_by": "", "acked_at_ms": None, "acked_by": "",
    })  # fmt: skip
    return True


def raise_alarm(conn: Connection, device_id: str, alarm: str, *, at_ms: int, subject: str = "", detail: str = "",
                severity: Severity = Severity.WARNING) -> bool:  # fmt: skip
    """Raise an alarm that the cloud itself found; True when it was not active yet."""
    return apply_change(conn, device_id, AlarmChange(True, alarm, subject, severity, detail), at_ms=at_ms)


def clear_alarm(conn: Connection, device_id: str, alarm: str, *, at_ms: int, subject: str = "") -> bool:
    """The condition the cloud found has ended; True when it was active."""
    return apply_change(conn, device_id, AlarmChange(False, alarm, subject), at_ms=at_ms)


def acknowledge(conn: Connection, alarm_no: int, *, actor: str, now_ms: int) -> Alarm:
    """Somebody is looking at it; it stays active until its condition ends.

    Raises:
        NotFound: no such alarm.
    """
    conn.execute(
        update(alarms)
        .where(alarms.c.alarm_no == alarm_no, alarms.c.acked_at_ms.is_(None))
        .values(acked_at_ms=now_ms, acked_by=actor)
    )
    return get_alarm(conn, alarm_no)


def clear_by_hand(conn: Connection, alarm_no: int, *, actor: str, now_ms: int) -> Alarm:
    """An operator ends an alarm whose condition no event will end.

    Raises:
        NotFound: no such alarm.
    """
    conn.execute(
        update(alarms)
        .where(alarms.c.alarm_no == alarm_no, alarms.c.cleared_at_ms.is_(None))
        .values(cleared_at_ms=now_ms, cleared_by=actor)
    )
    return get_alarm(conn, alarm_no)


def get_alarm(conn: Connection, alarm_no: int) -> Alarm:
    """One alarm.

    Raises:
        NotFound: no such alarm.
    """
    row = conn.execute(select(alarms).where(alarms.c.alarm_no == alarm_no)).one_or_none()
    if row is None:
        raise NotFound(f"no alarm {alarm_no}", where="alarms")
    return _alarm(row)


def list_alarms(conn: Connection, *, device_ids: list[str] | None = None, active_only: bool = True,
                before_no: int | None = None, limit: int = 100) -> list[Alarm]:  # fmt: skip
    """Alarms, newest first."""
    query = select(alarms)
    if device_ids is not None:
        query = query.where(alarms.c.device_id.in_(device_ids))
    if active_only:
        query = query.where(alarms.c.cleared_at_ms.is_(None))
    if before_no is not None:
        query = query.where(alarms.c.alarm_no < before_no)
    return [_alarm(row) for row in conn.execute(query.order_by(alarms.c.alarm_no.desc()).limit(limit))]


def has_active(conn: Connection, device_id: str) -> bool:
    """Whether any alarm of this device is active: without one there is nothing to clear."""
    return _ANY_ACTIVE.first(conn, {"device": device_id}) is not None


_OF_DEVICE = (alarms.c.device_id == bindparam("device"), alarms.c.cleared_at_ms.is_(None))
_ANY_ACTIVE = Prepared(select(alarms.c.alarm_no).where(*_OF_DEVICE).limit(1))
_ACTIVE = Prepared(
    select(alarms).where(*_OF_DEVICE, alarms.c.alarm == bindparam("name"), alarms.c.subject == bindparam("about"))
)


def _active(conn: Connection, device_id: str, change: AlarmChange) -> Any | None:
    return _ACTIVE.first(conn, {"device": device_id, "name": change.alarm, "about": change.subject})


def _same(device_id: str, change: AlarmChange) -> Any:
    return (alarms.c.device_id == device_id) & (alarms.c.alarm == change.alarm) & (alarms.c.subject == change.subject)


def _known(conn: Connection, device_id: str, change: AlarmChange, event_id: str) -> bool:
    query = select(alarms.c.alarm_no).where(_same(device_id, change), alarms.c.event_id == event_id).limit(1)
    return conn.execute(query).first() is not None


def _clear(conn: Connection, device_id: str, change: AlarmChange, at_ms: int, event_id: str) -> bool:
    active = _active(conn, device_id, change)
    if active is None or _precedes(event_id, active.event_id):
        return False
    conn.execute(
        update(alarms).where(alarms.c.alarm_no == active.alarm_no).values(cleared_at_ms=at_ms, cleared_by="device")
    )
    return True


def _precedes(clearing: str, raising: str) -> bool:
    """Whether the clearing event is older in its stream than the raising one (which a hint sent ahead)."""
    stream, _, seq = clearing.rpartition("/")
    raised_stream, _, raised_seq = raising.rpartition("/")
    return bool(stream) and stream == raised_stream and int(seq) < int(raised_seq)


def _alarm(row: Row[Any]) -> Alarm:
    return Alarm(
        row.alarm_no, row.device_id, row.alarm, row.subject, Severity(row.severity), row.detail, row.raised_at_ms,
        row.event_id, bool(row.settled), row.repeats, row.cleared_at_ms, row.cleared_by, row.acked_at_ms, row.acked_by,
    )  # fmt: skip
