"""A process that appends until it is killed and prints what append returned. Run by `test_event_log_killed.py`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from edge.storage.event_log import ThreadedEventLog
from edge.storage.limits import LogLimits
from edge.storage.opening import Start, open_event_log
from edge.wire.event import EventDraft
from tests.log_world import T0_MS, CountedRandom, LogWorld


async def main(path: Path, mark: int) -> None:
    owner = LogWorld(path).owner
    limits = LogLimits(wal_pages=32, ballast_bytes=0)
    opened = open_event_log(path, owner, Start(CountedRandom(), T0_MS), ThreadedEventLog, limits)
    print("recovered" if opened.recovery else "opened", opened.head.size, flush=True)
    while True:
        mark += 1
        draft = EventDraft("agent_started", {"version": f"mark {mark}", "reason": "test"}, T0_MS)
        cursor = await opened.log.append([draft], snapshot=b"state" if mark % 7 == 0 else None)
        print("appended", mark, cursor.size, flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
