"""Bring a database to the newest schema; runs at every start, in one transaction, on either engine.

`python -m cloud_bridge.storage.migrate "what changes"` writes the next revision from what the stores declare.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from cloud_bridge.ledger.store import start_clock
from cloud_bridge.storage.engine import Database
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from cloud_bridge.storage.tables import load_tables

_FOLDER = Path(__file__).parent / "migrations"


async def prepare_database(db: Database) -> None:
    """Upgrade to the newest revision and start the ledger's clock.

    Raises:
        StoreFailed: the database cannot be reached or upgraded; nothing was changed.
    """
    await db.write(prepare_connection)


def prepare_connection(conn: Connection) -> None:
    """`prepare_database` inside a transaction of the caller's."""
    command.upgrade(_config(conn), "head")
    start_clock(conn)


def differences(conn: Connection) -> list[object]:
    """What the stores declare and the database does not have, or the other way round."""
    load_tables()
    return list(compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), metadata))


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = conn
    return config


def write_revision(message: str) -> None:
    """Write the next revision file from the difference between all revisions and the declared tables."""
    load_tables()
    with tempfile.TemporaryDirectory() as folder, InlineDatabase(f"sqlite:///{folder}/schema.db") as db:
        db.write_now(prepare_if_any)
        number = f"{len(list((_FOLDER / 'versions').glob('[0-9]*.py'))) + 1:04d}"
        db.write_now(lambda conn: command.revision(_config(conn), message, autogenerate=True, rev_id=number))


def prepare_if_any(conn: Connection) -> None:
    """Upgrade when there is a revision at all."""
    if any((_FOLDER / "versions").glob("[0-9]*.py")):
        command.upgrade(_config(conn), "head")


if __name__ == "__main__":
    write_revision(" ".join(sys.argv[1:]) or "change")
