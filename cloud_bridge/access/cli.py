"""Commands of access: `pw-cloud token` and `pw-cloud login`. Heavy imports stay inside."""

from __future__ import annotations

from typing import Annotated

import typer

from cloud_bridge.errors import InvalidData
from cloud_bridge.terminal import Config, Json, Tenant, answer, group, guard, settings_of, write_db

token_cli = group("API tokens.")
login_cli = group("One-time login links.")


@token_cli.command("create")
def token_create(
    tenant: Tenant = "main",
    role: Annotated[
        str, typer.Option(help="operator, support, carrier, courier, technician, monitor, device.")
    ] = "operator",
    actor: Annotated[str, typer.Option(help="Who will use it; for a device its id.")] = "operator",
    days: Annotated[int, typer.Option(min=1, max=366)] = 90,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make an API token; it is shown once and kept nowhere."""
    from cloud_bridge.access.model import TOKEN_ROLES, Role
    from cloud_bridge.access.service import Access
    from cloud_bridge.ports import SystemClock, SystemRandom

    def make() -> None:
        if role not in set(TOKEN_ROLES):
            raise InvalidData(f"no role {role!r:.40}", where="--role", remedy=f"Use one of {', '.join(TOKEN_ROLES)}.")
        access, now_ms = Access(SystemRandom()), SystemClock().now_ms()
        made = write_db(
            config,
            lambda conn: access.make_token(conn, tenant=tenant, role=Role(role), actor=actor, now_ms=now_ms, days=days),
        )
        found = {"token": made.text, "token_id": made.token_id, "expires_at_ms": made.grant.expires_at_ms}
        answer(found, as_json, made.text)

    guard(make)


@login_cli.command("create")
def login_create(
    tenant: Tenant = "main",
    role: Annotated[str, typer.Option(help="operator, support, carrier, courier or technician.")] = "operator",
    actor: Annotated[str, typer.Option(help="Who signs in.")] = "operator",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a one-time login link, good for a quarter of an hour."""
    from cloud_bridge.access.model import TOKEN_ROLES, Role
    from cloud_bridge.access.service import Access
    from cloud_bridge.ports import SystemClock, SystemRandom

    def make() -> None:
        if role not in set(TOKEN_ROLES):
            raise InvalidData(
                f"no role {role!r:.40}", where="--role", remedy="Use operator, support, carrier, courier or technician."
            )
        access, now_ms = Access(SystemRandom()), SystemClock().now_ms()
        secret = write_db(
            config, lambda conn: access.make_login(conn, tenant=tenant, role=Role(role), actor=actor, now_ms=now_ms)
        )
        url = f"{settings_of(config).public_url}/login#{secret}"
        answer({"url": url}, as_json, url)

    guard(make)
