"""`pw-provision ca …`: the fleet's certificate authorities."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from provisioning import generations
from provisioning.authority import at
from provisioning.fleet import fleet_at
from provisioning.options import FLEET, Dir, DryRun, IssuingKeyAddress, Json, Offline, Voice
from provisioning.output import Progress, speaking

app = typer.Typer(no_args_is_help=True, help="The certificate authority: its root and what issues below it.")
OVERLAP_DAYS = 200
Overlap = Annotated[int, typer.Option(min=1, max=1000, help="For how long the present root is still trusted.")]


@app.command()
def rotate(
    overlap_days: Overlap = OVERLAP_DAYS, issuing_key: IssuingKeyAddress = None,
    offline: Offline = None, folder: Dir = FLEET, as_json: Json = False,
    dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Make a new root and issuing key, trusted beside the present ones. Needs the offline folder."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder, offline) as fleet:
        outcome = fleet.rotate_authority(overlap_days, time.time_ns() // 1_000_000, None if dry_run else issuing_key)
        if not dry_run:
            fleet.folder.apply(outcome.writes)
        assert outcome.bundle is not None
        out.step("Give it to everybody: pw-provision export broker, then export bridge. Devices learn by the bundle.")
        facts = {"bundle_version": outcome.bundle.version, "anchors": len(outcome.bundle.anchors)}
        out.result(facts, f"a new root is trusted; the former one for {overlap_days} days more")


@app.command("list")
def list_authorities(folder: Dir = FLEET, as_json: Json = False) -> None:
    """All authorities, oldest first; the last one issues."""
    with speaking(as_json) as out, fleet_at(folder) as fleet:
        found = generations.known(fleet.folder)
        rows = [(str(item.number), f"{at(item.trusted_until_ms):%Y-%m-%d}") for item in found]
        out.table({"authorities": [item.model_dump() for item in found]}, ("number", "trusted until"), rows)
