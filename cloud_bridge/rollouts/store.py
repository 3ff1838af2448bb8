"""Rollouts, the devices that they asked, and pinned devices. The only SQL on those tables."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Index, Row, Table, delete, select, update

from cloud_bridge.errors import NotFound
from cloud_bridge.rollouts.model import (
    OPEN_STATES,
    Asked,
    DeviceState,
    Gates,
    Rollout,
    RolloutState,
    Share,
    Target,
)
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.schema import Whole, Words, metadata
from edge.wire.release import ReleaseKind, parse_version

rollouts = Table(
    "rollouts",
    metadata,
    Column("rollout_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("product", Words, nullable=False),
    Column("board", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("plan", Words, nullable=False, comment="phases and gates, JSON"),
    Column("state", Words, nullable=False, index=True),
    Column("reason", Words, nullable=False),
    Column("phase", Whole, nullable=False),
    Column("round", Whole, nullable=False),
    Column("made_by", Words, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
)
asked_devices = Table(
    "rollout_devices",
    metadata,
    Column("rollout_id", Words, primary_key=True),
    Column("device_id", Words, primary_key=True),
    Column("phase", Whole, nullable=False),
    Column("round", Whole, nullable=False),
    Column("attempt", Whole, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("former", Words, nullable=False, comment="the wish before this one, JSON; empty: none"),
    Column("asked_at_ms", Whole, nullable=False),
    Column("changed_at_ms", Whole, nullable=False),
    Column("open", Boolean, nullable=False, comment="its rollout is not over"),
)
Index(
    "uq_rollout_devices_open", asked_devices.c.device_id, unique=True,
    sqlite_where=asked_devices.c.open, postgresql_where=asked_devices.c.open,
)  # fmt: skip
pins = Table(
    "device_pins",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("at_ms", Whole, nullable=False),
)


def put_rollout(conn: Connection, item: Rollout) -> None:
    """Add it, or write its state, phase, round and reason."""
    values = {
        "rollout_id": item.rollout_id, "tenant": item.tenant, "product": item.target.product,
        "board": item.target.board, "kind": item.target.kind.value, "version": str(item.target.version),
        "plan": _plan(item), "state": item.state.value, "reason": item.reason, "phase": item.phase,
        "round": item.round, "made_by": item.made_by, "made_at_ms": item.made_at_ms,
        "changed_at_ms": item.changed_at_ms,
    }  # fmt: skip
    upsert(conn, rollouts, values, keys=("rollout_id",), change=("state", "reason", "phase", "round", "changed_at_ms"))


def require_rollout(conn: Connection, tenant: str, rollout_id: str, *, lock: bool = False) -> Rollout:
    """
    Raises:
        NotFound: none of this tenant's has that id.
    """
    query = select(rollouts).where(rollouts.c.rollout_id == rollout_id, rollouts.c.tenant == tenant)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound("no such rollout", where=rollout_id, remedy="See GET /v1/rollouts.")
    return _rollout(row)


def list_rollouts(conn: Connection, tenant: str, limit: int = 100) -> list[Rollout]:
    """A tenant's rollouts, newest first."""
    query = select(rollouts).where(rollouts.c.tenant == tenant)
    return [_rollout(row) for row in conn.execute(query.order_by(rollouts.c.made_at_ms.desc()).limit(limit))]


def open_rollouts(conn: Connection) -> list[tuple[str, str]]:
    """Tenant and id of every rollout that is not over."""
    states = [state.value for state in OPEN_STATES]
    query = select(rollouts.c.tenant, rollouts.c.rollout_id).where(rollouts.c.state.in_(states))
    return [(row.tenant, row.rollout_id) for row in conn.execute(query.order_by(rollouts.c.made_at_ms))]


def asked_of(conn: Connection, rollout_id: str) -> dict[str, Asked]:
    """The devices that this rollout has asked."""
    rows = conn.execute(select(asked_devices).where(asked_devices.c.rollout_id == rollout_id))
    return {row.device_id: _asked(row) for row in rows}


def put_asked(conn: Connection, rollout_id: str, item: Asked) -> None:
    """Keep how far a device is."""
    values = {
        "rollout_id": rollout_id, "device_id": item.device_id, "phase": item.phase, "round": item.round,
        "attempt": item.attempt, "state": item.state.value, "reason": item.reason, "former": item.former,
        "asked_at_ms": item.asked_at_ms, "changed_at_ms": item.changed_at_ms, "open": True,
    }  # fmt: skip
    change = ("phase", "round", "attempt", "state", "reason", "asked_at_ms", "changed_at_ms")
    upsert(conn, asked_devices, values, keys=("rollout_id", "device_id"), change=change)


def close(conn: Connection, rollout_id: str) -> None:
    """Its devices are free for another rollout."""
    conn.execute(update(asked_devices).where(asked_devices.c.rollout_id == rollout_id).values(open=False))


def taken_devices(conn: Connection, rollout_id: str) -> frozenset[str]:
    """Devices that another rollout has asked and that is not over."""
    query = select(asked_devices.c.device_id).where(asked_devices.c.open, asked_devices.c.rollout_id != rollout_id)
    return frozenset(conn.execute(query).scalars())


def pin(conn: Connection, device_id: str, reason: str, actor: str, now_ms: int) -> None:
    """Leave this device as it is until it is unpinned; the newest reason stands."""
    values = {"device_id": device_id, "reason": reason, "actor": actor, "at_ms": now_ms}
    upsert(conn, pins, values, keys=("device_id",), change=("reason", "actor", "at_ms"))


def unpin(conn: Connection, device_id: str) -> None:
    conn.execute(delete(pins).where(pins.c.device_id == device_id))


def pinned(conn: Connection) -> dict[str, str]:
    """Pinned devices, with the reason."""
    return {row.device_id: row.reason for row in conn.execute(select(pins))}


def _plan(item: Rollout) -> str:
    gates = {name: getattr(item.gates, name) for name in Gates.__slots__}
    return json.dumps({"phases": [[share.count, share.percent] for share in item.phases], "gates": gates})


def _rollout(row: Row[Any]) -> Rollout:
    plan = json.loads(row.plan)
    return Rollout(
        row.rollout_id, row.tenant,
        Target(row.product, row.board, ReleaseKind(row.kind), parse_version(row.version)),
        tuple(Share(count, percent) for count, percent in plan["phases"]), Gates(**plan["gates"]),
        RolloutState(row.state), row.reason, row.phase, row.round, row.made_by, row.made_at_ms, row.changed_at_ms,
    )  # fmt: skip


def _asked(row: Row[Any]) -> Asked:
    return Asked(
        row.device_id, row.phase, row.round, row.attempt, DeviceState(row.state), row.reason, row.former,
        row.asked_at_ms, row.changed_at_ms,
    )  # fmt: skip
