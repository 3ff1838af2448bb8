"""`append`: one event committed alone, durably, against the same commit without hashing and signing."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.wire.event import EventDraft
from edge.wire.merkle import Frontier
from tests.bench.device_log import PAYLOAD_BYTES, disk_folder, drafts, file_system, open_log

ROUNDS = 15
COMMITS = 300
GOAL = 0.8


def run() -> dict[str, object]:
    """Interleaved rounds of the log and its peer on one disk; `ratio` is log rate over peer rate, by medians."""
    began_s = time.perf_counter()
    with disk_folder() as folder:
        ratios, rates, cpu_us, kind = _rounds(folder)
    ratio = statistics.median(ratios)
    return {
        "name": "append",
        "value": round(statistics.median(rates), 1),
        "unit": "commits/s",
        "limit": round(statistics.median(rates) / ratio, 1),
        "ratio": round(ratio, 3),
        "goal": f"ratio >= {GOAL}",
        "met": ratio >= GOAL,
        "seconds": round(time.perf_counter() - began_s, 1),
        "spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "cpu_us": round(statistics.median(cpu_us), 1),
        "note": f"one event of {PAYLOAD_BYTES} B payload a commit, {ROUNDS} interleaved rounds of {COMMITS}, {kind}, "
        "synchronous=FULL; the peer is the shipped commit with zeros for leaf hashes, peaks, root and signature",
    }


def _rounds(folder: Path) -> tuple[list[float], list[float], list[float], str]:
    (folder / "log").mkdir()
    (folder / "peer").mkdir()
    limits = LogLimits(ballast_bytes=0)
    log = open_log(folder / "log", limits)
    peer = open_log(folder / "peer", limits)
    peer.__class__ = Unsigned
    ratios, rates, cpu_us = [], [], []
    for number in range(ROUNDS + 1):
        log_s, peer_s, cpu_s = _alternate(log, peer, drafts(COMMITS, number))
        ratios.append(peer_s / log_s)
        rates.append(COMMITS / log_s)
        cpu_us.append(cpu_s / COMMITS * 1e6)
    log.close()
    peer.close()
    return ratios[1:], rates[1:], cpu_us[1:], file_system(folder)


def _alternate(log: EventStore, peer: EventStore, batch: list[EventDraft]) -> tuple[float, float, float]:
    """Seconds of the log, seconds of its peer, and the log's CPU seconds; commit by commit in turn."""
    log_s = peer_s = cpu_s = 0.0
    for draft in batch:
        cpu, began = time.process_time(), time.perf_counter()
        log.append([draft])
        log_s += time.perf_counter() - began
        cpu_s += time.process_time() - cpu
        began = time.perf_counter()
        peer.append([draft])
        peer_s += time.perf_counter() - began
    return log_s, peer_s, cpu_s


class Unsigned(EventStore):
    """The shipped commit without leaf hashes, peaks, root and signature; the row is as long as ever."""

    def _seal(self, events: list[bytes]) -> tuple[Frontier, bytes, bytes, bytes]:
        return Uncounted(self._frontier.size + len(events)), bytes(32), bytes(64), bytes(32)


class Uncounted(Frontier):
    """A number of leaves without any hash of them."""

    def __post_init__(self) -> None:
        pass
