"""A proxy: the recipient forwards a link by which somebody else collects once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PROXIES = 5


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
        return self.revoked_at_ms is None and now_ms < self.expires_at_ms
