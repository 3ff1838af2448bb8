"""Migrations make exactly what the stores declare, on both engines, from nothing and a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_bridge.storage.migrate import differences, prepare_database
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture


@pytest.mark.parametrize("engine", ENGINES)
async def test_migrations_from_nothing_give_exactly_the_declared_tables(engine, request, tmp_path: Path) -> None:
    async with fresh_database(request, engine, tmp_path, bare=True) as db:
        await prepare_database(db)
        await prepare_database(db)
        assert await db.write(differences) == []
