"""Registry, sessions and presence: the only SQL on those tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from cloud_bridge.errors import Conflict, NotFound
from cloud_bridge.fleet.model import Device, DeviceState, Presence, Session
from cloud_bridge.fleet.tables import devices, presence, sessions, state_changes
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.prepared import Prepared

_DEVICE = Prepared(select(devices).where(devices.c.device_id == bindparam("device")))
_STATE = Prepared(select(devices.c.state).where(devices.c.device_id == bindparam("device")))
_SESSION = Prepared(select(sessions).where(sessions.c.device_id == bindparam("device")))
_CONFIRM = Prepared(
    update(sessions)
    .where(sessions.c.device_id == bindparam("device"), sessions.c.pending == bindparam("offered"))
    .values(nonce=bindparam("offered"), confirmed_at_ms=bindparam("at"), pending=b"")
)
_PRESENCE = Prepared(select(presence).where(presence.c.device_id == bindparam("device")))

ACTIVE_STREAM = "EXISTS (SELECT 1 FROM devices WHERE devices.device_id = streams.device_id AND state = 'active')"
"""A condition on a row of `streams`: ingest stores it only while its device is active."""

# --- registry ------------------------------------------------------------------------------------------------


def load_device(conn: Connection, device_id: str) -> Device | None:
    """The registered device, or None."""
    row = _DEVICE.first(conn, {"device": device_id})
    return None if row is None else _device(row)


def device_state(conn: Connection, device_id: str) -> DeviceState | None:
    """The device's state alone, as each ingest transaction asks for it."""
    state = _STATE.scalar(conn, {"device": device_id})
    return None if state is None else DeviceState(state)


def require_device(conn: Connection, device_id: str) -> Device:
    """The registered device.

    Raises:
        NotFound: there is none.
    """
    device = load_device(conn, device_id)
    if device is None:
        raise NotFound(f"no device {device_id}", where="registry", remedy="Register it with the provisioning export.")
    return device


def list_devices(conn: Connection, *, tenant: str | None = None, after: str = "", limit: int = 100) -> list[Device]:
    """Devices by id, after `after`."""
    query = select(devices).where(devices.c.device_id > after)
    if tenant is not None:
        query = query.where(devices.c.tenant == tenant)
    return [_device(row) for row in conn.execute(query.order_by(devices.c.device_id).limit(limit))]


def register_device(conn: Connection, device: Device, now_ms: int) -> bool:
    """Add a device, or update a known one: its kind, and tenant and site when given; a retired one is retired here too.

    True when it is new.

    Raises:
        Conflict: a device of that id is known with other keys; keys never change under one id.
    """
    known = load_device(conn, device.device_id)
    if known is not None and (known.log_public, known.wrap_public) != (device.log_public, device.wrap_public):
        raise Conflict(
            "known with other keys", where=device.device_id, remedy="Retire the device and enrol it under a new id."
        )
    values = {
        "device_id": device.device_id, "kind": device.kind, "tenant": device.tenant, "site": device.site,
        "log_public": device.log_public, "wrap_public": device.wrap_public, "state": device.state.value,
        "state_reason": device.state_reason, "state_at_ms": now_ms,
    }  # fmt: skip
    change = ["kind", *(name for name in ("tenant", "site") if values[name])]
    upsert(conn, devices, values, keys=("device_id",), change=change)
    if known is not None and device.state is DeviceState.RETIRED:
        set_state(conn, device.device_id, DeviceState.RETIRED, actor="provisioning", reason=device.state_reason,
                  now_ms=now_ms)  # fmt: skip
    return known is None


def set_state(conn: Connection, device_id: str, state: DeviceState, *, actor: str, reason: str, now_ms: int) -> bool:
    """Change a device's state and keep who did it and why; False when it already was so."""
    done = conn.execute(
        update(devices)
        .where(devices.c.device_id == device_id, devices.c.state != state.value)
        .values(state=state.value, state_reason=reason, state_at_ms=now_ms)
    )
    if done.rowcount != 1:
        return False
    change = {"device_id": device_id, "state": state.value, "actor": actor, "reason": reason, "at_ms": now_ms}
    conn.execute(insert(state_changes), change)
    return True


