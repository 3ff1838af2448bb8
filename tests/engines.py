"""Both database engines for tests that must hold on either: a fresh, empty database for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from cloud_bridge.storage.engine import Database, open_database
from cloud_bridge.storage.schema import metadata
from tests.integration.postgres import find_postgres, private_cluster

ENGINES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgres", id="postgres", marks=pytest.mark.postgres),
]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """One private server for the whole run."""
    if find_postgres() is None:
        pytest.fail("PostgreSQL is missing. Remedy: apt-get install postgresql")
    with private_cluster() as url:
        yield url


@asynccontextmanager
async def fresh_database(
    request: pytest.FixtureRequest, engine: str, folder: Path, *, bare: bool = False
) -> AsyncIterator[Database]:
    """A database of that engine with empty tables, or `bare`: without any."""
    if engine == "sqlite":
        db = open_database(f"sqlite:///{folder}/cloud.db")
    else:
        db = open_database(request.getfixturevalue("postgres_url"))
        await db.write(_drop if bare else _empty)
    try:
        yield db
    finally:
        await db.close()


def _empty(conn: Connection) -> None:
    metadata.create_all(conn)
    names = ", ".join(f'"{name}"' for name in metadata.tables)
    conn.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))


def _drop(conn: Connection) -> None:
    conn.execute(text("DROP SCHEMA public CASCADE"))
    conn.execute(text("CREATE SCHEMA public"))
