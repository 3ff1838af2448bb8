"""`pw-provision releases …`: the repository's commands."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from edge.wire.release import ReleaseKind, parse_version
from provisioning.options import FLEET, Dir, DryRun, Json, Offline, Voice
from provisioning.output import Output, Progress, speaking
from provisioning.releases.bundle import copy_into, read_bundle, stored_name
from provisioning.releases.repository import Repository, Writes
from provisioning.releases.roles import RULES
from provisioning.storage import FleetFolder, write_file

app = typer.Typer(no_args_is_help=True, help="Signed releases: bundles that devices may install.")


@app.command()
def init(
    folder: Dir = FLEET, offline: Offline = None, as_json: Json = False, dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Make the repository: keys of its four roles, and the first, empty set of metadata."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder, offline).locked():
        place = FleetFolder(folder, offline)
        _apply(place, Repository(place).create(_now_ms()), out)
        facts = {role: {"keys": rule.keys, "threshold": rule.threshold} for role, rule in RULES.items()}
        out.result({"roles": facts}, f"release repository made in {folder}/releases")


@app.command()
def add(
    bundle: Annotated[Path, typer.Argument(help="The bundle: an image's tar archive, or an agent's tar.gz.")],
    version: Annotated[str, typer.Option("--version", help="1.4.0, or 1.4.0-rc.2 for a candidate.")],
    kind: Annotated[ReleaseKind, typer.Option("--kind")],
    product: Annotated[str, typer.Option("--product")] = "parcelworks-locker",
    board: Annotated[str, typer.Option("--board")] = "rpi-arm64",
    min_version: Annotated[str | None, typer.Option("--min-version", help="Devices below it refuse this one.")] = None,
    folder: Dir = FLEET, offline: Offline = None, as_json: Json = False, dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Sign a bundle and make it installable. Needs the offline keys of the role targets."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder, offline).locked():
        place = FleetFolder(folder, offline)
        oldest = None if min_version is None else parse_version(min_version, where="--min-version")
        found = read_bundle(bundle, product, board, kind, parse_version(version, where="--version"), oldest)
        out.step(f"read {found.length} bytes, SHA-256 {found.sha256}")
        writes = Repository(place).add(found, _now_ms())
        if writes and not dry_run:
            copy_into(place, bundle, found)
        _apply(place, writes, out)
        facts = {"path": found.release.path, "length": found.length, "sha256": found.sha256, "changed": bool(writes)}
        out.result(facts, f"{found.release.path} {'released' if writes else 'was released before'}")


@app.command()
def withdraw(
    path: Annotated[str, typer.Argument(help="The release's path, as releases list shows it.")],
    folder: Dir = FLEET, offline: Offline = None, as_json: Json = False, dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Make a release installable no more. Devices that run it keep it."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder, offline).locked():
        place = FleetFolder(folder, offline)
        _apply(place, Repository(place).withdraw(path, _now_ms()), out)
        out.result({"path": path}, f"{path} withdrawn")


@app.command()
def refresh(
    folder: Dir = FLEET, offline: Offline = None, as_json: Json = False, dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Sign the timestamp anew, and what else ends soon. Run it daily where the repository is served from."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder, offline).locked():
        place = FleetFolder(folder, offline)
        writes = Repository(place).refresh(_now_ms())
        _apply(place, writes, out)
        out.result({"files": [write.path for write in writes]}, f"{len(writes)} files signed anew")


@app.command()
def rotate(
    role: Annotated[str, typer.Argument(help="root, targets, snapshot or timestamp.")],
    folder: Dir = FLEET, offline: Offline = None, as_json: Json = False, dry_run: DryRun = False,
    progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Give a role new keys. Devices follow by the chain of roots, from whichever they trust."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder, offline).locked():
        if role not in RULES:
            raise typer.BadParameter(f"not one of {', '.join(RULES)}", param_hint="ROLE")
        place = FleetFolder(folder, offline)
        writes = Repository(place).rotate(role, _now_ms())
        _apply(place, writes, out)
        out.result({"role": role}, f"{role} has new keys; publish the repository")


@app.command("list")
def list_releases(folder: Dir = FLEET, as_json: Json = False) -> None:
    """What devices may install."""
    with speaking(as_json) as out:
        found = Repository(FleetFolder(folder)).bundles()
        facts = [
            {**item.release.to_custom(), "path": item.release.path, "length": item.length, "sha256": item.sha256}
            for item in found
        ]
        rows = [(item.release.path, f"{item.length / 1e6:.1f} MB", item.sha256[:16]) for item in found]
        out.table({"releases": facts}, ("path", "size", "sha256"), rows)


@app.command()
def publish(
    to: Annotated[Path, typer.Option("--to", help="Folder that a web server serves.")],
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Copy what is new into the folder that devices fetch from: bundles first, the timestamp last, and never a key."""
    with speaking(as_json, progress, dry_run) as out, FleetFolder(folder).locked():
        place = FleetFolder(folder)
        repository = Repository(place)
        bundles, done = repository.bundles(), []
        with out.counting("copying", bundles) as items:
            for item in items:
                name = stored_name(item)
                target = to / name.removeprefix("releases/")
                if not target.exists():
                    done.append(name)
                    if not dry_run:
                        target.parent.mkdir(parents=True, exist_ok=True)
                        shutil.copyfile(place.path / name, target.with_suffix(".part"))
                        target.with_suffix(".part").replace(target)
        for name in repository.public_files():
            if not dry_run:
                write_file(to / name.removeprefix("releases/"), place.read(name))
        out.result({"to": str(to), "new": done}, f"{to}: {len(done)} new bundles, metadata up to date")


@app.command()
def root(
    out_file: Annotated[Path, typer.Option("--out", help="Where the root goes: into the image, or onto a device.")],
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False,
) -> None:  # fmt: skip
    """Write the newest root: the only thing that a device has to be given to trust all later releases."""
    with speaking(as_json, Progress.AUTO, dry_run) as out:
        data = Repository(FleetFolder(folder)).root_json()
        if not dry_run:
            write_file(out_file, data)
        out.result({"out": str(out_file), "length": len(data)}, f"root written to {out_file}")


def _apply(place: FleetFolder, writes: Writes, out: Output) -> None:
    if not out.dry_run:
        place.apply(writes)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
