"""The outbox against a real SMTP server and a real HTTP port: bounce, fallback, retry, erasure, one lease."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from aiosmtpd.smtp import SMTP

from cloud_bridge.notify import store
from cloud_bridge.notify.channels import HttpSender, SmtpSender, SmtpSettings
from cloud_bridge.notify.model import RETRY_MS, Channel, Contact, State
from cloud_bridge.notify.store import Message
from cloud_bridge.notify.worker import LEASE_MS, Letter, NotifyWorker
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata
from tests.cloud_world import NOW_MS, FakeClock

FACTS = {
    "name": "Ann", "parcel": "PW-1", "locker": "North", "address": "Street", "deadline": "soon",
    "link": "https://x/p/y", "amount": "",
}  # fmt: skip
ANN = Letter(Contact("Ann", "ann@x.org", "+4915112345678", "en"), FACTS)


@dataclass
class Targets:
    """`mail_answer`: what the SMTP server says to a recipient; `sms_status`: what the HTTP port answers."""

    mail_answer: str = "250 OK"
    sms_status: int = 200
    mails: list[str] = field(default_factory=list)
    texts: list[dict[str, object]] = field(default_factory=list)
    letter: Letter | None = field(
        default_factory=lambda: Letter(Contact("Ann", "ann@x.org", "+4915112345678", "en"), FACTS)
    )

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.mail_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.mail_answer

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append(envelope.content.decode())
        return "250 OK"

    async def take_text(self, request: web.Request) -> web.Response:
        self.texts.append(await request.json())
        return web.Response(status=self.sms_status)


@dataclass
class World:
    targets: Targets
    db: InlineDatabase
    clock: FakeClock
    worker: NotifyWorker

    async def state(self) -> Message:
        return (await self.db.read(lambda conn: store.messages(conn, "acme", parcel_id=None, state=None, limit=9)))[0]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    targets, db, clock = Targets(), InlineDatabase(), FakeClock()
    db.write_now(metadata.create_all)
    db.write_now(
        lambda conn: [
            store.enqueue(conn, f"{n:032x}", "ready/1", tenant="acme", kind="ready", parcel_id="PW-1", pickup_id="ab",
                          now_ms=NOW_MS)
            for n in range(2)
        ]
    )  # fmt: skip
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(targets), "127.0.0.1", 0)
    app = web.Application()
    app.router.add_post("/sms", targets.take_text)
    async with TestServer(app) as http, aiohttp.ClientSession() as session:
        port = server.sockets[0].getsockname()[1]
        senders = {
            Channel.EMAIL: SmtpSender(SmtpSettings("127.0.0.1", port, "no-reply@parcels.test", timeout_s=5)),
            Channel.SMS: HttpSender(session, str(http.make_url("/sms")), Channel.SMS),
        }
        yield World(targets, db, clock, NotifyWorker(db, clock, senders, lambda _conn, _message: targets.letter))
    server.close()


async def test_message_told_twice_is_sent_once(world: World) -> None:
    assert await world.worker.run_once() == 1
    assert await world.worker.run_once() == 0
    assert len(world.targets.mails) == 1 and (await world.state()).progress.state is State.SENT


async def test_bounced_mail_falls_back_to_sms(world: World) -> None:
    world.targets.mail_answer = "550 no such person"
    await world.worker.run_once()
    await world.worker.run_once()
    state = await world.state()
    assert (state.progress.state, state.channel) == (State.SENT, "sms")
    assert world.targets.texts[0]["to"] == "+4915112345678" and "https://x/p/y" in str(world.targets.texts[0]["text"])


async def test_person_whom_every_channel_refuses_is_bounced(world: World) -> None:
    world.targets.mail_answer, world.targets.sms_status = "550 no", 422
    await world.worker.run_once()
    await world.worker.run_once()
    state = await world.state()
    assert state.progress.state is State.BOUNCED and "@" not in state.detail and "+49" not in state.detail


async def test_busy_server_is_tried_again_later(world: World) -> None:
    world.targets.mail_answer = "451 try later"
    await world.worker.run_once()
    assert await world.worker.run_once() == 0
    world.clock.at_ms += RETRY_MS[0]
    world.targets.mail_answer = "250 OK"
    await world.worker.run_once()
    assert (await world.state()).progress.state is State.SENT


async def test_erased_person_is_told_nothing(world: World) -> None:
    world.targets.letter = None
    await world.worker.run_once()
    assert (await world.state()).progress.state is State.ERASED and world.targets.mails == []


async def test_lease_lets_one_worker_try_and_ends_after_a_crash(world: World) -> None:
    message = world.db.write_now(lambda conn: store.due(conn, NOW_MS, 1))[0]
    assert world.db.write_now(lambda conn: store.lease(conn, message, NOW_MS + LEASE_MS))
    assert not world.db.write_now(lambda conn: store.lease(conn, message, NOW_MS + LEASE_MS))
    assert await world.worker.run_once() == 0
    world.clock.at_ms += LEASE_MS
    assert await world.worker.run_once() == 1 and len(world.targets.mails) == 1
