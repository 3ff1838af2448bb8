"""The whole HTTP side over signed device events: a parcel's life, tenants kept apart, feed, ingest, commands."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import cbor2
import pytest
from aiosmtpd.smtp import SMTP

from cloud_bridge.access.model import LINKS, Permission, Role
from cloud_bridge.http.openapi import document
from cloud_bridge.http.route import PATH_PARAMS, Route
from cloud_bridge.notify.channels import SmtpSender, SmtpSettings
from cloud_bridge.notify.model import Channel
from edge.wire.checkpoint import parse_note
from edge.wire.envelope import open_envelope
from edge.wire.messages import Command
from edge.wire.pickup_pin import derive_pin
from tests.bridge_world import VISIT, BridgeWorld, bridge_world


class Inbox:
    """An SMTP server that keeps what it gets; addresses of `refused` bounce."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.refused: set[str] = set()

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return "550 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append(envelope.content.decode())
        return "250 OK"


@pytest.fixture
async def world() -> AsyncIterator[BridgeWorld]:
    async with bridge_world() as made:
        yield made


async def test_parcels_life_over_the_api() -> None:
    inbox = Inbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(inbox), "127.0.0.1", 0)
    try:
        smtp = SmtpSender(SmtpSettings("127.0.0.1", server.sockets[0].getsockname()[1], "no-reply@parcels.test"))
        async with bridge_world(senders={Channel.EMAIL: smtp}) as world:
            headers, log = await world.token(), world.log()
            await world.session(log)
            report = await world.announce()
            assert report["announced"][0]["compartment_no"] == 1 and report["findings"] == []
            pickup_id = await world.deposit(log)
            parcel = await (await world.client.get("/v1/parcels/PW-0001", headers=headers)).json()
            assert parcel["state"] == "deposited" and parcel["recipient"]["name"] == "Ann Example"
            link = re.search(r"http://parcels\.test(/p/[A-Za-z0-9_-]+)", inbox.mails[0])
            assert link is not None and "Ann Example" in inbox.mails[0]
            page = await (await world.client.get(link[1])).text()
            key = await world.bridge.db.read(lambda conn: world.bridge.pickups.pin_key(conn, "locker-0001"))
            pin = derive_pin(key[1], pickup_id, 1, 0)
            assert f"{pin[:3]} {pin[3:6]} {pin[6:]}" in page and "<svg" in page
            assert pin not in "".join(inbox.mails)
            german = await (await world.client.get(link[1], headers={"Accept-Language": "de-DE,de"})).text()
            assert "Ihr Paket liegt bereit" in german
            await world.happen(log, "parcel_collected", parcel_id="PW-0001", compartment_no=1, visit_id=VISIT)
            assert "was collected" in await (await world.client.get(link[1])).text()
            told = await (await world.client.get("/v1/notifications", headers=headers)).json()
            assert sorted((row["kind"], row["state"]) for row in told["messages"]) == [
                ("collected", "sent"),
                ("ready", "sent"),
            ]
            replay = await (await world.client.get("/v1/events?parcel_id=PW-0001", headers=headers)).json()
            assert [row["type"] for row in replay["events"]] == ["parcel_deposited", "parcel_collected"]
    finally:
        server.close()


async def test_manifest_repeated_with_its_key_announces_nothing_twice(world: BridgeWorld) -> None:
    first = await world.announce(key="same-key-1")
    again = await world.announce(key="same-key-1")
    assert first == again
    other = await world.announce(key="other-key-2")
    assert other["announced"] == [] and other["findings"][0]["column"] == "tracking_number"


