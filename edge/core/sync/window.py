"""How many batches may be on their way at once: 1 to 8, one more for each receipt, half after a time-out."""

from __future__ import annotations

from dataclasses import dataclass

MIN_BATCHES = 1
MAX_BATCHES = 8


@dataclass(frozen=True, slots=True)
class Window:
    """The limit on unreceipted batches."""

    batches: int = MIN_BATCHES

    def grown(self) -> Window:
        """After a receipt that moved the cursor."""
        return self if self.batches == MAX_BATCHES else Window(self.batches + 1)

    def shrunk(self) -> Window:
        """After a time-out or a rewind."""
        return self if self.batches == MIN_BATCHES else Window(self.batches // 2)
