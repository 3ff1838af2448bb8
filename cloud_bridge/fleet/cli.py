"""Commands of the registry: `pw-cloud devices import|list`. Heavy imports stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.terminal import Config, Json, Tenant, answer, group, guard, read_db, read_file, write_db

devices_cli = group("The registry.")


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
        found = [replace(item, tenant=item.tenant or tenant) for item in parse_registry(read_file(file))]
        now_ms = SystemClock().now_ms()
        fresh = write_db(config, lambda conn: sum(store.register_device(conn, item, now_ms) for item in found))
        answer({"devices": len(found), "new": fresh}, as_json, f"{len(found)} devices, {fresh} new")

    guard(load)


@devices_cli.command("list")
def devices_list(tenant: Tenant = "main", config: Config = None, as_json: Json = False) -> None:
    """List a tenant's devices."""
    from cloud_bridge.fleet import store

    def show() -> None:
        rows = read_db(config, lambda conn: store.list_devices(conn, tenant=tenant, limit=100_000))
        found = [{"device_id": row.device_id, "kind": row.kind, "site": row.site, "state": row.state} for row in rows]
        answer({"devices": found}, as_json, "\n".join(f"{row.device_id}\t{row.state}\t{row.site}" for row in rows))

    guard(show)
