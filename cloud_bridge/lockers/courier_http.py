"""Routes of couriers and technicians: passes for their own phones, parcels to take out."""

from __future__ import annotations

import base64
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import reservation_store, store, task_store
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.duty_http import TaskList, TaskReply, task_reply
from cloud_bridge.lockers.installation_http import DeviceId, LockerList, list_lockers
from cloud_bridge.lockers.passes import TECHNICIAN_LIFE_MS, TECHNICIAN_OPERATIONS, Passes
from cloud_bridge.lockers.tasks import COURIER_KINDS


class GrantBody(Model):
    public_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$", description="Raw Ed25519, base64url")]
    locker_ids: Annotated[list[DeviceId], Field(min_length=1, max_length=16)]


class GrantReply(Model):
    grant: str
    expires_at_ms: int


class OutcomeBody(Model):
    outcome: Literal["not_there", "door_stuck", "handed_over"]


class ExpectedParcel(Model):
    parcel_id: str
    compartment_no: int
    expires_at_ms: int


class ExpectedList(Model):
    parcels: list[ExpectedParcel]


def routes(passes: Passes, duties: Duties) -> tuple[Route, ...]:
    def grant(call: Call, conn: Connection) -> GrantReply:
        made = passes.grant(conn, call.principal, _public(call), tuple(call.body.locker_ids), call.now_ms)
        return GrantReply(grant=passes.grant_text(made), expires_at_ms=made.expires_at_ms)

    def maintain(call: Call, conn: Connection) -> GrantReply:
        made = passes.grant(
            conn, call.principal, _public(call), tuple(call.body.locker_ids), call.now_ms, TECHNICIAN_OPERATIONS,
            TECHNICIAN_LIFE_MS,
        )  # fmt: skip
        return GrantReply(grant=passes.grant_text(made), expires_at_ms=made.expires_at_ms)

    def expected(call: Call, conn: Connection) -> ExpectedList:
        locker = store.locker(conn, call.params["locker_id"])
        if locker is None or locker.tenant != call.principal.tenant:
            raise NotFound("no such locker", where="locker_id", remedy="See GET /v1/courier/lockers.")
        rows = reservation_store.active_reservations(conn, locker.locker_id)
        return ExpectedList(
            parcels=[
                ExpectedParcel(
                    parcel_id=row.parcel_id, compartment_no=row.compartment_no, expires_at_ms=row.expires_at_ms
                )
                for row in rows
                if not row.fulfilled and call.now_ms < row.expires_at_ms
            ]
        )

    def list_tasks(call: Call, conn: Connection) -> TaskList:
        rows = task_store.list_tasks(conn, call.principal.tenant, kinds=COURIER_KINDS)
        return TaskList(tasks=[task_reply(row) for row in rows])

    def claim(call: Call, conn: Connection) -> TaskReply:
        task = duties.task(conn, call.principal.tenant, call.params["task_id"], COURIER_KINDS)
        return task_reply(duties.claim_task(conn, task, call.principal.actor, call.now_ms))

    def finish(call: Call, conn: Connection) -> TaskReply:
        task = duties.task(conn, call.principal.tenant, call.params["task_id"], COURIER_KINDS)
        return task_reply(duties.finish_task(conn, task, call.principal.actor, call.body.outcome, call.now_ms))

    tag, work, task = "courier", Permission.COURIER_WORK, "/v1/courier/tasks/{task_id}"
    return (
        Route("GET", "/v1/courier/lockers", work, list_lockers, "Lockers a courier may serve", tag, reply=LockerList),
        Route("GET", "/v1/courier/lockers/{locker_id}/parcels", work, expected, "Parcels to bring there", tag,
              reply=ExpectedList),
        Route("POST", "/v1/courier/grants", work, grant, "Certify the courier's own key for a route", tag, "write",
              GrantBody, reply=GrantReply, status=201),
        Route("GET", "/v1/courier/tasks", work, list_tasks, "Parcels to take out", tag, reply=TaskList),
        Route("POST", f"{task}/claim", work, claim, "Take a parcel's retrieval over", tag, "write", reply=TaskReply),
        Route("POST", f"{task}/done", work, finish, "What became of a retrieval that no door can tell", tag, "write",
              OutcomeBody, reply=TaskReply),
        Route("GET", "/v1/technician/lockers", Permission.MAINTAIN, list_lockers, "Lockers a technician may open up",
              "technician", reply=LockerList),
        Route("POST", "/v1/technician/grants", Permission.MAINTAIN, maintain,
              "Certify the technician's own key for a visit, two hours", "technician", "write", GrantBody,
              reply=GrantReply, status=201),
    )  # fmt: skip


def _public(call: Call) -> bytes:
    return base64.urlsafe_b64decode(call.body.public_key + "=")
