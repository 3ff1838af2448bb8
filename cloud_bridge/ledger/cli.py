"""Commands of the ledger: `pw-cloud ledger replay|bundle`. Heavy imports stay inside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.errors import Conflict, NotFound
from cloud_bridge.terminal import Config, Json, group, guard, read_db, settings_of

ledger_cli = group("What happened.")


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
        rows = read_db(config, lambda conn: replay(conn, query))
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

    guard(show)


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
        settings = settings_of(config)
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

    guard(write)
