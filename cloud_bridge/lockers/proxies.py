"""A proxy: the recipient forwards a link by which somebody else collects once. Pure.

The first opening, by QR code or from the phone, begins the one use: ten minutes, enough for every door of the pickup
and for a second try at one that jams.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_PROXIES = 5
USE_MS = 10 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Proxy:
    """`jti` is the id of its own QR code, so that one proxy is revoked without the others."""

    proxy_id: str
    pickup_id: str
    jti: str
    made_at_ms: int
    expires_at_ms: int
    opened_at_ms: int | None = None
    revoked_at_ms: int | None = None

    def live(self, now_ms: int) -> bool:
        used_up = self.opened_at_ms is not None and now_ms >= self.opened_at_ms + USE_MS
        return self.revoked_at_ms is None and now_ms < self.expires_at_ms and not used_up
