"""The HTTP layer over access routes: credentials, limits, problems, idempotency, headers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Connection

from cloud_bridge.access import http as access_http
from cloud_bridge.access.model import Permission, Role
from cloud_bridge.access.service import Access
from cloud_bridge.http.authenticate import Authenticator
from cloud_bridge.http.rate import RateLimit, RateLimiter
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.http.server import Limits, Server
from cloud_bridge.ports import SystemRandom
from cloud_bridge.storage.inline import InlineDatabase
from cloud_bridge.storage.schema import metadata

NOW_MS = 1_790_000_000_000
URL = "http://parcels.test"


class SetClock:
    """A clock that stands where it is set."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


class EchoBody(Model):
    size: int


class EchoReply(Model):
    size: int
    made: int


@dataclass(slots=True)
class World:
    client: TestClient
    db: InlineDatabase
    access: Access
    clock: SetClock
    made: list[int] = field(default_factory=list)

    def token(self, role: Role = Role.OPERATOR, tenant: str = "acme") -> Mapping[str, str]:
        made = self.db.write_now(
            lambda conn: self.access.make_token(conn, tenant=tenant, role=role, actor="ann", now_ms=self.clock.at_ms)
        )
        return {"Authorization": f"Bearer {made.text}"}

    def login(self) -> str:
        return self.db.write_now(
            lambda conn: self.access.make_login(
                conn, tenant="acme", role=Role.OPERATOR, actor="ann", now_ms=self.clock.at_ms
            )
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    db, clock, made = InlineDatabase(), SetClock(), []
    db.write_now(metadata.create_all)
    access = Access(SystemRandom())

    def echo(call: Call, _conn: Connection) -> EchoReply:
        made.append(call.body.size)
        return EchoReply(size=call.body.size, made=len(made))

    def broken(_call: Call, _conn: Connection) -> EchoReply:
        raise ZeroDivisionError("a secret detail")

    routes = (
        *access_http.routes(access, URL),
        Route("POST", "/v1/echo", Permission.PARCELS_ANNOUNCE, echo, "Echo", "test", "write", EchoBody,
              reply=EchoReply, status=201, creates=True, max_body_bytes=100),
        Route("GET", "/v1/broken", Permission.PUBLIC, broken, "Fails", "test", reply=EchoReply),
    )  # fmt: skip
    limits = Limits(RateLimiter(RateLimit(20, 60)), RateLimiter(RateLimit(50, 60)))
    authenticator = Authenticator(access, lambda _conn, _link, _now: None, URL)
    server = Server(routes, db, clock, SystemRandom(), authenticator, limits, "1")
    async with TestClient(TestServer(server.application())) as client:
        yield World(client, db, access, clock, made)
    await db.close()


async def test_call_without_credential_gets_a_problem_with_remedy(world: World) -> None:
    response = await world.client.get("/v1/me")
    assert (response.status, response.content_type) == (401, "application/problem+json")
    body = await response.json()
    assert body["code"] == "not_authenticated" and "Bearer" in body["remedy"]
    assert body["instance"] == response.headers["X-Request-Id"]
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


async def test_call_with_token_knows_its_tenant(world: World) -> None:
    response = await world.client.get("/v1/me", headers=world.token())
    assert await response.json() == {"role": "operator", "tenant": "acme", "actor": "ann"}


@pytest.mark.parametrize("text", ["", "pw_", "pw_0000000000000000_" + "A" * 43, "x" * 5000])
async def test_call_with_wrong_token_is_refused(world: World, text: str) -> None:
    response = await world.client.get("/v1/me", headers={"Authorization": f"Bearer {text}"})
    assert response.status == 401


async def test_token_after_expiry_is_refused(world: World) -> None:
    headers = world.token()
    world.clock.at_ms += 90 * 24 * 3600 * 1000
    assert (await world.client.get("/v1/me", headers=headers)).status == 401


async def test_token_after_revocation_is_refused_and_stays_hashed_at_rest(world: World) -> None:
    headers, operator = world.token(Role.SUPPORT), world.token()
    listed = await (await world.client.get("/v1/tokens", headers=operator)).json()
    token_id = headers["Authorization"].split("_")[1]
    assert token_id in {row["token_id"] for row in listed["tokens"]}
    assert (await world.client.delete(f"/v1/tokens/{token_id}", headers=operator)).status == 200
    assert (await world.client.get("/v1/me", headers=headers)).status == 401
    dump = world.db.write_now(lambda conn: str(conn.exec_driver_sql("SELECT * FROM access_tokens").all()))
    assert headers["Authorization"].rsplit("_", 1)[1] not in dump


async def test_role_without_permission_is_not_allowed(world: World) -> None:
    response = await world.client.get("/v1/tokens", headers=world.token(Role.SUPPORT))
    assert response.status == 403


async def test_other_tenants_token_is_not_found(world: World) -> None:
    token_id = world.token()["Authorization"].split("_")[1]
    response = await world.client.delete(f"/v1/tokens/{token_id}", headers=world.token(tenant="rival"))
    assert response.status == 404


async def test_login_link_opens_one_session_only(world: World) -> None:
    login = world.login()
    first = await world.client.post("/v1/sessions", json={"login": login})
    second = await world.client.post("/v1/sessions", json={"login": login})
    assert (first.status, second.status) == (201, 401)
    cookie = first.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert (await world.client.get("/v1/me")).status == 200


async def test_login_link_too_old_is_refused(world: World) -> None:
    login = world.login()
    world.clock.at_ms += 15 * 60 * 1000
    assert (await world.client.post("/v1/sessions", json={"login": login})).status == 401


@pytest.mark.parametrize(
    "headers",
    [{}, {"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
    ids=["silent", "foreign origin", "cross-site", "null origin"],
)
async def test_session_write_from_another_site_is_not_allowed(world: World, headers: dict[str, str]) -> None:
    await world.client.post("/v1/sessions", json={"login": world.login()})
    body = {"role": "operator", "actor": "mallory"}
    assert (await world.client.post("/v1/tokens", json=body, headers=headers)).status == 403
    own = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
    assert (await world.client.post("/v1/tokens", json=body, headers=own)).status == 201


async def test_session_after_sign_out_is_over(world: World) -> None:
    await world.client.post("/v1/sessions", json={"login": world.login()})
    assert (await world.client.delete("/v1/sessions", headers={"Origin": URL})).status == 200
    assert (await world.client.get("/v1/me")).status == 401


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"size": 1}', "application/json", 201),
        (b'{"size": "1"}', "application/json", 400),
        (b'{"size": 1, "more": 2}', "application/json", 400),
        (b'{"size": 1', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"size": 1}', "text/plain", 415),
        (b" " * 101, "application/json", 413),
    ],
    ids=["good", "text for a number", "unknown member", "cut off", "not UTF-8", "other type", "too large"],
)
async def test_body_is_checked_where_it_enters(world: World, body: bytes, kind: str, status: int) -> None:
    headers = {**world.token(), "Content-Type": kind, "Idempotency-Key": "key-00001"}
    response = await world.client.post("/v1/echo", data=body, headers=headers)
    assert response.status == status
    if status != 201:
        assert (await response.json())["detail"]
        assert world.made == []


