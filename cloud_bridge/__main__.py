"""`pw-cloud`: serve, tokens, manifests, the ledger's replay, devices, brokers. Heavy imports stay inside commands."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cloud_bridge.broker.cli import broker_cli, mosquitto_cli
from cloud_bridge.errors import CloudError, ConfigError, Conflict, InvalidData, LinkDown, NotFound, StoreFailed

T = TypeVar("T")
app = typer.Typer(help="The Parcelworks cloud bridge.", no_args_is_help=True, pretty_exceptions_enable=False)
token_cli = typer.Typer(help="API tokens.", no_args_is_help=True)
login_cli = typer.Typer(help="One-time login links.", no_args_is_help=True)
manifest_cli = typer.Typer(help="Carriers' manifests.", no_args_is_help=True)
ledger_cli = typer.Typer(help="What happened.", no_args_is_help=True)
devices_cli = typer.Typer(help="The registry.", no_args_is_help=True)
config_cli = typer.Typer(help="Configuration.", no_args_is_help=True)
for name, sub in (
    ("token", token_cli), ("login", login_cli), ("manifest", manifest_cli), ("ledger", ledger_cli),
    ("devices", devices_cli), ("config", config_cli), ("broker", broker_cli), ("mosquitto", mosquitto_cli),
):  # fmt: skip
    app.add_typer(sub, name=name)

Config = Annotated[Path | None, typer.Option("--config", envvar="PW_CLOUD_CONFIG", help="TOML file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Tenant = Annotated[str, typer.Option(help="Whose.")]
_EXITS: tuple[tuple[type[CloudError], int], ...] = (
    (ConfigError, 2), (NotFound, 3), (Conflict, 4), (InvalidData, 5), (StoreFailed, 7), (LinkDown, 7)
)  # fmt: skip
FINISHED_WITH_PROBLEMS = 6


@app.command()
def serve(config: Config = None) -> None:
    """Serve HTTP, take the devices' events, tell recipients."""
    from cloud_bridge.serve import serve as run

    _guard(lambda: asyncio.run(run(_settings(config))))


