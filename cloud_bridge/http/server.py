"""Serves a route table with aiohttp: authenticate, limit, validate, one transaction, answer."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache

import structlog
from aiohttp import web
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from cloud_bridge.access.model import LINKS, Permission, Principal
from cloud_bridge.errors import CloudError, InvalidData, NotFound
from cloud_bridge.http import idempotency, openapi
from cloud_bridge.http.authenticate import Authenticator, is_https
from cloud_bridge.http.problem import HttpProblem, from_error, from_status, invalid
from cloud_bridge.http.rate import RateLimiter
from cloud_bridge.http.route import JSON, PATH_PARAMS, Call, Raw, Route
from cloud_bridge.ports import Clock, Random
from cloud_bridge.storage.engine import Database
from edge.wire.errors import WireError

logger = structlog.get_logger("http")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_ID = web.RequestKey("request_id", str)
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls per caller: anonymous ones by address, all others by who they are."""

    anonymous: RateLimiter
    known: RateLimiter


@dataclass(frozen=True, slots=True)
class Server:
    """The HTTP side of the bridge."""

    routes: Sequence[Route]
    db: Database
    clock: Clock
    random: Random
    authenticator: Authenticator
    limits: Limits
    version: str

    def application(self) -> web.Application:
        """The aiohttp application; `/openapi.json` describes exactly its routes."""
        app = web.Application(middlewares=[self._around], client_max_size=max(r.max_body_bytes for r in self.routes))

        @cache
        def description() -> bytes:
            return json.dumps(openapi.document(self.routes, self.version), sort_keys=True).encode()

        async def describe(_request: web.Request) -> web.Response:
            return web.Response(body=description(), content_type=JSON)

        app.router.add_route("GET", "/openapi.json", describe)
        for route in self.routes:
            app.router.add_route(route.method, route.path, self._endpoint(route))
        return app

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = self.random.token(8).hex()
        request[REQUEST_ID] = request_id
        response = await self._answer(request, handler, request_id)
        if not response.prepared:
            self._finish(response, request, request_id)
        return response

    async def _answer(self, request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
        try:
            return await handler(request)
        except (CloudError, WireError) as error:
            return from_error(error, request_id)
        except web.HTTPException as error:
            allow = {name: value for name, value in error.headers.items() if name == "Allow"}
            return from_status(error.status, error.text or error.reason, request_id, allow)
        except Exception:  # the runtime loop of requests: a bug answers 500 and leaves its trace
            logger.exception("request failed", request_id=request_id, method=request.method)
            return from_status(500, "a fault of the service; it is in its log", request_id)

    def _finish(self, response: web.StreamResponse, request: web.Request, request_id: str) -> None:
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Request-Id"] = request_id
        if is_https(self.authenticator.public_url):
            response.headers["Strict-Transport-Security"] = "max-age=63072000"

    def _endpoint(self, route: Route) -> Handler:
        async def endpoint(request: web.Request) -> web.StreamResponse:
            return await self._serve(route, request)

        return endpoint

    async def _serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        now_ms = self.clock.now_ms()
        self._limit_anonymous(route, request, now_ms)
        principal = await self._authenticate(route, request, now_ms)
        _check_params(route, request)
        body_bytes = await _read_body(route, request)
        call = Call(
            principal=principal, params=dict(request.match_info), query=_query(route, request),
            body=_body(route, request, body_bytes), now_ms=now_ms, request_id=request[REQUEST_ID], request=request,
        )  # fmt: skip
        if route.mode == "read":
            return _response(await self.db.read(lambda conn: _encode(route, route.handler(call, conn))))
        key = _idempotency_key(route, call, body_bytes)
        if route.mode == "serve":
            return await self._outside(route, call, key)
        raw = await self.db.write(lambda conn: _write(conn, route, call, key))
        for effect in call.after_commit:
            await effect()
        return _response(raw)

    async def _outside(self, route: Route, call: Call, key: idempotency.IdempotentCall | None) -> web.StreamResponse:
        """Work that runs its own transactions and may do what no transaction can take back."""
        if key is not None:
            kept = await self.db.write(lambda conn: idempotency.begin(conn, key, call.now_ms))
            if kept is not None:
                return _response(Raw(kept[1], JSON, kept[0], {"Idempotent-Replay": "true"}))
        try:
            served = await route.handler(call)
        except CloudError:
            if key is not None:
                await self.db.write(lambda conn: idempotency.withdraw(conn, key))
            raise
        if isinstance(served, web.StreamResponse):
            return served
        raw = _encode(route, served)
        if key is not None:
            await self.db.write(lambda conn: idempotency.finish(conn, key, raw.status, raw.body))
        return _response(raw)

    def _limit_anonymous(self, route: Route, request: web.Request, now_ms: int) -> None:
        known = "Authorization" in request.headers or bool(request.cookies)
        if not known or route.permission in LINKS | {Permission.PUBLIC}:
            _refuse_flood(self.limits.anonymous, f"ip:{request.remote}", now_ms)

    async def _authenticate(self, route: Route, request: web.Request, now_ms: int) -> Principal:
        if route.permission is Permission.PUBLIC:
            return self.authenticator.principal(None, route, request, now_ms)  # type: ignore[arg-type]
        try:
            principal = await self.db.read(lambda conn: self.authenticator.principal(conn, route, request, now_ms))
        except CloudError as error:
            if error.status == 401:
                _refuse_flood(self.limits.anonymous, f"ip:{request.remote}", now_ms)
            raise
        _refuse_flood(self.limits.known, f"{principal.tenant}:{principal.role}:{principal.actor}", now_ms)
        return principal


def _write(conn: Connection, route: Route, call: Call, key: idempotency.IdempotentCall | None) -> Raw:
    """The work of a writing route; with a key, only once."""
    call.after_commit.clear()
    if key is not None and (kept := idempotency.find(conn, key, call.now_ms)) is not None:
        return Raw(kept[1], JSON, kept[0], {"Idempotent-Replay": "true"})
    raw = _encode(route, route.handler(call, conn))
    if key is not None:
        idempotency.keep(conn, key, raw.status, raw.body, call.now_ms)
    return raw


def _encode(route: Route, result: BaseModel | Raw) -> Raw:
    if isinstance(result, Raw):
        return result
    return Raw(result.model_dump_json().encode(), JSON, route.status)


def _response(raw: Raw) -> web.Response:
    response = web.Response(status=raw.status, body=raw.body, headers=raw.headers)
    response.headers["Content-Type"] = raw.content_type
    return response


def _refuse_flood(limiter: RateLimiter, caller: str, now_ms: int) -> None:
    wait_ms = limiter.wait_ms(caller, now_ms)
    if wait_ms:
        seconds = str(-(-wait_ms // 1000))
        raise HttpProblem(429, "too_many_requests", f"wait {seconds} s", remedy="Slow down.",
                          headers={"Retry-After": seconds}, retry="after_s")  # fmt: skip


def _check_params(route: Route, request: web.Request) -> None:
    for name in route.param_names:
        if not PATH_PARAMS[name].accepts(request.match_info[name]):
            raise NotFound("no such thing", where=name, remedy=f"It is: {PATH_PARAMS[name].meaning}.")


async def _read_body(route: Route, request: web.Request) -> bytes:
    """The body within the route's cap, of a type that the route takes."""
    if route.method == "GET":
        return b""
    length = request.content_length
    if length is not None and length > route.max_body_bytes:
        raise _too_large(route)
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > route.max_body_bytes:
            raise _too_large(route)
    if route.takes_body and request.content_type not in route.accepts:
        raise HttpProblem(415, "unsupported_media_type", f"not {request.content_type[:60]!r}", where="Content-Type",
                          remedy=f"Use {' or '.join(route.accepts)}.")  # fmt: skip
    return bytes(body)


def _too_large(route: Route) -> HttpProblem:
    return HttpProblem(413, "too_large", f"more than {route.max_body_bytes} bytes", remedy="Split the request.",
                       headers={"Connection": "close"})  # fmt: skip


def _query(route: Route, request: web.Request) -> BaseModel | None:
    if route.query is None:
        return None
    if len(set(request.query)) != len(request.query):
        raise InvalidData("a member is given twice", where="query", remedy="Give each once.")
    try:
        return route.query.model_validate_strings(dict(request.query), strict=True)
    except ValidationError as error:
        raise invalid(error, "query") from error


def _body(route: Route, request: web.Request, body: bytes) -> BaseModel | bytes | None:
    if route.body is None or request.content_type != JSON:
        return body if route.takes_body else None
    try:
        return route.body.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise invalid(error, "body") from error


def _idempotency_key(route: Route, call: Call, body: bytes) -> idempotency.IdempotentCall | None:
    if not route.creates:
        return None
    key = call.request.headers.get("Idempotency-Key", "")
    if not _KEY.match(key):
        raise InvalidData("missing or malformed", where="Idempotency-Key",
                          remedy="Send a random key, 8 to 64 of A-Z a-z 0-9 _ -, new for each request.")  # fmt: skip
    who = call.principal
    wanted = idempotency.digest(route.method, call.request.path, body)
    return idempotency.IdempotentCall(who.tenant, f"{who.role}:{who.actor}", key, wanted)