async def test_repeat_with_the_same_key_gets_the_first_answer_and_makes_nothing(world: World) -> None:
    headers = {**world.token(), "Idempotency-Key": "key-00001"}
    first = await world.client.post("/v1/echo", json={"size": 7}, headers=headers)
    second = await world.client.post("/v1/echo", json={"size": 7}, headers=headers)
    assert await first.json() == await second.json() == {"size": 7, "made": 1}
    assert second.headers["Idempotent-Replay"] == "true"
    other = await world.client.post("/v1/echo", json={"size": 8}, headers=headers)
    assert other.status == 409 and world.made == [7]


async def test_create_without_key_is_refused(world: World) -> None:
    response = await world.client.post("/v1/echo", json={"size": 7}, headers=world.token())
    assert response.status == 400 and (await response.json())["where"] == "Idempotency-Key"


async def test_bug_answers_500_and_tells_nothing(world: World) -> None:
    response = await world.client.get("/v1/broken")
    assert response.status == 500 and "secret" not in await response.text()


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("PUT", "/v1/me", 405)])
async def test_unknown_path_or_method_gets_a_problem(world: World, method: str, path: str, status: int) -> None:
    response = await world.client.request(method, path)
    assert (response.status, response.content_type) == (status, "application/problem+json")


async def test_flood_is_refused_with_the_wait(world: World) -> None:
    statuses = [(await world.client.get("/v1/me")).status for _ in range(30)]
    assert statuses[-1] == 429 and 401 in statuses
    response = await world.client.get("/v1/me")
    assert int(response.headers["Retry-After"]) >= 1


async def test_answer_carries_security_headers(world: World) -> None:
    headers = (await world.client.get("/openapi.json")).headers
    assert (
        "default-src 'none'" in headers["Content-Security-Policy"]
        and "unsafe" not in headers["Content-Security-Policy"]
    )
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"
