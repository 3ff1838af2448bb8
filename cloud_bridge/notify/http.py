"""Routes of notify: what was told to whom's pickup, through which channel, with what result."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.notify import store
from cloud_bridge.notify.store import Message


class MessageReply(Model):
    message_id: str
    kind: str
    parcel_id: str
    state: str
    channel: str
    tries: int
    detail: str
    next_at_ms: int
    created_at_ms: int
    changed_at_ms: int


class MessageList(Model):
    messages: list[MessageReply]


class MessageQuery(Model):
    parcel_id: Annotated[str, Field(pattern="^[A-Z0-9-]{4,40}$")] | None = None
    state: Literal["waiting", "sent", "bounced", "failed", "erased"] | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


def routes() -> tuple[Route, ...]:
    def list_messages(call: Call, conn: Connection) -> MessageList:
        rows = store.messages(
            conn, call.principal.tenant, parcel_id=call.query.parcel_id, state=call.query.state, limit=call.query.limit
        )
        return MessageList(messages=[_reply(row) for row in rows])

    def get_message(call: Call, conn: Connection) -> MessageReply:
        row = store.message(conn, call.principal.tenant, call.params["message_id"])
        if row is None:
            raise NotFound("no such message", where="message_id")
        return _reply(row)

    return (
        Route("GET", "/v1/notifications", Permission.NOTIFICATIONS_READ, list_messages, "List messages",
              "notifications", query=MessageQuery, reply=MessageList),
        Route("GET", "/v1/notifications/{message_id}", Permission.NOTIFICATIONS_READ, get_message, "A message's state",
              "notifications", reply=MessageReply),
    )  # fmt: skip


def _reply(row: Message) -> MessageReply:
    return MessageReply(
        message_id=row.message_id, kind=row.kind, parcel_id=row.parcel_id, state=row.progress.state.value,
        channel=row.channel, tries=row.progress.tries, detail=row.detail, next_at_ms=row.progress.next_at_ms,
        created_at_ms=row.created_at_ms, changed_at_ms=row.changed_at_ms,
    )  # fmt: skip
