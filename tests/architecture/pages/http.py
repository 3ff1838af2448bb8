"""docs/reference/http.md: every route of the bridge, and who may use it."""

from __future__ import annotations

from collections.abc import Sequence

from cloud_bridge.access.model import GRANTS, Permission
from cloud_bridge.app import compose
from cloud_bridge.http.route import PATH_PARAMS, Route
from cloud_bridge.keyring import Keyring
from cloud_bridge.ports import SystemRandom
from cloud_bridge.settings import Settings
from cloud_bridge.storage.inline import InlineDatabase
from tests.architecture.pages.markdown import code, head, table
from tests.cloud_world import FakeClock, cloud_keys
from tests.fleets import make_fleet


def routes() -> Sequence[Route]:
    """What the composed bridge serves."""
    fleet = make_fleet(1)
    keyring = Keyring(cloud_keys(fleet), fleet.pickup, bytes(32))
    bridge = compose(InlineDatabase(), keyring, Settings(), FakeClock(), SystemRandom(), {})
    return bridge.server.routes


def http() -> str:
    lead = (
        "`/openapi.json` of a running bridge is the full description (OpenAPI 3.1, made from the same table), "
        "`/docs` shows "
        "it. Callers bring `Authorization: Bearer TOKEN` or the session cookie of a login link. Objects of "
        "another tenant "
        "do not exist for a caller: 404. Routes that create demand an `Idempotency-Key`; the first answer is "
        "kept for a "
        "day. Errors are problem documents: [errors.md](errors.md)."
    )
    found = routes()
    tags = sorted({route.tag for route in found})
    return head("HTTP API", lead) + "".join(_tag(tag, found) for tag in tags) + _parameters() + _grants()


def _tag(tag: str, found: Sequence[Route]) -> str:
    rows = [
        (code(f"{route.method} {route.path}"), route.summary, code(route.permission.value), _body(route), _reply(route))
        for route in found
        if route.tag == tag
    ]
    return f"\n## {tag}\n\n" + table(("route", "what", "permission", "body", "reply"), rows)


def _body(route: Route) -> str:
    query = f"query {code(route.query.__name__)}" if route.query else ""
    body = code(route.body.__name__) if route.body else ", ".join(map(code, route.accepts)) if route.takes_body else ""
    return ", ".join(part for part in (body, query, "idempotent" if route.creates else "") if part)


def _reply(route: Route) -> str:
    return f"{route.status} {code(route.reply.__name__ if route.reply else route.reply_type)}"


def _parameters() -> str:
    rows = [(code(name), code(param.pattern), param.meaning) for name, param in PATH_PARAMS.items()]
    return "\n## Path parameters\n\n" + table(("name", "grammar", "meaning"), rows)


def _grants() -> str:
    rows = [
        (code(permission.value), ", ".join(role.value for role, granted in GRANTS.items() if permission in granted)
         or ("everybody" if permission is Permission.PUBLIC else "nobody"))
        for permission in Permission
    ]  # fmt: skip
    return "\n## Who may do what\n\n" + table(("permission", "roles"), rows)
