"""parcels found by id."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_custody_parcels_parcel_id", "custody_parcels", ["parcel_id"])


def downgrade() -> None:
    op.drop_index("ix_custody_parcels_parcel_id", "custody_parcels")
