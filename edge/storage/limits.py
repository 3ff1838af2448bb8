"""How large the event log may grow, how long it keeps what has been receipted, and how its file is written."""

from __future__ import annotations

from dataclasses import dataclass

DAY_S = 86_400
MAX_COMMIT_EVENTS = 500
MAX_COMMIT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLimits:
    """`keep_receipted_s` must exceed the cloud's backup window, so that a restored cloud can ask again.

    Custody events stay for `keep_custody_s`. When more than `trim_above_bytes` are in use, receipted events go
    earlier, custody last; what has no receipt never goes. `reserve_bytes` above `max_file_bytes` and the ballast
    file beside the log are for alarms and trimming only.
    """

    max_file_bytes: int = 256 * 1024 * 1024
    trim_above_bytes: int = 192 * 1024 * 1024
    reserve_bytes: int = 256 * 1024
    ballast_bytes: int = 3 * 1024 * 1024
    keep_receipted_s: int = 35 * DAY_S
    keep_custody_s: int = 180 * DAY_S
    page_bytes: int = 1024
    wal_pages: int = 2048
    wal_limit_bytes: int = 4 * 1024 * 1024
    full_check_bytes: int = 32 * 1024 * 1024

    def __post_init__(self) -> None:
        if not 0 < self.trim_above_bytes <= self.max_file_bytes:
            raise ValueError("trim_above_bytes must lie between 0 and max_file_bytes")
        if self.page_bytes not in (512, 1024, 2048, 4096, 8192):
            raise ValueError("page_bytes must be a power of two from 512 to 8192")
