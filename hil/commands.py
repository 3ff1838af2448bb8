"""The commands of rigs: `run`, `plans`, `build`, `report`."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hil.backends import open_rig
from hil.errors import RigError
from hil.plans import all_plans, find_plans
from hil.protocols import CAPABILITIES
from hil.report import as_json, write_reports
from hil.rig_file import read_rig_file
from hil.runner import PlanResult, RunResult, run_plans

EXIT_ERROR, EXIT_FAILED = 1, 2
RigOption = Annotated[Path, typer.Option("--rig", help="The rig's file, rig.yaml.")]
_REPORTS = Path(".cache/rig/reports")


@contextmanager
def _plainly() -> Iterator[None]:
    """Errors of ours as a line and its remedy, not as a stack."""
    try:
        yield
    except RigError as error:
        sys.stderr.write(f"error: {error}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        raise typer.Exit(EXIT_ERROR) from error


def run(
    rig: RigOption,
    plans: Annotated[
        list[str] | None, typer.Argument(help="Names of plans; without any, all that fit the rig.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Folder of the reports.")] = None,
    cycles: Annotated[int, typer.Option(min=1, help="How often repeating plans repeat.")] = 10,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the run's folder: disks, logs, consoles.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run plans on a rig. Ends with 2 when one fails, with 1 when the rig cannot be had."""
    with _plainly():
        described = read_rig_file(rig)
        wanted = find_plans(plans or [])
        folder = Path(tempfile.mkdtemp(prefix="rig-"))
        sys.stderr.write(f"rig {described.name} ({described.backend}), its folder is {folder}\n")

        async def go() -> RunResult:
            async with open_rig(described, folder) as opened:
                return await run_plans(opened, wanted, named=bool(plans), cycles=cycles, tell=_tell)

        result = asyncio.run(go())
    paths = write_reports(result, report or _REPORTS / described.name)
    if not keep and result.passed:
        shutil.rmtree(folder)
    for name, missing in result.unfit:
        sys.stderr.write(f"not for this rig: {name} (it has no {missing})\n")
    sys.stderr.write(f"report: {paths['index.html']}\n")
    if json_output:
        sys.stdout.write(json.dumps(as_json(result)) + "\n")
    if not result.passed:
        raise typer.Exit(EXIT_FAILED)


def plans(json_output: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """What can be run, and what each plan needs of a rig."""
    names = {protocol: name for name, protocol in CAPABILITIES.items()}
    rows = [
        {"name": item.name, "summary": item.summary, "needs": [names[need] for need in item.needs]}
        for item in all_plans()
    ]
    if json_output:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    for row in rows:
        sys.stdout.write(f"{row['name']}: {row['summary']} Needs: {', '.join(row['needs'])}.\n")


def build(
    parts: Annotated[list[str], typer.Argument(help="uml (the kernel), root (the guests' root folder).")],
) -> None:
    """Build the parts of virtual rigs ahead of time; what is built already is only named."""
    from hil.uml.backend import root_folder
    from hil.uml.kernel import kernel

    builders = {"uml": kernel, "root": root_folder}
    with _plainly():
        unknown = [part for part in parts if part not in builders]
        if unknown:
            raise RigError(f"no part {unknown[0]!r}", remedy=f"One of: {', '.join(builders)}")
        for part in parts:
            sys.stdout.write(f"{part}: {builders[part]()}\n")


def report(
    folder: Annotated[Path, typer.Argument(help="Folder of a run's reports.")],
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Tell what a run found; the page beside it has the pictures."""
    try:
        found = json.loads((folder / "run.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {folder}: no report of a run: {error}\nremedy: pw-hil run --report {folder}\n")
        raise typer.Exit(EXIT_ERROR) from error
    for item in found["plans"]:
        sys.stdout.write(f"{item['outcome']:7} {item['name']} ({item['seconds']:.1f} s)\n")
        for figure in item["measurements"]:
            sys.stdout.write(f"        {figure['name']} = {figure['value']} {figure['unit']}\n")
    if show:
        webbrowser.open((folder / "index.html").resolve().as_uri())


def _tell(result: PlanResult) -> None:
    sys.stderr.write(f"{result.outcome:7} {result.plan.name} ({result.seconds:.1f} s)\n")
    for found in result.record.measurements:
        sys.stderr.write(f"        {found.outcome:7} {found}\n")
    if result.error:
        sys.stderr.write(f"{result.error}\n")
