"""Commands of lockers: `pw-cloud manifest`. Heavy imports stay inside."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cloud_bridge.terminal import (
    FINISHED_WITH_PROBLEMS,
    Config,
    Json,
    Tenant,
    answer,
    group,
    guard,
    read_file,
    settings_of,
    write_db,
)

manifest_cli = group("Carriers' manifests.")


@manifest_cli.command("import")
def manifest_import(
    file: Annotated[Path, typer.Argument(help="CSV, or JSON by its name's end.")],
    tenant: Tenant = "main",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Announce the parcels of a manifest; bad rows are reported, the rest goes on (exit 6)."""
    from cloud_bridge.keyring import link_key
    from cloud_bridge.locker_parts import lockers_of
    from cloud_bridge.lockers.manifest import read_manifest
    from cloud_bridge.ports import SystemClock, SystemRandom

    def load() -> None:
        manifest = read_manifest(read_file(file), as_json=file.suffix.lower() == ".json")
        settings, random, now_ms = settings_of(config), SystemRandom(), SystemClock().now_ms()
        lockers = lockers_of(settings, link_key(settings.state, random), random)
        done, refused = write_db(config, lambda conn: lockers.announce_rows(conn, tenant, manifest.rows, now_ms))
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
        answer(report, as_json, f"{len(done)} announced, {len(findings)} rows with problems")
        if findings:
            raise typer.Exit(FINISHED_WITH_PROBLEMS)

    guard(load)
