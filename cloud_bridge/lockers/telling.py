"""Puts a message about a pickup into the outbox, in the transaction of what it tells."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.lockers.model import Reservation
from cloud_bridge.notify import store as outbox
from cloud_bridge.notify import webhook_store
from cloud_bridge.notify.model import Channel
from cloud_bridge.ports import Random


class Telling:
    """To the person by the channels that reach it, and to each of the tenant's webhooks."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def tell(self, conn: Connection, kind: str, about: Reservation, dedupe: str, now_ms: int) -> None:
        """Once for each `dedupe`, however often it is asked for."""
        self._enqueue(conn, kind, about, dedupe, "", now_ms)
        for hook in webhook_store.live_webhooks(conn, about.tenant):
            via = f"{Channel.WEBHOOK.value}:{hook.webhook_id}"
            self._enqueue(conn, kind, about, f"{dedupe}/{hook.webhook_id}", via, now_ms)

    def _enqueue(self, conn: Connection, kind: str, about: Reservation, dedupe: str, via: str, now_ms: int) -> None:
        outbox.enqueue(
            conn, self._random.token(16).hex(), dedupe, tenant=about.tenant, kind=kind, parcel_id=about.parcel_id,
            pickup_id=about.pickup_id, now_ms=now_ms, via=via,
        )  # fmt: skip
