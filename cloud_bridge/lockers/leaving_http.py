"""Routes of a locker's end: closed by a signed command, emptied, wiped; what it signed and our receipts stay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.fleet.model import CommandRecord
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import custody_store, upkeep_store
from cloud_bridge.lockers.duty_http import Words
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.upkeep_store import Leaving
from cloud_bridge.storage.engine import Database

SendCommand = Callable[..., Awaitable[CommandRecord]]


class ReasonBody(Model):
    reason: Words


class UpkeepReply(Model):
    locker_id: str
    leaving: str = Field(description="requested, started or decommissioned; empty: in service")
    reason: str
    changed_at_ms: int | None
    reconcile_due_at_ms: int | None
    inside: Annotated[int, Field(description="Parcels that still lie in it")]


def routes(lockers: Lockers, db: Database, send_command: SendCommand) -> tuple[Route, ...]:
    def get(call: Call, conn: Connection) -> UpkeepReply:
        locker = lockers.locker_of(conn, call.principal.tenant, call.params["locker_id"])
        return _reply(conn, locker.locker_id)

    async def decommission(call: Call) -> UpkeepReply:
        who, locker_id = call.principal, call.params["locker_id"]
        await db.read(lambda conn: lockers.locker_of(conn, who.tenant, locker_id))
        actor = f"{who.role.value}:{who.actor}"
        await send_command(locker_id, "decommission", {}, actor=actor, reason=call.body.reason)

        def requested(conn: Connection) -> UpkeepReply:
            known = upkeep_store.upkeep_of(conn, locker_id)
            if known is None or known.leaving is Leaving.IN_SERVICE:
                upkeep_store.set_leaving(conn, locker_id, Leaving.REQUESTED, call.body.reason, call.now_ms)
            return _reply(conn, locker_id)

        return await db.write(requested)

    return (
        Route("GET", "/v1/lockers/{locker_id}/upkeep", Permission.LOCKERS_READ, get,
              "When a locker is walked through, and how far its end is", "lockers", reply=UpkeepReply),
        Route("POST", "/v1/lockers/{locker_id}/decommission", Permission.DEVICES_WRITE, decommission,
              "Close a locker for good: no deposits, emptied, wiped", "lockers", "serve", ReasonBody,
              reply=UpkeepReply, status=201, creates=True),
    )  # fmt: skip


def _reply(conn: Connection, locker_id: str) -> UpkeepReply:
    known = upkeep_store.upkeep_of(conn, locker_id)
    return UpkeepReply(
        locker_id=locker_id, leaving=known.leaving.value if known else "", reason=known.reason if known else "",
        changed_at_ms=known.changed_at_ms if known else None,
        reconcile_due_at_ms=known.reconcile_due_at_ms if known else None,
        inside=len(custody_store.deposited_at(conn, locker_id)),
    )  # fmt: skip
