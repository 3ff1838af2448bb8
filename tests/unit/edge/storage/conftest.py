"""The log world as fixtures: in a folder, or in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.log_world import LogWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LogWorld]:
    world = LogWorld(tmp_path / "log")
    yield world
    for opened in world.opened:
        opened.log.close()


@pytest.fixture
def memory_world() -> Iterator[LogWorld]:
    world = LogWorld(None)
    yield world
    for opened in world.opened:
        opened.log.close()
