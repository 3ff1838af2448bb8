"""Quarantine: what follows a proved contradiction, and only that."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.fleet import alarms
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.model import DeviceState, Severity


def quarantine_device(conn: Connection, device_id: str, kind: str, detail: str, now_ms: int) -> None:
    """Store nothing more from this device, send it no command, and tell an operator why."""
    fleet_store.set_state(
        conn, device_id, DeviceState.QUARANTINED, actor="ingest", reason=f"{kind}: {detail}"[:300], now_ms=now_ms
    )
    fleet_store.end_session(conn, device_id)
    alarms.raise_alarm(conn, device_id, kind, at_ms=now_ms, detail=detail, severity=Severity.CRITICAL)
