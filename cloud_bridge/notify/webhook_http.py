"""Routes of webhooks: where a tenant's own systems are told, signed with a secret shown once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import Conflict, NotFound
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.notify import webhook_store
from cloud_bridge.notify.webhook import secret_text, webhook_secret
from cloud_bridge.notify.webhook_store import Webhook
from cloud_bridge.ports import Random

MAX_WEBHOOKS = 5
URL = r"^(https://|http://(127\.0\.0\.1|localhost)[:/])[!-~]+$"


class WebhookBody(Model):
    url: Annotated[str, Field(max_length=300, pattern=URL, description="https, or http on the bridge's own machine")]


class WebhookRow(Model):
    webhook_id: str
    url: str
    made_at_ms: int


class WebhookMade(WebhookRow):
    secret: str = Field(description="Shown once, kept nowhere: verifies `webhook-signature`")


class WebhookList(Model):
    webhooks: list[WebhookRow]


class Done(Model):
    done: bool = True


def routes(key: bytes, random: Random) -> tuple[Route, ...]:
    """`key` derives the secrets."""

    def make(call: Call, conn: Connection) -> WebhookMade:
        tenant = call.principal.tenant
        if len(webhook_store.live_webhooks(conn, tenant)) >= MAX_WEBHOOKS:
            raise Conflict("five webhooks stand already", where="webhooks", remedy="End one first.")
        made = Webhook(random.token(16).hex(), tenant, call.body.url, call.now_ms)
        webhook_store.insert_webhook(conn, made)
        secret = secret_text(webhook_secret(key, made.webhook_id))
        return WebhookMade(webhook_id=made.webhook_id, url=made.url, made_at_ms=made.made_at_ms, secret=secret)

    def list_webhooks(call: Call, conn: Connection) -> WebhookList:
        rows = webhook_store.live_webhooks(conn, call.principal.tenant)
        found = [WebhookRow(webhook_id=row.webhook_id, url=row.url, made_at_ms=row.made_at_ms) for row in rows]
        return WebhookList(webhooks=found)

    def end(call: Call, conn: Connection) -> Done:
        if not webhook_store.end_webhook(conn, call.principal.tenant, call.params["webhook_id"], call.now_ms):
            raise NotFound("no such webhook", where="webhook_id")
        return Done()

    tag, write = "notifications", Permission.WEBHOOKS_WRITE
    return (
        Route("POST", "/v1/webhooks", write, make, "Have your own system told what recipients are told", tag, "write",
              WebhookBody, reply=WebhookMade, status=201),
        Route("GET", "/v1/webhooks", write, list_webhooks, "List webhooks", tag, reply=WebhookList),
        Route("DELETE", "/v1/webhooks/{webhook_id}", write, end, "End a webhook", tag, "write", reply=Done),
    )  # fmt: skip
