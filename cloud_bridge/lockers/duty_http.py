"""Routes of the people who keep lockers: tasks, claims, temperature excursions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import claim_store, task_store, zone_store
from cloud_bridge.lockers.claims import Claim, ClaimState
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.tasks import Task, TaskKind
from cloud_bridge.lockers.zone_store import Excursion

Words = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$")]
Limit = Annotated[int, Field(ge=1, le=200)]


class TaskReply(Model):
    task_id: str
    kind: str
    locker_id: str
    compartment_no: int | None
    subject: str = Field(description="A parcel's, claim's, payment's or the locker's id, a door's number, zone:<name>")
    reasons: list[str]
    state: str
    made_at_ms: int
    claimed_by: str
    claimed_at_ms: int | None
    done_by: str
    done_at_ms: int | None
    outcome: str


class TaskList(Model):
    tasks: list[TaskReply]


class TaskQuery(Model):
    kind: Literal["retrieve", "check", "dispute", "reconcile", "empty", "revoke", "refund"] | None = None
    open: Literal["true", "false"] = Field("true", description="Only what is not done yet")
    limit: Limit = 100


class OutcomeBody(Model):
    outcome: Words = Field(description="What was found and done")


class ClaimReply(Model):
    claim_id: str
    kind: str
    locker_id: str
    compartment_no: int | None
    parcel_id: str
    source: str
    state: str
    made_at_ms: int
    resolved_by: str
    resolved_at_ms: int | None
    resolution: str


class ClaimList(Model):
    claims: list[ClaimReply]


class ClaimQuery(Model):
    open: Literal["true", "false"] = Field("true", description="Only what is not decided yet")
    limit: Limit = 100


class DecisionBody(Model):
    decision: Literal["accepted", "rejected"]
    reason: Words


class ExcursionReply(Model):
    event_id: str
    locker_id: str
    zone: str
    temperature_mc: int
    limit_mc: int
    lasted_s: int
    parcels: list[str]
    at_ms: int
    recovered_at_ms: int | None


class ExcursionList(Model):
    excursions: list[ExcursionReply]


class ExcursionQuery(Model):
    limit: Limit = 50


def routes(duties: Duties) -> tuple[Route, ...]:
    return (*_task_routes(duties), *_claim_routes(duties))


def _task_routes(duties: Duties) -> tuple[Route, ...]:
    def list_tasks(call: Call, conn: Connection) -> TaskList:
        kinds = (TaskKind(call.query.kind),) if call.query.kind is not None else ()
        rows = task_store.list_tasks(
            conn, call.principal.tenant, kinds=kinds, open_only=call.query.open == "true", limit=call.query.limit
        )
        return TaskList(tasks=[task_reply(row) for row in rows])

    def get_task(call: Call, conn: Connection) -> TaskReply:
        return task_reply(duties.task(conn, call.principal.tenant, call.params["task_id"]))

    def claim(call: Call, conn: Connection) -> TaskReply:
        task = duties.task(conn, call.principal.tenant, call.params["task_id"])
        return task_reply(duties.claim_task(conn, task, call.principal.actor, call.now_ms))

    def finish(call: Call, conn: Connection) -> TaskReply:
        task = duties.task(conn, call.principal.tenant, call.params["task_id"])
        return task_reply(duties.finish_task(conn, task, call.principal.actor, call.body.outcome, call.now_ms))

    task = "/v1/tasks/{task_id}"
    return (
        Route("GET", "/v1/tasks", Permission.TASKS_READ, list_tasks, "List tasks", "tasks", query=TaskQuery,
              reply=TaskList),
        Route("GET", task, Permission.TASKS_READ, get_task, "A task", "tasks", reply=TaskReply),
        Route("POST", f"{task}/claim", Permission.TASKS_WORK, claim, "Take a task over", "tasks", "write",
              reply=TaskReply),
        Route("POST", f"{task}/done", Permission.TASKS_WORK, finish, "Say what came of a task", "tasks", "write",
              OutcomeBody, reply=TaskReply),
    )  # fmt: skip


def _claim_routes(duties: Duties) -> tuple[Route, ...]:
    def list_claims(call: Call, conn: Connection) -> ClaimList:
        rows = claim_store.list_claims(
            conn, call.principal.tenant, open_only=call.query.open == "true", limit=call.query.limit
        )
        return ClaimList(claims=[_claim(row) for row in rows])

    def get_claim(call: Call, conn: Connection) -> ClaimReply:
        found = claim_store.claim(conn, call.principal.tenant, call.params["claim_id"])
        if found is None:
            raise NotFound("no such claim", where="claim_id")
        return _claim(found)

    def decide(call: Call, conn: Connection) -> ClaimReply:
        who, body = call.principal, call.body
        state = ClaimState(body.decision)
        return _claim(
            duties.resolve(conn, who.tenant, call.params["claim_id"], state, who.actor, body.reason, call.now_ms)
        )

    def list_excursions(call: Call, conn: Connection) -> ExcursionList:
        rows = zone_store.list_excursions(conn, call.principal.tenant, call.query.limit)
        return ExcursionList(excursions=[_excursion(row) for row in rows])

    claim = "/v1/claims/{claim_id}"
    return (
        Route("GET", "/v1/claims", Permission.TASKS_READ, list_claims, "List claims of recipients", "tasks",
              query=ClaimQuery, reply=ClaimList),
        Route("GET", claim, Permission.TASKS_READ, get_claim, "A claim", "tasks", reply=ClaimReply),
        Route("POST", f"{claim}/decision", Permission.TASKS_WORK, decide, "Accept or reject a claim", "tasks",
              "write", DecisionBody, reply=ClaimReply),
        Route("GET", "/v1/excursions", Permission.TASKS_READ, list_excursions,
              "Zones that left their temperature for too long", "tasks", query=ExcursionQuery, reply=ExcursionList),
    )  # fmt: skip


def task_reply(row: Task) -> TaskReply:
    return TaskReply(
        task_id=row.task_id, kind=row.kind.value, locker_id=row.locker_id, compartment_no=row.compartment_no,
        subject=row.subject, reasons=list(row.reasons), state=row.state.value, made_at_ms=row.made_at_ms,
        claimed_by=row.claimed_by, claimed_at_ms=row.claimed_at_ms, done_by=row.done_by, done_at_ms=row.done_at_ms,
        outcome=row.outcome,
    )  # fmt: skip


def _claim(row: Claim) -> ClaimReply:
    return ClaimReply(
        claim_id=row.claim_id, kind=row.kind.value, locker_id=row.locker_id, compartment_no=row.compartment_no,
        parcel_id=row.parcel_id, source=row.source, state=row.state.value, made_at_ms=row.made_at_ms,
        resolved_by=row.resolved_by, resolved_at_ms=row.resolved_at_ms, resolution=row.resolution,
    )  # fmt: skip


def _excursion(row: Excursion) -> ExcursionReply:
    return ExcursionReply(
        event_id=row.event_id, locker_id=row.locker_id, zone=row.zone, temperature_mc=row.temperature_mc,
        limit_mc=row.limit_mc, lasted_s=row.lasted_s, parcels=list(row.parcels), at_ms=row.at_ms,
        recovered_at_ms=row.recovered_at_ms,
    )  # fmt: skip