def state_history(conn: Connection, device_id: str) -> Sequence[Row[Any]]:
    """All state changes of a device, oldest first."""
    query = select(state_changes).where(state_changes.c.device_id == device_id)
    return conn.execute(query.order_by(state_changes.c.change_no)).all()


def _device(row: Row[Any]) -> Device:
    return Device(
        row.device_id, row.kind, row.tenant, row.site, bytes(row.log_public), bytes(row.wrap_public),
        DeviceState(row.state), row.state_reason,
    )  # fmt: skip


# --- sessions ------------------------------------------------------------------------------------------------


def load_session(conn: Connection, device_id: str) -> Session | None:
    """The device's session, or None before its first knock."""
    row = _SESSION.first(conn, {"device": device_id})
    if row is None:
        return None
    return Session(
        row.device_id, bytes(row.nonce), row.confirmed_at_ms, bytes(row.pending), row.pending_at_ms,
        row.welcome_stream, row.welcome_cursor, bytes(row.welcome_root),
    )  # fmt: skip


def offer_session(
    conn: Connection, device_id: str, nonce: bytes, stream: str, cursor: int, root: bytes, now_ms: int
) -> None:
    """Keep the nonce of a welcome with the head it will be judged against; a confirmed session stays in force."""
    values = {
        "device_id": device_id, "nonce": b"", "confirmed_at_ms": 0, "pending": nonce, "pending_at_ms": now_ms,
        "welcome_stream": stream, "welcome_cursor": cursor, "welcome_root": root,
    }  # fmt: skip
    change = ("pending", "pending_at_ms", "welcome_stream", "welcome_cursor", "welcome_root")
    upsert(conn, sessions, values, keys=("device_id",), change=change)


def confirm_session(conn: Connection, session: Session, now_ms: int) -> bool:
    """Make the pending nonce the session's, once; False when it was answered before or replaced."""
    return _CONFIRM.run(conn, {"device": session.device_id, "offered": session.pending, "at": now_ms}) == 1


def session_is_renewing(conn: Connection, device_id: str) -> bool:
    """Whether an online device has yet to answer the welcome of its newest connection: its old nonce is void."""
    seen, session = load_presence(conn, device_id), load_session(conn, device_id)
    if seen is None or session is None or not seen.online:
        return False
    return bool(session.pending) or (bool(session.nonce) and session.confirmed_at_ms < seen.changed_at_ms)


def end_session(conn: Connection, device_id: str) -> None:
    """No command can be sent until the device has answered a new welcome."""
    conn.execute(update(sessions).where(sessions.c.device_id == device_id).values(nonce=b"", pending=b""))


# --- presence ------------------------------------------------------------------------------------------------


def load_presence(conn: Connection, device_id: str) -> Presence | None:
    """How the device was last seen, or None."""
    row = _PRESENCE.first(conn, {"device": device_id})
    return None if row is None else _presence(row)


def list_presence(conn: Connection, device_ids: Sequence[str]) -> dict[str, Presence]:
    """Presence of these devices; those never seen are missing."""
    rows = conn.execute(select(presence).where(presence.c.device_id.in_(device_ids)))
    return {row.device_id: _presence(row) for row in rows}


def set_presence(conn: Connection, device_id: str, *, online: bool, now_ms: int) -> bool:
    """What the presence topic said. True when that is news."""
    known = load_presence(conn, device_id)
    if known is not None and known.online == online:
        return False
    values = {"device_id": device_id, "online": online, "changed_at_ms": now_ms, "seen_at_ms": now_ms, "agent": ""}
    upsert(conn, presence, values, keys=("device_id",), change=("online", "changed_at_ms"))
    return True


def mark_seen(conn: Connection, device_id: str, now_ms: int, agent: str) -> None:
    """An authentic hello arrived: the device is online, whatever an older last will said."""
    values = {"device_id": device_id, "online": True, "changed_at_ms": now_ms, "seen_at_ms": now_ms, "agent": agent}
    upsert(conn, presence, values, keys=("device_id",), change=("online", "changed_at_ms", "seen_at_ms", "agent"))


def _presence(row: Row[Any]) -> Presence:
    return Presence(row.device_id, bool(row.online), row.changed_at_ms, row.seen_at_ms, row.agent)
