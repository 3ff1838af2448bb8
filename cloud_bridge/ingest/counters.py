"""What ingest counts, and how it slows a client that sends rubbish."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_BAD_A_MINUTE = 60
_WINDOW_MS = 60_000
_MAX_CLIENTS = 10_000


@dataclass(slots=True)
class IngestCounters:
    """Totals since the start, for metrics."""

    outcomes: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    events_stored: int = 0
    events_set_apart: int = 0
    projection_faults: int = 0


class BadSenderLimit:
    """After 60 unauthenticated messages within a minute a client is not listened to until the minute is over."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[int, int]] = {}

    def is_muted(self, client_id: str, now_ms: int) -> bool:
        start_ms, count = self._windows.get(client_id, (0, 0))
        return count >= MAX_BAD_A_MINUTE and now_ms - start_ms < _WINDOW_MS

    def count(self, client_id: str, now_ms: int) -> None:
        start_ms, count = self._windows.get(client_id, (now_ms, 0))
        if now_ms - start_ms >= _WINDOW_MS:
            start_ms, count = now_ms, 0
        if len(self._windows) >= _MAX_CLIENTS:
            self._windows.clear()
        self._windows[client_id] = (start_ms, count + 1)
