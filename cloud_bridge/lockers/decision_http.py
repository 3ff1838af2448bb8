"""Routes of decisions: what was asked, what was answered, and whether today's code says the same."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import store
from cloud_bridge.lockers.decision_store import Decision, decision, decisions_of_parcel
from cloud_bridge.lockers.questions import readable, replay

_MOST = 200


class DecisionRow(Model):
    decision_id: str
    kind: str = Field(description="compartment, locker or promise")
    parcel_id: str = Field(description="Empty: asked for no parcel in particular")
    locker_id: str = Field(description="Where a compartment was asked for, or the locker that was chosen; empty: none")
    made_at_ms: int


class DecisionList(Model):
    decisions: list[DecisionRow]


class DecisionReply(DecisionRow):
    question: dict[str, Any] = Field(description="All that the answer depends on")
    answer: dict[str, Any] = Field(description="What was answered, with the reasons")
    agrees: bool = Field(description="Whether the same question is answered the same today")


def routes() -> tuple[Route, ...]:
    return (
        Route("GET", "/v1/decisions/{decision_id}", Permission.LOCKERS_READ, _get, "A decision, replayed", "lockers",
              reply=DecisionReply),
        Route("GET", "/v1/parcels/{parcel_id}/decisions", Permission.LOCKERS_READ, _of_parcel,
              "What was decided for a parcel, the newest first", "parcels", reply=DecisionList),
    )  # fmt: skip


def _get(call: Call, conn: Connection) -> DecisionReply:
    item = decision(conn, call.principal.tenant, call.params["decision_id"])
    if item is None:
        raise NotFound("no such decision", where=call.params["decision_id"],
                       remedy="See GET /v1/parcels/{parcel_id}/decisions.")  # fmt: skip
    again = replay(item.kind, item.question, item.answer)
    return DecisionReply(
        **_members(item), question=readable(again.question), answer=readable(again.stored), agrees=again.agrees
    )


def _of_parcel(call: Call, conn: Connection) -> DecisionList:
    if store.parcel(conn, call.principal.tenant, call.params["parcel_id"]) is None:
        raise NotFound("no such parcel", where=call.params["parcel_id"], remedy="Announce it first.")
    found = decisions_of_parcel(conn, call.principal.tenant, call.params["parcel_id"], _MOST)
    return DecisionList(decisions=[DecisionRow(**_members(item)) for item in found])


def _members(item: Decision) -> dict[str, Any]:
    return {
        "decision_id": item.decision_id, "kind": item.kind, "parcel_id": item.parcel_id,
        "locker_id": item.locker_id, "made_at_ms": item.made_at_ms,
    }  # fmt: skip
