"""promises."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "locker_promises",
        sa.Column("parcel_key", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("promised_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("drop_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "tried_at_ms",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="when room was looked for last",
        ),
        sa.Column("ended", sa.Text(), nullable=True, comment="kept, moved or broken; null while it waits"),
        sa.ForeignKeyConstraint(
            ["locker_id"], ["lockers.locker_id"], name=op.f("fk_locker_promises_locker_id_lockers")
        ),
        sa.ForeignKeyConstraint(
            ["parcel_key"], ["parcels.parcel_key"], name=op.f("fk_locker_promises_parcel_key_parcels")
        ),
        sa.PrimaryKeyConstraint("parcel_key", name=op.f("pk_locker_promises")),
    )
    with op.batch_alter_table("locker_promises", schema=None) as batch_op:
        batch_op.create_index(
            "ix_locker_promises_locker",
            ["locker_id"],
            unique=False,
            sqlite_where=sa.text("ended IS NULL"),
            postgresql_where=sa.text("ended IS NULL"),
        )
        batch_op.create_index(
            "ix_locker_promises_tried",
            ["tried_at_ms"],
            unique=False,
            sqlite_where=sa.text("ended IS NULL"),
            postgresql_where=sa.text("ended IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("locker_promises", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_locker_promises_tried", sqlite_where=sa.text("ended IS NULL"), postgresql_where=sa.text("ended IS NULL")
        )
        batch_op.drop_index(
            "ix_locker_promises_locker",
            sqlite_where=sa.text("ended IS NULL"),
            postgresql_where=sa.text("ended IS NULL"),
        )

    op.drop_table("locker_promises")
