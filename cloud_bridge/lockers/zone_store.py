"""The only SQL on climate zones: their limits, and the excursions that devices told of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, delete, insert, select, update

from cloud_bridge.lockers.zones import Zone
from cloud_bridge.storage.schema import Whole, Words, metadata

zones = Table(
    "locker_zones",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("zone", Words, primary_key=True),
    Column("compartments", Words, nullable=False),
    Column("low_mc", Whole, nullable=False),
    Column("high_mc", Whole, nullable=False),
    Column("max_s", Whole, nullable=False),
)
excursions = Table(
    "temperature_excursions",
    metadata,
    Column("event_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("locker_id", Words, nullable=False),
    Column("zone", Words, nullable=False),
    Column("temperature_mc", Whole, nullable=False),
    Column("limit_mc", Whole, nullable=False),
    Column("lasted_s", Whole, nullable=False),
    Column("parcels", Words, nullable=False, comment="what lay there and is spoiled"),
    Column("at_ms", Whole, nullable=False),
    Column("recovered_at_ms", Whole),
)
Index("ix_temperature_excursions_tenant", excursions.c.tenant, excursions.c.at_ms)


@dataclass(frozen=True, slots=True)
class Excursion:
    """A zone left its limits for too long; `parcels` lay in it."""

    event_id: str
    tenant: str
    locker_id: str
    zone: str
    temperature_mc: int
    limit_mc: int
    lasted_s: int
    parcels: tuple[str, ...]
    at_ms: int
    recovered_at_ms: int | None = None


def put_zones(conn: Connection, locker_id: str, items: Sequence[Zone]) -> None:
    """Replace a locker's zones."""
    conn.execute(delete(zones).where(zones.c.locker_id == locker_id))
    for item in items:
        conn.execute(insert(zones).values(
            locker_id=locker_id, zone=item.zone, compartments=json.dumps(item.compartments), low_mc=item.low_mc,
            high_mc=item.high_mc, max_s=item.max_s,
        ))  # fmt: skip


def zones_of(conn: Connection, locker_id: str) -> list[Zone]:
    rows = conn.execute(select(zones).where(zones.c.locker_id == locker_id).order_by(zones.c.zone))
    return [Zone(row.zone, tuple(json.loads(row.compartments)), row.low_mc, row.high_mc, row.max_s) for row in rows]


def insert_excursion(conn: Connection, item: Excursion) -> None:
    conn.execute(insert(excursions).values(
        event_id=item.event_id, tenant=item.tenant, locker_id=item.locker_id, zone=item.zone,
        temperature_mc=item.temperature_mc, limit_mc=item.limit_mc, lasted_s=item.lasted_s,
        parcels=" ".join(item.parcels), at_ms=item.at_ms,
    ))  # fmt: skip


def recovered(conn: Connection, locker_id: str, zone: str, at_ms: int) -> None:
    """The zone is within its limits again; what spoiled stays spoiled."""
    open_ones = (excursions.c.locker_id == locker_id) & (excursions.c.zone == zone)
    conn.execute(
        update(excursions).where(open_ones, excursions.c.recovered_at_ms.is_(None)).values(recovered_at_ms=at_ms)
    )


def list_excursions(conn: Connection, tenant: str, limit: int) -> list[Excursion]:
    """A tenant's, newest first."""
    rows = conn.execute(
        select(excursions)
        .where(excursions.c.tenant == tenant)
        .order_by(excursions.c.at_ms.desc(), excursions.c.event_id)
        .limit(limit)
    )
    return [_excursion(row) for row in rows]


def _excursion(row: Row[Any]) -> Excursion:
    return Excursion(
        row.event_id, row.tenant, row.locker_id, row.zone, row.temperature_mc, row.limit_mc, row.lasted_s,
        tuple(row.parcels.split()), row.at_ms, row.recovered_at_ms,
    )  # fmt: skip
