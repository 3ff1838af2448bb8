"""Diagnostic lines on stderr. A full disk behind them must not stop the agent, so what cannot be written is dropped."""

from __future__ import annotations

import sys
from typing import TextIO

import structlog


class LossyStream:
    """A text stream whose failed writes are counted, not raised: a full disk, or a stream that was closed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.dropped = 0

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            self.dropped += 1
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.dropped += 1


def configure() -> None:
    """Send structlog's lines to stderr as JSON, without raising."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(LossyStream(sys.stderr)),  # type: ignore[arg-type]
    )
