"""The only SQL on claims."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, insert, select, update

from cloud_bridge.lockers.claims import Claim, ClaimKind, ClaimState
from cloud_bridge.storage.schema import Whole, Words, metadata

claims = Table(
    "claims",
    metadata,
    Column("claim_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("locker_id", Words, nullable=False),
    Column("compartment_no", Whole),
    Column("parcel_id", Words, nullable=False),
    Column("pickup_id", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("event_id", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("made_at_ms", Whole, nullable=False),
    Column("note", Words, nullable=False),
    Column("resolved_by", Words, nullable=False, server_default=""),
    Column("resolved_at_ms", Whole),
    Column("resolution", Words, nullable=False, server_default=""),
)
OPEN = claims.c.resolved_at_ms.is_(None)
Index(
    "uq_claims_open", claims.c.locker_id, claims.c.parcel_id, claims.c.kind, unique=True,
    sqlite_where=OPEN, postgresql_where=OPEN,
)  # fmt: skip
Index("ix_claims_tenant", claims.c.tenant, claims.c.made_at_ms)


def put_claim(conn: Connection, item: Claim) -> Claim:
    """Add a claim; said twice while it is open, it is one claim: the first."""
    same = (claims.c.locker_id == item.locker_id) & (claims.c.parcel_id == item.parcel_id)
    row = conn.execute(select(claims).where(same, claims.c.kind == item.kind.value, OPEN)).one_or_none()
    if row is not None:
        return _claim(row)
    conn.execute(insert(claims).values(
        claim_id=item.claim_id, tenant=item.tenant, kind=item.kind.value, locker_id=item.locker_id,
        compartment_no=item.compartment_no, parcel_id=item.parcel_id, pickup_id=item.pickup_id, source=item.source,
        event_id=item.event_id, state=item.state.value, made_at_ms=item.made_at_ms, note=item.note,
    ))  # fmt: skip
    return item


def claim(conn: Connection, tenant: str, claim_id: str) -> Claim | None:
    row = conn.execute(select(claims).where(claims.c.tenant == tenant, claims.c.claim_id == claim_id)).one_or_none()
    return None if row is None else _claim(row)


def list_claims(conn: Connection, tenant: str, *, open_only: bool, limit: int) -> list[Claim]:
    """A tenant's claims, newest first."""
    query = select(claims).where(claims.c.tenant == tenant)
    if open_only:
        query = query.where(OPEN)
    rows = conn.execute(query.order_by(claims.c.made_at_ms.desc(), claims.c.claim_id).limit(limit))
    return [_claim(row) for row in rows]


def resolve(conn: Connection, claim_id: str, state: ClaimState, actor: str, words: str, now_ms: int) -> bool:
    """Whether it was still open."""
    changed = conn.execute(
        update(claims)
        .where(claims.c.claim_id == claim_id, OPEN)
        .values(state=state.value, resolved_by=actor, resolved_at_ms=now_ms, resolution=words)
    )
    return changed.rowcount == 1


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        row.claim_id, row.tenant, ClaimKind(row.kind), row.locker_id, row.compartment_no, row.parcel_id,
        row.pickup_id, row.source, row.event_id, ClaimState(row.state), row.made_at_ms, row.note, row.resolved_by,
        row.resolved_at_ms, row.resolution,
    )  # fmt: skip
