"""`pw-provision image …`: builds root folders and the card image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioning.image.base_root import MIRROR
from provisioning.image.card import build_card, sha256
from provisioning.image.content import read_content
from provisioning.image.root_folder import root_folder
from provisioning.options import Json, Voice
from provisioning.output import EXIT_WITH_PROBLEMS, Progress, speaking

app = typer.Typer(no_args_is_help=True, help="The image of a device's card.")
Mirror = Annotated[str, typer.Option(envvar="PW_IMAGE_MIRROR", help="Debian's mirror, or a snapshot's address.")]
DIST = Path("dist")


@app.command()
def root(
    kind: Annotated[str, typer.Option(help="`card` (arm64) or `rig` (this machine's architecture).")] = "card",
    mirror: Mirror = MIRROR,
    as_json: Json = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Make a root folder, or find the one that is there for these inputs."""
    with speaking(as_json, progress) as out:
        folder = root_folder(read_content(), "arm64" if kind == "card" else "amd64", kind, mirror)
        facts = {"root": str(folder / "root"), "packages": str(folder / "packages.tsv")}
        out.result(facts, f"root folder: {folder / 'root'}")


@app.command()
def build(
    to: Annotated[Path, typer.Option("--to", help="Where the image, its bundle, bill and hashes go.")] = DIST,
    mirror: Mirror = MIRROR,
    as_json: Json = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Build the card image for both partition tables, the bundle for updates, the bill of materials and the hashes."""
    with speaking(as_json, progress) as out:
        made = build_card(read_content(), to, out.step, mirror)
        facts = {
            "images": {table.value: str(path) for table, path in made.images.items()},
            "bundle": str(made.bundle),
            "bill": str(made.bill),
            "hashes": str(made.hashes),
        }
        out.result(facts, made.hashes.read_text("utf-8").rstrip())


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A folder that `build` wrote.")],
    second: Annotated[Path, typer.Argument(help="Another one, of the same inputs.")],
    as_json: Json = False,
    progress: Voice = Progress.AUTO,
) -> None:
    """Say which files of two builds differ; ends with 6 when one does."""
    with speaking(as_json, progress) as out:
        names = sorted({path.name for folder in (first, second) for path in folder.iterdir()})
        differing = [name for name in names if _hash(first / name) != _hash(second / name)]
        text = f"differing: {', '.join(differing)}" if differing else f"{len(names)} files are the same"
        out.result({"files": names, "differing": differing}, text)
        if differing:
            raise typer.Exit(EXIT_WITH_PROBLEMS)


def _hash(path: Path) -> str:
    return sha256(path) if path.is_file() else ""
