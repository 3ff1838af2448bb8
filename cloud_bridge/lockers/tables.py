"""The tables of lockers: installations, parcels with their sealed recipients, and reservations."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Table, UniqueConstraint

from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

lockers = Table(
    "lockers",
    metadata,
    Column("locker_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False, index=True),
    Column("name", Words, nullable=False),
    Column("address", Words, nullable=False),
    Column("language", Words, nullable=False),
    Column("time_zone", Words, nullable=False, server_default="UTC", comment="IANA name; deadlines follow it"),
    Column("twin_due_at_ms", Whole, index=True, comment="when the device must know the plans as they stand"),
)
compartments = Table(
    "locker_compartments",
    metadata,
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), primary_key=True),
    Column("compartment_no", Whole, primary_key=True, autoincrement=False),
    Column("module", Words, nullable=False),
    Column("channel", Whole, nullable=False),
    Column("width_mm", Whole, nullable=False),
    Column("height_mm", Whole, nullable=False),
    Column("depth_mm", Whole, nullable=False),
    Column("sill_mm", Whole, nullable=False),
    Column("features", Words, nullable=False),
)
parcels = Table(
    "parcels",
    metadata,
    Column("parcel_key", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("parcel_id", Words, nullable=False, index=True),
    Column("carrier", Words, nullable=False),
    Column("wish", Words, nullable=False),
    Column("wanted_locker_id", Words),
    Column("announced_at_ms", Whole, nullable=False),
    Column("recipient_sealed", Bytes, nullable=False),
    Column("contact_hash", Bytes, comment="keyed; tells whether two parcels are for the same contact"),
    Column("cod_minor", Whole, nullable=False, server_default="0"),
    Column("currency", Words, nullable=False, server_default=""),
    Column("origin", Words, nullable=False, server_default="announced"),
    Column("spoiled_at_ms", Whole),
    Column("returned_at_ms", Whole),
    UniqueConstraint("tenant", "parcel_id"),
)
recipient_keys = Table(
    "recipient_keys",
    metadata,
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), primary_key=True),
    Column("data_key", Bytes, nullable=False),
)
reservations = Table(
    "reservations",
    metadata,
    Column("reservation_id", Words, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), nullable=False),
    Column("compartment_no", Whole, nullable=False),
    Column("parcel_key", Words, ForeignKey("parcels.parcel_key"), nullable=False, index=True),
    Column("parcel_id", Words, nullable=False),
    Column("pickup_id", Words, nullable=False, index=True),  # parcels of one contact share it
    Column("generation", Whole, nullable=False),
    Column("fulfilled", Whole, nullable=False),
    Column("expires_at_ms", Whole, nullable=False, index=True),
    Column("collect_by_ms", Whole, nullable=False),
    Column("created_at_ms", Whole, nullable=False),
    Column("ended", Words, comment="why it ended; null while active"),
    Column("notice", Words, nullable=False, server_default="", comment="what the clock told last: reminded, overdue"),
)
ACTIVE = reservations.c.ended.is_(None)
Index(
    "uq_reservations_compartment", reservations.c.locker_id, reservations.c.compartment_no, unique=True,
    sqlite_where=ACTIVE, postgresql_where=ACTIVE,
)  # fmt: skip
Index("uq_reservations_parcel", reservations.c.parcel_key, unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE)
Index(
    "ix_reservations_deadline", reservations.c.collect_by_ms,
    sqlite_where=ACTIVE & (reservations.c.fulfilled == 1), postgresql_where=ACTIVE & (reservations.c.fulfilled == 1),
)  # fmt: skip
Index("ix_parcels_contact", parcels.c.contact_hash)
