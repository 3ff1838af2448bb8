"""`bytes_per_event`: what an event costs the flash card, alone and in groups of 50, at each page size."""

from __future__ import annotations

import statistics
import time

from edge.storage.limits import LogLimits
from edge.wire.event import LogIdentity, encode_event
from tests.bench.device_log import PAYLOAD_BYTES, disk_folder, drafts, file_system, open_log, open_plain, written_bytes

ROUNDS = 5
EVENTS = 600
GOAL_ALONE = 8_000
GOAL_GROUPED = 1_000
GROUP = 50
PAGE_SIZES = (1024, 4096)


def run() -> dict[str, object]:
    """Written bytes by /proc/self/io until the log is closed, over the events; the peer is one plain row per event."""
    began_s = time.perf_counter()
    with disk_folder() as folder:
        kind = file_system(folder)
    shipped = LogLimits().page_bytes
    table = {
        f"{page} B pages, {'alone' if group == 1 else f'groups of {group}'}": _compare(page, group)
        for page in PAGE_SIZES
        for group in (1, GROUP)
    }
    alone, peer, spread = table[f"{shipped} B pages, alone"]
    grouped = table[f"{shipped} B pages, groups of {GROUP}"][0]
    return {
        "name": "bytes_per_event",
        "value": alone,
        "unit": "bytes",
        "limit": peer,
        "ratio": round(alone / peer, 3),
        "goal": f"alone <= {GOAL_ALONE}, in groups of {GROUP} <= {GOAL_GROUPED}",
        "met": alone <= GOAL_ALONE and grouped <= GOAL_GROUPED,
        "seconds": round(time.perf_counter() - began_s, 1),
        "spread": spread,
        "grouped": grouped,
        "table": {name: {"log": log, "plain_rows": rows, "spread": span} for name, (log, rows, span) in table.items()},
        "note": f"{PAYLOAD_BYTES} B payload (160 random hex digits in each), {kind}, {shipped} B pages shipped, "
        f"median of {ROUNDS} rounds of {EVENTS} events; the peer stores the same bytes as plain rows, as many a commit",
    }


def _compare(page_bytes: int, group: int) -> tuple[int, int, list[int]]:
    limits = LogLimits(page_bytes=page_bytes, ballast_bytes=0)
    logs = [_log_bytes(limits, group, seed) for seed in range(ROUNDS)]
    plain = [_plain_bytes(limits, group, seed) for seed in range(ROUNDS)]
    return round(statistics.median(logs)), round(statistics.median(plain)), [round(min(logs)), round(max(logs))]


def _log_bytes(limits: LogLimits, group: int, seed: int) -> float:
    batch = drafts(EVENTS, seed)
    with disk_folder() as folder:
        log = open_log(folder, limits)
        before = written_bytes()
        for i in range(0, EVENTS, group):
            log.append(batch[i : i + group])
        log.close()
        return (written_bytes() - before) / EVENTS


def _plain_bytes(limits: LogLimits, group: int, seed: int) -> float:
    identity = LogIdentity("bench", "locker-0001", "ab" * 16, 1)
    rows = [(i, encode_event(draft, identity, i)) for i, draft in enumerate(drafts(EVENTS, seed))]
    with disk_folder() as folder:
        connection = open_plain(folder, limits)
        before = written_bytes()
        for i in range(0, EVENTS, group):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO event VALUES (?, ?)", rows[i : i + group])
            connection.execute("COMMIT")
        connection.close()
        return (written_bytes() - before) / EVENTS
