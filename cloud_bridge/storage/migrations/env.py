"""Runs revisions on the connection it is given; its transaction is the caller's."""

from __future__ import annotations

from alembic import context

from cloud_bridge.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