OBJECTS = {
    "device_id": "locker-0001", "locker_id": "locker-0001", "parcel_id": "PW-0001", "alarm_id": "1",
    "token_id": "", "message_id": "", "command_id": "", "compartment_no": "1",
}  # fmt: skip
BODIES = {
    "/v1/parcels/{parcel_id}/reservation": {"locker_id": "locker-0001"},
    "/v1/devices/{device_id}/open": {"compartment_no": 1, "reason": "curiosity"},
    "/v1/devices/{device_id}/enable": {"compartment_no": 1, "reason": "curiosity"},
    "/v1/devices/{device_id}/end-quarantine": {"reason": "curiosity"},
    "/v1/devices/{device_id}/disable": {"compartment_no": 1, "reason": "curiosity"},
    "/v1/devices/{device_id}/retire": {"reason": "curiosity"},
    "/v1/devices/{device_id}/pin": {"reason": "curiosity"},
    "/v1/lockers/{locker_id}": {"name": "Mine", "address": "Mine", "compartments": []},
    "/v1/lockers/{locker_id}/place": {"latitude_udeg": 0, "longitude_udeg": 0},
    "/v1/parcels/{parcel_id}/placement": {"latitude_udeg": 0, "longitude_udeg": 0},
    "/v1/lockers/{locker_id}/decommission": {"reason": "curiosity"},
    "/v1/parcels/{parcel_id}/payments": {"amount_minor": 500, "currency": "EUR", "reference": "till-1"},
    "/v1/tasks/{task_id}/done": {"outcome": "curiosity"},
    "/v1/courier/tasks/{task_id}/done": {"outcome": "not_there"},
    "/v1/claims/{claim_id}/decision": {"decision": "accepted", "reason": "curiosity"},
}


async def test_every_route_states_its_permission_and_refuses_strangers_and_other_tenants(world: BridgeWorld) -> None:
    log = world.log()
    await world.session(log)
    await world.announce()
    await world.deposit(log)
    await world.happen(log, "alarm_raised", alarm="door_did_not_open", subject="1")
    await world.happen(log, "parcel_disputed", visit_id=VISIT, compartment_no=1, kind="empty", parcel_id="PW-0001")
    own, rival = await world.token(), await world.token(tenant="rival")
    open_headers = {**own, "Idempotency-Key": "open-key-1"}
    sent = await world.client.post(
        "/v1/devices/locker-0001/open", json={"compartment_no": 1, "reason": "door jam"}, headers=open_headers
    )
    assert sent.status == 201, await sent.text()
    told = await (await world.client.get("/v1/notifications", headers=own)).json()
    tokens = await (await world.client.get("/v1/tokens", headers=own)).json()
    alarms = await (await world.client.get("/v1/alarms", headers=own)).json()
    tasks = await (await world.client.get("/v1/tasks", headers=own)).json()
    decided = await (await world.client.get("/v1/parcels/PW-0001/decisions", headers=own)).json()
    claims = await (await world.client.get("/v1/claims", headers=own)).json()
    hook = await world.client.post("/v1/webhooks", json={"url": "https://shop.test/hook"}, headers=own)
    rollout_headers, wanted = {**own, "Idempotency-Key": "rollout-key"}, {"kind": "image", "version": "1.1.0"}
    rollout = await world.client.post("/v1/rollouts", json=wanted, headers=rollout_headers)
    objects = OBJECTS | {
        "rollout_id": (await rollout.json())["rollout_id"],
        "decision_id": decided["decisions"][0]["decision_id"],
        "task_id": tasks["tasks"][0]["task_id"], "claim_id": claims["claims"][0]["claim_id"],
        "webhook_id": (await hook.json())["webhook_id"],
        "command_id": (await sent.json())["command_id"], "message_id": told["messages"][0]["message_id"],
        "token_id": tokens["tokens"][0]["token_id"], "alarm_id": str(alarms["alarms"][0]["alarm_no"]),
        "stream": log.stream,
    }  # fmt: skip
    walked = 0
    for route in world.bridge.server.routes:
        assert isinstance(route.permission, Permission)
        if route.permission in LINKS | {Permission.PUBLIC}:
            continue
        path = route.path.format_map(objects)
        world.clock.at_ms += 1_000  # a stranger's rate is no part of this walk
        stranger = await world.client.request(route.method, path)
        assert stranger.status == 401, (route.path, stranger.status)
        if not route.param_names:
            continue
        headers = {**rival, "Idempotency-Key": f"walk-{walked:06d}"}
        answer = await world.client.request(route.method, path, json=BODIES.get(route.path), headers=headers)
        assert answer.status == 404, (route.method, route.path, answer.status, await answer.text())
        walked += 1
    assert walked >= 30
    for path, name in (
        ("/v1/parcels", "parcels"),
        ("/v1/notifications", "messages"),
        ("/v1/alarms", "alarms"),
        ("/v1/events", "events"),
    ):
        assert (await (await world.client.get(path, headers=rival)).json())[name] == []
    assert (await world.client.get("/v1/events?device_id=locker-0001", headers=rival)).status == 404


