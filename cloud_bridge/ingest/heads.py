"""Stream heads as this worker last saw them: the transaction compares and sets, so a stale one costs one retry."""

from __future__ import annotations

from cloud_bridge.ledger.model import StreamHead

_MAX_HEADS = 50_000


class Heads:
    """A cache by device and stream; emptied whole when it is full."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, str], StreamHead] = {}

    def get(self, device_id: str, stream: str) -> StreamHead | None:
        return self._heads.get((device_id, stream))

    def remember(self, head: StreamHead) -> None:
        if len(self._heads) >= _MAX_HEADS:
            self._heads.clear()
        self._heads[head.device_id, head.stream] = head

    def forget(self, device_id: str, stream: str) -> None:
        """Somebody else has changed it."""
        self._heads.pop((device_id, stream), None)
