"""The recipient sends somebody else: a link of its own, once, that can be taken back; in the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection

from cloud_bridge.errors import Conflict, NotFound
from cloud_bridge.lockers import proxy_store
from cloud_bridge.lockers.pickups import Pickup, Pickups
from cloud_bridge.lockers.proxies import MAX_PROXIES, Proxy
from cloud_bridge.lockers.twin_sections import TwinSections
from cloud_bridge.ports import Random


class Proxying:
    """A proxy's codes open the same doors as the recipient's, until the recipient's deadline and no longer."""

    def __init__(self, pickups: Pickups, twin: TwinSections, random: Random) -> None:
        self._pickups = pickups
        self._twin = twin
        self._random = random

    def make(self, conn: Connection, pickup: Pickup, now_ms: int) -> Proxy:
        """Raises Conflict: nothing waits or comes, or five live proxies stand already."""
        if pickup.state not in ("waiting", "on_its_way"):
            raise Conflict(f"the pickup is {pickup.state}", where="pickup", remedy="Pay first, or collect it yourself.")
        live = [item for item in proxy_store.proxies_of(conn, pickup.reservation.pickup_id) if item.live(now_ms)]
        if len(live) >= MAX_PROXIES:
            raise Conflict("five people may collect already", where="proxies", remedy="Take one back first.")
        made = Proxy(
            self._random.token(16).hex(), pickup.reservation.pickup_id, self._random.token(16).hex(), now_ms,
            pickup.reservation.collect_by_ms,
        )  # fmt: skip
        proxy_store.insert_proxy(conn, made)
        return made

    def revoke(self, conn: Connection, pickup: Pickup, proxy_id: str, now_ms: int) -> None:
        """Its link leads nowhere, and its QR code is void at the locker.

        Raises:
            NotFound: no such live proxy of this pickup.
        """
        if not proxy_store.revoke(conn, pickup.reservation.pickup_id, proxy_id, now_ms):
            raise NotFound("no such proxy", where="proxy_id")
        self._twin.write(conn, pickup.locker.locker_id)
