"""The two adapters of the event log port behave alike."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from edge.errors import StorageFull
from edge.ports import EventLog
from edge.storage.event_log import InlineEventLog, ThreadedEventLog
from edge.storage.event_store import EventStore
from edge.storage.opening import Start, open_event_log
from tests.log_world import SMALL, T0_MS, LogWorld, alarm, door

Adapter: TypeAlias = InlineEventLog | ThreadedEventLog
ADAPTERS = pytest.mark.parametrize("adapter", [InlineEventLog, ThreadedEventLog])


def open_with(path: Path, adapter: Callable[[EventStore], Adapter]) -> Adapter:
    world = LogWorld(path)
    return open_event_log(path, world.owner, Start(world.random, T0_MS), adapter, SMALL).log


@ADAPTERS
async def test_event_log_whole_port_behaves_alike(tmp_path: Path, adapter: Callable[[EventStore], Adapter]) -> None:
    opened = open_with(tmp_path / "log", adapter)
    log: EventLog = opened
    cursors = await asyncio.gather(*(log.append([door(no)], snapshot=b"s") for no in range(1, 6)))
    assert [cursor.size for cursor in cursors] == [2, 3, 4, 5, 6]
    batch = await log.read(1, 3, 65536)
    assert batch is not None
    assert [b'"compartment_no":%d' % no in event for no, event in enumerate(batch.events, 1)] == [True] * 3
    await log.store_receipt(b"r", 6)
    await log.floor(T0_MS)
    head = await log.head()
    assert (head.size, head.receipted_size, head.boot) == (6, 6, 1)
    assert await opened.trim(T0_MS + 10**12)
    assert (await log.head()).base.size == 5
    await opened.close()


@ADAPTERS
async def test_event_log_full_raises_to_the_caller(tmp_path: Path, adapter: Callable[[EventStore], Adapter]) -> None:
    world = LogWorld(tmp_path / "log")
    tiny = dataclasses.replace(SMALL, max_file_bytes=20 * 1024, trim_above_bytes=20 * 1024)
    log = open_event_log(world.path, world.owner, Start(world.random, T0_MS), adapter, tiny).log
    with pytest.raises(StorageFull):
        for no in range(1, 500):
            await log.append([door(no)])
    assert (await log.append([alarm()])).size == (await log.head()).size
    await log.close()