def test_route_without_a_path_grammar_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="no grammar"):
        Route("GET", "/v1/x/{unknown}", Permission.PUBLIC, lambda call, conn: None, "x", "x")
    assert "device_id" in PATH_PARAMS


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.CARRIER, "/v1/parcels", 200), (Role.CARRIER, "/v1/devices", 403), (Role.CARRIER, "/v1/events", 403),
        (Role.COURIER, "/v1/courier/lockers", 200), (Role.COURIER, "/v1/parcels", 403),
        (Role.MONITOR, "/metrics", 200), (Role.MONITOR, "/v1/parcels", 403),
        (Role.SUPPORT, "/v1/events", 200), (Role.SUPPORT, "/v1/tokens", 403), (Role.DEVICE, "/v1/devices", 403),
    ],
)  # fmt: skip
async def test_role_reaches_only_what_it_is_granted(world: BridgeWorld, role: Role, path: str, status: int) -> None:
    assert (await world.client.get(path, headers=await world.token(role))).status == status


async def test_carrier_sees_parcels_without_the_person(world: BridgeWorld) -> None:
    await world.announce()
    parcel = await (await world.client.get("/v1/parcels/PW-0001", headers=await world.token(Role.CARRIER))).json()
    assert parcel["recipient"] is None


async def test_open_command_repeated_with_its_key_is_sent_once(world: BridgeWorld) -> None:
    log = world.log()
    await world.session(log)
    headers = {**await world.token(), "Idempotency-Key": "open-key-1"}
    body = {"compartment_no": 2, "reason": "customer on the phone"}
    first = await world.client.post("/v1/devices/locker-0001/open", json=body, headers=headers)
    second = await world.client.post("/v1/devices/locker-0001/open", json=body, headers=headers)
    assert await first.json() == await second.json()
    sent = [message for message in world.published if message.channel == "commands"]
    assert len(sent) == 1 and not sent[0].retain
    command = Command.parse(open_envelope(sent[0].payload).body)
    assert (command.type, command.args["compartment_no"], command.actor) == ("open_compartment", 2, "operator:ann")


async def test_open_command_to_an_offline_device_is_refused_and_its_key_stays_free(world: BridgeWorld) -> None:
    headers = {**await world.token(), "Idempotency-Key": "open-key-1"}
    body = {"compartment_no": 2, "reason": "customer on the phone"}
    for _ in range(2):
        answer = await world.client.post("/v1/devices/locker-0001/open", json=body, headers=headers)
        assert answer.status == 409 and (await answer.json())["code"] == "not_possible_now"


async def test_device_sends_its_log_over_http_and_gets_the_receipt(world: BridgeWorld) -> None:
    log = world.log()
    headers = {**await world.token(Role.DEVICE, actor="locker-0001"), "Content-Type": "application/cbor"}
    answer = await world.client.post("/v1/ingest", data=log.hello(), headers=headers)
    assert answer.status == 200, await answer.text()
    channel, envelope = cbor2.loads(await answer.read())[0]
    assert channel == "down" and open_envelope(envelope).kind.value == "welcome"


