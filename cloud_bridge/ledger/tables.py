"""The ledger's tables. `events` is append-only."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, UniqueConstraint

from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

ledger_clock = Table(
    "ledger_clock",
    metadata,
    Column("id", Whole, primary_key=True, autoincrement=False),
    Column("next_position", Whole, nullable=False),
)

streams = Table(
    "streams",
    metadata,
    Column("stream_no", Whole, primary_key=True, autoincrement=True),
    Column("device_id", Words, nullable=False),
    Column("stream", Words, nullable=False),
    Column("size", Whole, nullable=False),
    Column("peaks", Bytes, nullable=False),
    Column("base_size", Whole, nullable=False),
    Column("receipt", Bytes, nullable=False),
    Column("announced_size", Whole, nullable=False),
    Column("announced_at_ms", Whole, nullable=False),
    Column("mismatches", Whole, nullable=False),
    Column("opened_at_ms", Whole, nullable=False),
    Column("updated_at_ms", Whole, nullable=False),
    Column("superseded_at_ms", Whole),
    UniqueConstraint("device_id", "stream"),
)

events = Table(
    "events",
    metadata,
    Column("position", Whole, primary_key=True, autoincrement=False),
    Column("stream_no", Whole, ForeignKey("streams.stream_no"), nullable=False),
    Column("seq", Whole, nullable=False),
    Column("type", Words, nullable=False),
    Column("at_ms", Whole, nullable=False),
    Column("record_at_ms", Whole, nullable=False),
    Column("late", Boolean, nullable=False),
    Column("parcel_id", Words),
    Column("compartment_no", Whole),
    Column("raw", Bytes, nullable=False),
    UniqueConstraint("stream_no", "seq"),
    Index("ix_events_stream_no_at_ms", "stream_no", "at_ms"),
)
Index(
    "ix_events_parcel_id",
    events.c.parcel_id,
    sqlite_where=events.c.parcel_id.is_not(None),
    postgresql_where=events.c.parcel_id.is_not(None),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("stream_no", Whole, ForeignKey("streams.stream_no"), primary_key=True),
    Column("size", Whole, primary_key=True, autoincrement=False),
    Column("peaks", Bytes, nullable=False),
    Column("receipt", Bytes, nullable=False),
    Column("accepted_at_ms", Whole, nullable=False),
    Column("leaf_no", Whole),
)
Index(
    "ix_checkpoints_unlogged",
    checkpoints.c.accepted_at_ms,
    sqlite_where=checkpoints.c.leaf_no.is_(None),
    postgresql_where=checkpoints.c.leaf_no.is_(None),
)

quarantined_events = Table(
    "quarantined_events",
    metadata,
    Column("position", Whole, primary_key=True, autoincrement=False),
    Column("device_id", Words, nullable=False),
    Column("stream", Words, nullable=False),
    Column("seq", Whole, nullable=False),
    Column("reason", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("released_at_ms", Whole),
)

gaps = Table(
    "gaps",
    metadata,
    Column("gap_no", Whole, primary_key=True, autoincrement=True),
    Column("device_id", Words, nullable=False),
    Column("stream", Words, nullable=False),
    Column("first", Whole, nullable=False),
    Column("end", Whole, nullable=False),
    Column("cause", Words, nullable=False),
    Column("recorded_at_ms", Whole, nullable=False),
    Column("proof_size", Whole, nullable=False),
    Column("proof_root", Bytes, nullable=False),
    Column("proved_at_ms", Whole),
    UniqueConstraint("stream", "first", "end"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("projection", Words, primary_key=True),
    Column("position", Whole, nullable=False),
)

projection_faults = Table(
    "projection_faults",
    metadata,
    Column("fault_no", Whole, primary_key=True, autoincrement=True),
    Column("projection", Words, nullable=False),
    Column("position", Whole, nullable=False),
    Column("error", Words, nullable=False),
    Column("at_ms", Whole, nullable=False),
)