@token_cli.command("create")
def token_create(
    tenant: Tenant = "main",
    role: Annotated[str, typer.Option(help="operator, support, carrier, courier, monitor, device.")] = "operator",
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
        made = _write(
            config,
            lambda conn: access.make_token(conn, tenant=tenant, role=Role(role), actor=actor, now_ms=now_ms, days=days),
        )
        found = {"token": made.text, "token_id": made.token_id, "expires_at_ms": made.grant.expires_at_ms}
        _print(found, as_json, made.text)

    _guard(make)


@login_cli.command("create")
def login_create(
    tenant: Tenant = "main",
    role: Annotated[str, typer.Option(help="operator, support, carrier or courier.")] = "operator",
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
            raise InvalidData(f"no role {role!r:.40}", where="--role", remedy="Use operator, support or courier.")
        access, now_ms = Access(SystemRandom()), SystemClock().now_ms()
        secret = _write(
            config, lambda conn: access.make_login(conn, tenant=tenant, role=Role(role), actor=actor, now_ms=now_ms)
        )
        url = f"{_settings(config).public_url}/login#{secret}"
        _print({"url": url}, as_json, url)

    _guard(make)


@manifest_cli.command("import")
def manifest_import(
    file: Annotated[Path, typer.Argument(help="CSV, or JSON by its name's end.")],
    tenant: Tenant = "main",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Announce the parcels of a manifest; bad rows are reported, the rest goes on (exit 6)."""
    from cloud_bridge.fleet import twins
    from cloud_bridge.lockers.manifest import read_manifest
    from cloud_bridge.lockers.service import Lockers
    from cloud_bridge.ports import SystemClock, SystemRandom

    def load() -> None:
        manifest = read_manifest(_read(file), as_json=file.suffix.lower() == ".json")
        lockers, now_ms = Lockers(SystemRandom(), twins.set_desired), SystemClock().now_ms()
        done, refused = _write(config, lambda conn: lockers.announce_rows(conn, tenant, manifest.rows, now_ms))
        findings = sorted((*manifest.findings, *refused), key=lambda item: item.line)
        report = {
            "announced": [item.parcel_id for item in done],
            "findings": [
                {"line": item.line, "column": item.column, "what": item.what, "remedy": item.remedy}
                for item in findings
            ],
        }
        for item in findings:
            typer.echo(f"{file}:{item.line}: {item.column}: {item.what}. {item.remedy}", err=True)
        _print(report, as_json, f"{len(done)} announced, {len(findings)} rows with problems")
        if findings:
            raise typer.Exit(FINISHED_WITH_PROBLEMS)

    _guard(load)


@ledger_cli.command("replay")
def ledger_replay(
    device: Annotated[str | None, typer.Option(help="Device id.")] = None,
    parcel: Annotated[str | None, typer.Option(help="Tracking number.")] = None,
    compartment: Annotated[int | None, typer.Option(min=1, max=9999)] = None,
    from_at_ms: Annotated[int | None, typer.Option("--from", help="Unix ms, when it happened.")] = None,
    to_at_ms: Annotated[int | None, typer.Option("--to", help="Unix ms, exclusive.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1000,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Print what happened, in the ledger's order."""
    from cloud_bridge.ledger.store import ReplayQuery, replay
    from edge.wire.event import format_time

    def show() -> None:
        query = ReplayQuery(device, parcel, compartment, None, from_at_ms, to_at_ms, 0, limit)
        rows = _read_db(config, lambda conn: replay(conn, query))
        if as_json:
            events = [
                json.loads(row.raw) | {"position": row.position, "record_at_ms": row.record_at_ms} for row in rows
            ]
            typer.echo(json.dumps({"events": events}, sort_keys=True))
        for row in () if as_json else rows:
            late = " (late)" if row.late else ""
            typer.echo(
                f"{row.position:>8} {format_time(row.at_ms)} {row.device_id} {row.type}{late} {json.dumps(row.data)}"
            )
        if not rows:
            raise NotFound("nothing of that kind in the ledger", remedy="Widen the question.")

    _guard(show)


@ledger_cli.command("bundle")
def ledger_bundle(
    device: Annotated[str, typer.Option(help="Device id.")],
    out: Annotated[Path, typer.Option(help="File to write; it must not exist.")],
    stream: Annotated[str | None, typer.Option(help="The log's id; default: the newest one.")] = None,
    config: Config = None,
) -> None:
    """Export an audit bundle; anybody can check it with docs/audit/verify_bundle.py."""
    from cloud_bridge.fleet.store import load_device
    from cloud_bridge.keyring import load_keyring
    from cloud_bridge.ledger.service import Ledger
    from cloud_bridge.ports import SystemRandom
    from cloud_bridge.storage.engine import open_database

    async def export() -> bytes:
        settings = _settings(config)
        cloud = load_keyring(settings.keys, settings.state, SystemRandom()).cloud
        db = open_database(settings.database)
        try:
            ledger = Ledger(db, cloud.fleet, cloud.receipt_name, cloud.receipt_publics)
            known = await db.read(lambda conn: load_device(conn, device))
            heads = await ledger.heads(device)
            if known is None or not heads:
                raise NotFound(f"no log of {device!r:.60}", where="--device", remedy="See `pw-cloud devices list`.")
            return await ledger.audit_bundle(device, stream or heads[-1].stream, known.log_public)
        finally:
            await db.close()

    def write() -> None:
        found = asyncio.run(export())
        try:
            with out.open("xb") as file:
                file.write(found)
        except FileExistsError as error:
            raise Conflict(f"{out} exists", where="--out", remedy="Name another file.") from error
        typer.echo(f"{out}: {len(found)} bytes", err=True)

    _guard(write)


@devices_cli.command("import")
def devices_import(
    file: Annotated[Path, typer.Argument(help="devices.json of provisioning.")],
    tenant: Annotated[str, typer.Option(help="For devices without one.")] = "main",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Register the devices that provisioning enrolled."""
    from dataclasses import replace

    from cloud_bridge.fleet import store
    from cloud_bridge.fleet.registry_file import parse_registry
    from cloud_bridge.ports import SystemClock

    def load() -> None:
        found = [replace(item, tenant=item.tenant or tenant) for item in parse_registry(_read(file))]
        now_ms = SystemClock().now_ms()
        fresh = _write(config, lambda conn: sum(store.register_device(conn, item, now_ms) for item in found))
        _print({"devices": len(found), "new": fresh}, as_json, f"{len(found)} devices, {fresh} new")

    _guard(load)


@devices_cli.command("list")
def devices_list(tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """List a tenant's devices."""
    from cloud_bridge.fleet import store

    def show() -> None:
        rows = _read_db(config, lambda conn: store.list_devices(conn, tenant=tenant, limit=100_000))
        found = [{"device_id": row.device_id, "kind": row.kind, "site": row.site, "state": row.state} for row in rows]
        _print({"devices": found}, as_json, "\n".join(f"{row.device_id}\t{row.state}\t{row.site}" for row in rows))

    _guard(show)


@config_cli.command("show")
def config_show(config: Config = None) -> None:
    """Print the effective configuration with secrets masked."""
    _guard(lambda: typer.echo(json.dumps(_settings(config).shown(), indent=2, sort_keys=True)))


def _settings(config: Path | None) -> Any:
    from cloud_bridge.settings import load_settings

    return load_settings(config)


def _write(config: Path | None, fn: Callable[[Any], T]) -> T:
    return _with_db(config, lambda db: db.write(fn))


def _read_db(config: Path | None, fn: Callable[[Any], T]) -> T:
    return _with_db(config, lambda db: db.read(fn))


def _with_db(config: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    from cloud_bridge.storage.engine import open_database
    from cloud_bridge.storage.migrate import prepare_database

    async def run() -> T:
        db = open_database(_settings(config).database)
        try:
            await prepare_database(db)
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot be read: {error.strerror}", where=str(path)) from error


def _print(value: Any, as_json: bool, text: str) -> None:
    typer.echo(json.dumps(value, sort_keys=True) if as_json else text)


def _guard(work: Callable[[], None]) -> None:
    """Typed errors as one line on stderr and their exit code."""
    try:
        work()
    except CloudError as error:
        raise _exit(error) from error
    except ExceptionGroup as group:  # a worker of `serve` ended it
        known, others = group.split(CloudError)
        while isinstance(known, ExceptionGroup):
            known = known.exceptions[0]
        if others is not None or not isinstance(known, CloudError):
            raise
        raise _exit(known) from group
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _exit(error: CloudError) -> typer.Exit:
    typer.echo(f"{error}. {error.remedy}".rstrip(), err=True)
    return typer.Exit(next((code for kind, code in _EXITS if isinstance(error, kind)), 1))


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
