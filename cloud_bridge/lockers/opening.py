"""Opening a door from the phone: a signed command for the session that lives now, and nothing that waits for later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.access.model import Principal
from cloud_bridge.errors import CloudError, Conflict, NotFound
from cloud_bridge.fleet.commands import get_command
from cloud_bridge.fleet.model import CommandRecord
from cloud_bridge.lockers import proxy_store
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.twin_sections import TwinSections
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database

SendCommand = Callable[..., Awaitable[CommandRecord]]
REASON = "opened from the phone"


class Opening:
    """`send_command(device_id, type, args, actor=, reason=)` signs, records and sends."""

    def __init__(
        self, db: Database, pickups: Pickups, twin: TwinSections, send_command: SendCommand, clock: Clock
    ) -> None:
        self._db = db
        self._pickups = pickups
        self._twin = twin
        self._send_command = send_command
        self._clock = clock

    async def open(self, who: Principal, compartment_no: int) -> CommandRecord:
        """Open the door of a parcel that waits for `who`.

        Raises:
            Conflict: nothing of this pickup waits there, or it is unpaid or overdue.
            NotPossibleNow: the locker is offline; nothing was sent.
        """
        now_ms = self._clock.now_ms()
        locker_id, begun = await self._db.write(lambda conn: self._allow(conn, who, compartment_no, now_ms))
        args: dict[str, Any] = {"compartment_no": compartment_no, "purpose": "collect"}
        try:
            return await self._send_command(
                locker_id, "open_compartment", args, actor=_actor(who), reason=REASON
            )  # fmt: skip
        except CloudError:
            if begun is not None:
                await self._db.write(lambda conn: self._take_back(conn, locker_id, begun))
            raise

    def _allow(self, conn: Connection, who: Principal, no: int, now_ms: int) -> tuple[str, str | None]:
        """The locker, and the proxy whose use begins with this."""
        pickup = self._pickups.show_to(conn, who, now_ms)
        if no not in pickup.doors:
            raise Conflict("no parcel of yours waits behind this door", where="compartment_no",
                           remedy="Open the page again.")  # fmt: skip
        locker_id, proxy = pickup.locker.locker_id, pickup.proxy
        if proxy is None or not proxy_store.begin_use(conn, proxy.proxy_id, now_ms):
            return locker_id, None
        self._twin.write(conn, locker_id)  # one way or the other: its QR code is void now
        return locker_id, proxy.proxy_id

    def _take_back(self, conn: Connection, locker_id: str, proxy_id: str) -> None:
        proxy_store.take_use_back(conn, proxy_id)
        self._twin.write(conn, locker_id)

    def outcome(self, conn: Connection, who: Principal, command_id: str, now_ms: int) -> CommandRecord:
        """What became of an opening.

        Raises:
            NotFound: no such command, or not this caller's.
        """
        found = get_command(conn, command_id, now_ms)
        if found.actor != _actor(who):
            raise NotFound("no such opening", where="command_id")
        return found


def _actor(who: Principal) -> str:
    """The device lets this actor open what belongs to the pickup, and nothing else."""
    return f"pickup:{who.subject}"
