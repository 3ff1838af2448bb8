"""Routes of access: sessions by one-time login link, API tokens."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access import store
from cloud_bridge.access.model import Permission, Role
from cloud_bridge.access.service import SESSION_LIFE_MS, Access
from cloud_bridge.http.authenticate import SESSION_COOKIE, check_same_origin, is_https
from cloud_bridge.http.route import JSON, Call, Model, Raw, Route

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._@-]{0,63}$")]
RoleName = Literal["operator", "support", "carrier", "courier", "technician", "monitor", "device"]


class LoginBody(Model):
    login: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="The part of the link after #")]


class WhoReply(Model):
    role: str
    tenant: str
    actor: str


class TokenBody(Model):
    role: RoleName
    actor: Name = Field(description="Who will use it; stands in records. For a device: its id")
    days: Annotated[int, Field(ge=1, le=366)] = 90


class TokenReply(Model):
    token_id: str
    token: str = Field(description="Shown once, kept nowhere")
    role: str
    actor: str
    expires_at_ms: int


class TokenRow(Model):
    token_id: str
    role: str
    actor: str
    created_at_ms: int
    expires_at_ms: int
    revoked_at_ms: int | None


class TokenList(Model):
    tokens: list[TokenRow]


class LoginRequest(Model):
    role: Literal["operator", "support", "carrier", "courier", "technician"]
    actor: Name


class LoginReply(Model):
    url: str = Field(description="Opens one session, within a quarter of an hour")


class Done(Model):
    done: bool = True


def routes(access: Access, public_url: str) -> tuple[Route, ...]:
    """The routes; `public_url` decides whether the cookie is Secure."""
    flags = f"Path=/; HttpOnly; SameSite=Strict{'; Secure' if is_https(public_url) else ''}"

    def open_session(call: Call, conn: Connection) -> Raw:
        check_same_origin(call.request, public_url, unsafe=False)
        secret, grant = access.open_session(conn, call.body.login, call.now_ms)
        cookie = f"{SESSION_COOKIE}={secret}; Max-Age={SESSION_LIFE_MS // 1000}; {flags}"
        who = WhoReply(role=grant.role.value, tenant=grant.tenant, actor=grant.actor)
        return Raw(who.model_dump_json().encode(), JSON, 201, {"Set-Cookie": cookie})

    def close_session(call: Call, conn: Connection) -> Raw:
        access.close_session(conn, call.request.cookies.get(SESSION_COOKIE, ""))
        gone = f"{SESSION_COOKIE}=; Max-Age=0; {flags}"
        return Raw(Done().model_dump_json().encode(), JSON, 200, {"Set-Cookie": gone})

    def who(call: Call, _conn: Connection) -> WhoReply:
        caller = call.principal
        return WhoReply(role=caller.role.value, tenant=caller.tenant, actor=caller.actor)

    def make_token(call: Call, conn: Connection) -> TokenReply:
        made = access.make_token(
            conn, tenant=call.principal.tenant, role=Role(call.body.role), actor=call.body.actor,
            days=call.body.days, now_ms=call.now_ms,
        )  # fmt: skip
        return TokenReply(
            token_id=made.token_id, token=made.text, role=made.grant.role.value, actor=made.grant.actor,
            expires_at_ms=made.grant.expires_at_ms,
        )  # fmt: skip

    def list_tokens(call: Call, conn: Connection) -> TokenList:
        rows = [
            TokenRow(
                token_id=token_id, role=grant.role.value, actor=grant.actor, created_at_ms=created,
                expires_at_ms=grant.expires_at_ms, revoked_at_ms=revoked,
            )
            for token_id, grant, created, revoked in store.tokens(conn, call.principal.tenant)
        ]  # fmt: skip
        return TokenList(tokens=rows)

    def revoke(call: Call, conn: Connection) -> Done:
        access.revoke_token(conn, call.principal.tenant, call.params["token_id"], call.now_ms)
        return Done()

    def make_login(call: Call, conn: Connection) -> LoginReply:
        secret = access.make_login(
            conn, tenant=call.principal.tenant, role=Role(call.body.role), actor=call.body.actor, now_ms=call.now_ms
        )
        return LoginReply(url=f"{public_url}/login#{secret}")

    tag = "access"
    return (
        Route("POST", "/v1/sessions", Permission.PUBLIC, open_session, "Open a session with a login link", tag,
              "write", LoginBody, reply=WhoReply, status=201, max_body_bytes=1024),
        Route("DELETE", "/v1/sessions", Permission.SESSION, close_session, "Sign out", tag, "write", reply=Done),
        Route("GET", "/v1/me", Permission.SESSION, who, "Who am I", tag, reply=WhoReply),
        Route("POST", "/v1/tokens", Permission.TOKENS_WRITE, make_token, "Make an API token", tag, "write",
              TokenBody, reply=TokenReply, status=201),
        Route("GET", "/v1/tokens", Permission.TOKENS_WRITE, list_tokens, "List API tokens", tag, reply=TokenList),
        Route("DELETE", "/v1/tokens/{token_id}", Permission.TOKENS_WRITE, revoke, "Revoke an API token", tag,
              "write", reply=Done),
        Route("POST", "/v1/logins", Permission.TOKENS_WRITE, make_login, "Make a one-time login link", tag, "write",
              LoginRequest, reply=LoginReply, status=201),
    )  # fmt: skip
