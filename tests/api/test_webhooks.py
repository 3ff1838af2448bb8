"""A tenant's own system is told what recipients are told: signed, without the person, and only its own parcels."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloud_bridge.access.model import Role
from cloud_bridge.notify.model import Channel
from cloud_bridge.notify.webhook import WebhookSender
from tests.cloud_world import FakeClock
from tests.flow_world import ANN, flow_world

Got = tuple[dict[str, str], bytes]


@pytest.mark.parametrize("answers", [[200], [503, 200], [410]], ids=["taken", "busy first", "gone"])
async def test_webhook_is_signed_told_again_when_busy_and_never_once_refused(answers: list[int]) -> None:
    got: list[Got] = []

    async def take(request: web.Request) -> web.Response:
        got.append((dict(request.headers), await request.read()))
        return web.Response(status=answers[len(got) - 1])

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as shop, aiohttp.ClientSession() as session:
        sender = WebhookSender(session, FakeClock())
        async with flow_world(senders={Channel.WEBHOOK: sender}) as flow:
            url = str(shop.make_url("/hook"))
            made = await flow.call("POST", "/v1/webhooks", {"url": url}, status=201)
            await flow.announce("PW-0001")
            await flow.deposit("PW-0001")
            for _ in answers[1:] or [0]:
                await flow.pass_time(flow.now_ms + 60_000)
            assert len(got) == len(answers)
            headers, body = got[-1]
            secret = base64.b64decode(made["secret"].removeprefix("whsec_"))
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
            assert headers["webhook-signature"] == f"v1,{expected}"
            told = json.loads(body)
            assert (told["type"], told["data"]["parcel"]) == ("parcel.ready", "PW-0001")
            assert not any(ANN[name] in body.decode() for name in ("name", "email", "phone"))
            assert made["secret"] not in json.dumps(await flow.call("GET", "/v1/webhooks"))
            await flow.call("DELETE", f"/v1/webhooks/{made['webhook_id']}")
            await flow.collected("PW-0001", 1)
            assert len(got) == len(answers)


@pytest.mark.parametrize("url", ["http://shop.test/hook", "ftp://shop.test/", "https://shop.test/a b", "x"])
async def test_webhook_elsewhere_than_over_https_is_refused(url: str) -> None:
    async with flow_world() as flow:
        await flow.call("POST", "/v1/webhooks", {"url": url}, status=400)
        await flow.call("POST", "/v1/webhooks", {"url": "https://shop.test/hook"}, status=403, role=Role.SUPPORT)
