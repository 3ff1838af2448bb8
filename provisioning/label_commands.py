"""`pw-provision labels`: sheets to print and stick onto the devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioning.approvals import PLACE, Approvals
from provisioning.errors import Refused
from provisioning.fleet import Fleet, fleet_at
from provisioning.label_sheet import Grid
from provisioning.options import FLEET, Dir, DryRun, Json, Voice
from provisioning.output import Progress, speaking
from provisioning.profiles import check_any_id

MAX_LABELS = 2000
Mm = Annotated[float, typer.Option(min=0, max=1000, help="mm")]
SHEET = Grid()


def labels(
    out_file: Annotated[Path, typer.Option("--out", help="The sheet: a .pdf, or a .png a page.")],
    device_ids: Annotated[list[str] | None, typer.Argument(help="Ids of devices; none: all that are enrolled.")] = None,
    approved: Annotated[bool, typer.Option("--approved", help="Those on the approval list instead.")] = False,
    columns: Annotated[int, typer.Option(min=1, max=20)] = SHEET.columns,
    rows: Annotated[int, typer.Option(min=1, max=50)] = SHEET.rows,
    width_mm: Mm = SHEET.label_width_um / 1000, height_mm: Mm = SHEET.label_height_um / 1000,
    left_mm: Mm = SHEET.left_um / 1000, top_mm: Mm = SHEET.top_um / 1000,
    gap_x_mm: Mm = SHEET.gap_x_um / 1000, gap_y_mm: Mm = SHEET.gap_y_um / 1000,
    page_width_mm: Mm = SHEET.page_width_um / 1000, page_height_mm: Mm = SHEET.page_height_um / 1000,
    skip: Annotated[int, typer.Option(min=0, max=999, help="Labels of the first sheet that are used already.")] = 0,
    folder: Dir = FLEET, as_json: Json = False, dry_run: DryRun = False, progress: Voice = Progress.AUTO,
) -> None:  # fmt: skip
    """Draw label sheets: QR code with the device's id, and the id for people. Default: A4 with 3 × 7 labels."""
    with speaking(as_json, progress, dry_run) as out, fleet_at(folder) as fleet:
        grid = Grid(
            *map(_um, (page_width_mm, page_height_mm)), columns, rows,
            *map(_um, (width_mm, height_mm, left_mm, top_mm, gap_x_mm, gap_y_mm)),
        )  # fmt: skip
        grid.check()
        names = _names(fleet, device_ids or [], approved)
        sheets, files = -(-(skip + len(names)) // grid.per_page), [out_file]
        if not dry_run:
            from provisioning.label_drawing import draw_sheets, save_sheets

            files = save_sheets(draw_sheets(names, fleet.name, grid, skip), out_file)
        facts = {"labels": len(names), "sheets": sheets, "files": [str(file) for file in files]}
        out.result(facts, f"{len(names)} labels on {sheets} sheets: {', '.join(map(str, files))}")


def _names(fleet: Fleet, given: list[str], approved: bool) -> list[str]:
    """The ids to print, in the order given."""
    if given:
        return [check_any_id(name) for name in given][: MAX_LABELS + 1]
    if approved:
        found = sorted(Approvals.parse(fleet.folder.find(PLACE)).devices)
    else:
        found = [party.party_id for party in fleet.parties() if party.log_public and party.state == "active"]
    if not found or len(found) > MAX_LABELS:
        what = f"{len(found)} devices; a print has 1 to {MAX_LABELS}"
        raise Refused(what, where="labels", remedy="Name the ids.")
    return found


def _um(length_mm: float) -> int:
    return round(length_mm * 1000)