async def test_device_cannot_send_as_another_over_http(world: BridgeWorld) -> None:
    headers = {**await world.token(Role.DEVICE, actor="locker-0002"), "Content-Type": "application/cbor"}
    answer = await world.client.post("/v1/ingest", data=world.log(1).hello(), headers=headers)
    assert cbor2.loads(await answer.read()) == []


async def test_proxy_header_is_believed_only_when_configured(world: BridgeWorld) -> None:
    headers = {"X-Client-CN": "locker-0001", "Content-Type": "application/cbor"}
    assert (await world.client.post("/v1/ingest", data=b"", headers=headers)).status == 401


async def test_feed_resumes_without_gap_or_repeat(world: BridgeWorld) -> None:
    headers, log = await world.token(), world.log()
    await world.session(log)
    async with world.client.ws_connect("/v1/feed", headers=headers) as socket:
        seq = (await socket.receive_json(timeout=5))["seq"]
        await world.happen(log, "door_opened", compartment_no=1)
        first = await socket.receive_json(timeout=5)
        assert first["event"]["type"] == "door_opened" and first["seq"] > seq
    await world.happen(log, "door_closed", compartment_no=1)
    async with world.client.ws_connect(f"/v1/feed?after={first['seq']}", headers=headers) as socket:
        await socket.receive_json(timeout=5)
        second = await socket.receive_json(timeout=5)
        assert second["event"]["type"] == "door_closed"
    rival = await world.token(tenant="rival")
    async with world.client.ws_connect("/v1/feed?after=0", headers=rival) as socket:
        await socket.receive_json(timeout=5)
        await world.bridge.feed.close()
        assert (await socket.receive(timeout=5)).type.name in ("CLOSE", "CLOSED")


async def test_health_and_metrics_tell_how_it_stands(world: BridgeWorld) -> None:
    assert (await (await world.client.get("/readyz")).json())["status"] == "ready"
    text = await (await world.client.get("/metrics", headers=await world.token(Role.MONITOR))).text()
    assert 'pw_follower_lag_events{projection="locker_reactions"} 0.0' in text


async def test_pages_hold_nothing_inline_and_their_files_exist(world: BridgeWorld) -> None:
    for path in ("/", "/docs", "/login", "/courier"):
        page = await (await world.client.get(path)).text()
        assert " on" + "click" not in page and "<style" not in page and not re.search(r"<script(?![^>]*src=)", page)
        for link in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
            assert (await world.client.get(link)).status == 200, link
    assert (await world.client.get("/static/..%2fpages.py")).status == 404


async def test_openapi_describes_every_route(world: BridgeWorld) -> None:
    described = await (await world.client.get("/openapi.json")).json()
    listed = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert listed == {(route.method, route.path) for route in world.bridge.server.routes if not route.hidden}
    assert described == document(world.bridge.server.routes, described["info"]["version"])


async def test_audit_bundle_and_log_checkpoint_come_by_the_api(world: BridgeWorld) -> None:
    log = world.log()
    await world.session(log)
    await world.announce()
    await world.deposit(log)
    own = await world.token()
    streams = await (await world.client.get("/v1/devices/locker-0001/streams", headers=own)).json()
    (only,) = streams["streams"]
    assert only["stream"] == log.stream and only["stored"] == len(log.raws)
    path = f"/v1/devices/locker-0001/streams/{log.stream}/bundle"
    bundle = await (await world.client.get(path, headers=own)).json()
    assert len(bundle["events"]) == only["stored"] and bundle["receipts"]
    refused = await world.client.get(path + "?first=999999", headers=own)
    assert refused.status == 404
    await world.bridge.tick()
    note = await (await world.client.get("/v1/log/checkpoint")).read()
    checkpoint = parse_note(note).checkpoint
    assert checkpoint.origin.endswith("/log") and checkpoint.size == len(bundle["receipts"])
