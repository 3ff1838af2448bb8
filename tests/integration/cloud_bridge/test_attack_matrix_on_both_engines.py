"""The attack matrix again, through the real engines: SQLite with its threads, PostgreSQL over asyncpg."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cloud_world import CloudWorld, make_world
from tests.engines import ENGINES, fresh_database, postgres_url  # noqa: F401  a fixture
from tests.unit.cloud_bridge.ingest.test_attack_matrix import *  # noqa: F403  the same tests, another world


@pytest.fixture(params=ENGINES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CloudWorld]:
    async with fresh_database(request, request.param, tmp_path) as db:
        yield await make_world(db)
