"""Commands of lockers: `pw-cloud manifest`, `pw-cloud decisions`. Heavy imports stay inside."""

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
    read_db,
    read_file,
    settings_of,
    write_db,
)

manifest_cli = group("Carriers' manifests.")
decisions_cli = group("Why a parcel got its compartment and its locker.")


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


@decisions_cli.command("replay")
def decisions_replay(
    since_ms: Annotated[int, typer.Option("--since", min=0, help="Unix ms; from the first one on.")] = 0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask every stored question again; a decision that today's code answers otherwise is told (exit 6)."""
    from cloud_bridge.lockers.decision_replay import replay_all

    def show() -> None:
        report = read_db(config, lambda conn: replay_all(conn, since_ms))
        for line in report.differing:
            typer.echo(f"{line.decision_id}: {line.what}", err=True)
        found = {
            "replayed": report.count,
            "differing": [{"decision_id": line.decision_id, "what": line.what} for line in report.differing],
        }
        answer(found, as_json, f"{report.count} decisions replayed, {len(report.differing)} differ")
        if report.differing:
            raise typer.Exit(FINISHED_WITH_PROBLEMS)

    guard(show)
