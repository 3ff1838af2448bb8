"""The last things that happened, for whoever has to understand a failed run."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any

KEPT = 80


class Trace:
    """Lines with virtual time; `digest` covers all of them, so that two runs of a seed can be compared."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, str, str, tuple[Any, ...]]] = deque(maxlen=KEPT)
        self._hash = hashlib.sha256()

    def note(self, at_ms: int, who: str, what: str, *more: Any) -> None:
        self._kept.append((at_ms, who, what, more))
        self._hash.update(f"{at_ms} {who} {what}".encode())

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()[:16]

    def lines(self) -> list[str]:
        return [
            f"{_clock(at_ms)}  {who:<12} {what} {' '.join(map(str, more))}".rstrip()
            for at_ms, who, what, more in self._kept
        ]


def _clock(at_ms: int) -> str:
    s, ms = divmod(at_ms, 1000)
    return f"{s // 3600:3}:{s // 60 % 60:02}:{s % 60:02}.{ms:03}"
