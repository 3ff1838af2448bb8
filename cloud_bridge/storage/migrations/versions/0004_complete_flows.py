"""complete flows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("claim_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("compartment_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("parcel_id", sa.Text(), nullable=False),
        sa.Column("pickup_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("resolved_by", sa.Text(), server_default="", nullable=False),
        sa.Column("resolved_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("resolution", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("claim_id", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index("ix_claims_tenant", ["tenant", "made_at_ms"], unique=False)
        batch_op.create_index(
            "uq_claims_open",
            ["locker_id", "parcel_id", "kind"],
            unique=True,
            sqlite_where=sa.text("resolved_at_ms IS NULL"),
            postgresql_where=sa.text("resolved_at_ms IS NULL"),
        )

    op.create_table(
        "locker_upkeep",
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("reconcile_due_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("leaving", sa.Text(), nullable=False, comment="empty: in service"),
        sa.Column("leaving_changed_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("leaving_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("locker_id", name=op.f("pk_locker_upkeep")),
    )
    with op.batch_alter_table("locker_upkeep", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_locker_upkeep_reconcile_due_at_ms"), ["reconcile_due_at_ms"], unique=False)

    op.create_table(
        "locker_zones",
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("compartments", sa.Text(), nullable=False),
        sa.Column("low_mc", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("high_mc", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("max_s", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("locker_id", "zone", name=op.f("pk_locker_zones")),
    )
    op.create_table(
        "pickup_extensions",
        sa.Column("pickup_id", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("payment_id", sa.Text(), nullable=True, comment="null: it was free"),
        sa.Column("from_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("pickup_id", "place", name=op.f("pk_pickup_extensions")),
    )
    op.create_table(
        "pickup_payments",
        sa.Column("payment_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("pickup_id", sa.Text(), nullable=False),
        sa.Column("parcel_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("pk_pickup_payments")),
        sa.UniqueConstraint("key", name=op.f("uq_pickup_payments_key")),
    )
    with op.batch_alter_table("pickup_payments", schema=None) as batch_op:
        batch_op.create_index(
            "ix_pickup_payments_pending",
            ["made_at_ms"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )
        batch_op.create_index(batch_op.f("ix_pickup_payments_pickup_id"), ["pickup_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_pickup_payments_tenant"), ["tenant"], unique=False)

    op.create_table(
        "pickup_proxies",
        sa.Column("proxy_id", sa.Text(), nullable=False),
        sa.Column("pickup_id", sa.Text(), nullable=False),
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "opened_at_ms",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="when its one use began",
        ),
        sa.Column("revoked_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("proxy_id", name=op.f("pk_pickup_proxies")),
        sa.UniqueConstraint("jti", name=op.f("uq_pickup_proxies_jti")),
    )
    with op.batch_alter_table("pickup_proxies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pickup_proxies_pickup_id"), ["pickup_id"], unique=False)

    op.create_table(
        "tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("compartment_no", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False, comment="what it is about: a parcel's id, a door, the locker"),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("claimed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("claimed_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("done_by", sa.Text(), server_default="", nullable=False),
        sa.Column("done_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_tasks")),
    )
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.create_index("ix_tasks_tenant", ["tenant", "made_at_ms"], unique=False)
        batch_op.create_index(
            "uq_tasks_open",
            ["locker_id", "kind", "subject"],
            unique=True,
            sqlite_where=sa.text("done_at_ms IS NULL"),
            postgresql_where=sa.text("done_at_ms IS NULL"),
        )

    op.create_table(
        "temperature_excursions",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("temperature_mc", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("limit_mc", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lasted_s", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("parcels", sa.Text(), nullable=False, comment="what lay there and is spoiled"),
        sa.Column("at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recovered_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_temperature_excursions")),
    )
    with op.batch_alter_table("temperature_excursions", schema=None) as batch_op:
        batch_op.create_index("ix_temperature_excursions_tenant", ["tenant", "at_ms"], unique=False)

    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhooks")),
    )
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_webhooks_tenant"), ["tenant"], unique=False)

    op.create_table(
        "drop_offs",
        sa.Column("parcel_key", sa.Text(), nullable=False),
        sa.Column("pickup_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sender_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dropped_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["parcel_key"], ["parcels.parcel_key"], name=op.f("fk_drop_offs_parcel_key_parcels")),
        sa.PrimaryKeyConstraint("parcel_key", name=op.f("pk_drop_offs")),
        sa.UniqueConstraint("pickup_id", name=op.f("uq_drop_offs_pickup_id")),
    )
    with op.batch_alter_table("drop_offs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_drop_offs_tenant"), ["tenant"], unique=False)

    with op.batch_alter_table("lockers", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "time_zone", sa.Text(), server_default="UTC", nullable=False, comment="IANA name; deadlines follow it"
            )
        )
        batch_op.add_column(
            sa.Column(
                "twin_due_at_ms",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                nullable=True,
                comment="when the device must know the plans as they stand",
            )
        )
        batch_op.create_index(batch_op.f("ix_lockers_twin_due_at_ms"), ["twin_due_at_ms"], unique=False)

    with op.batch_alter_table("notify_outbox", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "via", sa.Text(), server_default="", nullable=False, comment="empty: the person; else webhook:<id>"
            )
        )

    with op.batch_alter_table("parcels", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "contact_hash",
                sa.LargeBinary(),
                nullable=True,
                comment="keyed; tells whether two parcels are for the same contact",
            )
        )
        batch_op.add_column(
            sa.Column(
                "cod_minor", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), server_default="0", nullable=False
            )
        )
        batch_op.add_column(sa.Column("currency", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("origin", sa.Text(), server_default="announced", nullable=False))
        batch_op.add_column(
            sa.Column("spoiled_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.add_column(
            sa.Column("returned_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index("ix_parcels_contact", ["contact_hash"], unique=False)

    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "notice",
                sa.Text(),
                server_default="",
                nullable=False,
                comment="what the clock told last: reminded, overdue",
            )
        )
        batch_op.drop_constraint(batch_op.f("uq_reservations_pickup_id"), type_="unique")
        batch_op.create_index(
            "ix_reservations_deadline",
            ["collect_by_ms"],
            unique=False,
            sqlite_where=sa.text("ended IS NULL AND fulfilled = 1"),
            postgresql_where=sa.text("ended IS NULL AND fulfilled = 1"),
        )
        batch_op.create_index(batch_op.f("ix_reservations_pickup_id"), ["pickup_id"], unique=False)

    # lockers from before the weekly walk are due for their first
    op.execute(
        "INSERT INTO locker_upkeep (locker_id, reconcile_due_at_ms, leaving, leaving_reason) "
        "SELECT locker_id, 0, '', '' FROM lockers"
    )


def downgrade() -> None:
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reservations_pickup_id"))
        batch_op.drop_index(
            "ix_reservations_deadline",
            sqlite_where=sa.text("ended IS NULL AND fulfilled = 1"),
            postgresql_where=sa.text("ended IS NULL AND fulfilled = 1"),
        )
        batch_op.create_unique_constraint(batch_op.f("uq_reservations_pickup_id"), ["pickup_id"])
        batch_op.drop_column("notice")

    with op.batch_alter_table("parcels", schema=None) as batch_op:
        batch_op.drop_index("ix_parcels_contact")
        batch_op.drop_column("returned_at_ms")
        batch_op.drop_column("spoiled_at_ms")
        batch_op.drop_column("origin")
        batch_op.drop_column("currency")
        batch_op.drop_column("cod_minor")
        batch_op.drop_column("contact_hash")

    with op.batch_alter_table("notify_outbox", schema=None) as batch_op:
        batch_op.drop_column("via")

    with op.batch_alter_table("lockers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lockers_twin_due_at_ms"))
        batch_op.drop_column("twin_due_at_ms")
        batch_op.drop_column("time_zone")

    with op.batch_alter_table("drop_offs", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_drop_offs_tenant"))

    op.drop_table("drop_offs")
    with op.batch_alter_table("webhooks", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_webhooks_tenant"))

    op.drop_table("webhooks")
    with op.batch_alter_table("temperature_excursions", schema=None) as batch_op:
        batch_op.drop_index("ix_temperature_excursions_tenant")

    op.drop_table("temperature_excursions")
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_tasks_open", sqlite_where=sa.text("done_at_ms IS NULL"), postgresql_where=sa.text("done_at_ms IS NULL")
        )
        batch_op.drop_index("ix_tasks_tenant")

    op.drop_table("tasks")
    with op.batch_alter_table("pickup_proxies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pickup_proxies_pickup_id"))

    op.drop_table("pickup_proxies")
    with op.batch_alter_table("pickup_payments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pickup_payments_tenant"))
        batch_op.drop_index(batch_op.f("ix_pickup_payments_pickup_id"))
        batch_op.drop_index(
            "ix_pickup_payments_pending",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.drop_table("pickup_payments")
    op.drop_table("pickup_extensions")
    op.drop_table("locker_zones")
    with op.batch_alter_table("locker_upkeep", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_locker_upkeep_reconcile_due_at_ms"))

    op.drop_table("locker_upkeep")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_claims_open",
            sqlite_where=sa.text("resolved_at_ms IS NULL"),
            postgresql_where=sa.text("resolved_at_ms IS NULL"),
        )
        batch_op.drop_index("ix_claims_tenant")

    op.drop_table("claims")
