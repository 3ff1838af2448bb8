"""A technician's look into a log: always into a backup copy, never into the file that the agent writes.

sqlite-utils costs 18 MB and 0.4 s to import, so it is loaded here only and never by the agent.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlite_utils

from edge.storage.schema_v1 import Packing
from edge.wire.event import Event, parse_event


def copy_log(folder: Path, target: Path) -> Path:
    """Copy the log in `folder` (stopped, or set aside) to the new file `target`; the original is opened read-only.

    Raises:
        FileExistsError: `target` exists already.
        sqlite3.Error: the log is in use, or too damaged to be copied.
    """
    if target.exists():
        raise FileExistsError(target)
    source = sqlite3.connect(f"file:{folder / 'events.db'}?mode=ro", uri=True, timeout=0)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
        source.close()
    return target


def summary(copy: Path) -> dict[str, Any]:
    """Whose log it is and how much each table holds, keys and receipts left out."""
    database = sqlite_utils.Database(copy)
    log = next(iter(database["log"].rows))
    shown = ("fleet", "device_id", "stream", "boot", "base_size", "receipted_size", "floor_at_ms")
    tables = {name: database[name].count for name in database.table_names()}
    database.close()
    return {**{name: log[name] for name in shown}, "rows": tables}


def events(copy: Path) -> Iterator[Event]:
    """Every event still held, custody commits below the base included, oldest first."""
    database = sqlite_utils.Database(copy)
    log = next(iter(database["log"].rows))
    packing = Packing(log["fleet"], log["device_id"], log["stream"])
    for row in database["commits"].rows_where(order_by="first"):
        yield from (parse_event(raw) for raw in packing.unpack(row["events"]))
    database.close()
