"""places and decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assignment_decisions",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parcel_id", sa.Text(), nullable=False, comment="empty: for no parcel in particular"),
        sa.Column(
            "locker_id", sa.Text(), nullable=False, comment="where it was asked, or what was chosen; empty: none"
        ),
        sa.Column("made_at_ms", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("question", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_assignment_decisions")),
    )
    with op.batch_alter_table("assignment_decisions", schema=None) as batch_op:
        batch_op.create_index("ix_assignment_decisions_made", ["made_at_ms", "decision_id"], unique=False)
        batch_op.create_index("ix_assignment_decisions_parcel", ["tenant", "parcel_id", "made_at_ms"], unique=False)

    op.create_table(
        "locker_places",
        sa.Column("locker_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column(
            "band",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="of latitude, counted from the south pole",
        ),
        sa.Column("latitude_udeg", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("longitude_udeg", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("directions", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["locker_id"], ["lockers.locker_id"], name=op.f("fk_locker_places_locker_id_lockers")),
        sa.PrimaryKeyConstraint("locker_id", name=op.f("pk_locker_places")),
    )
    with op.batch_alter_table("locker_places", schema=None) as batch_op:
        batch_op.create_index("ix_locker_places_band", ["tenant", "band", "longitude_udeg"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("locker_places", schema=None) as batch_op:
        batch_op.drop_index("ix_locker_places_band")

    op.drop_table("locker_places")
    with op.batch_alter_table("assignment_decisions", schema=None) as batch_op:
        batch_op.drop_index("ix_assignment_decisions_parcel")
        batch_op.drop_index("ix_assignment_decisions_made")

    op.drop_table("assignment_decisions")
