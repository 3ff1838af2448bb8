"""The options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from provisioning.output import Progress

FLEET = Path("fleet")
Dir = Annotated[Path, typer.Option("--dir", envvar="PW_FLEET_DIR", help="Folder of the fleet.")]
Offline = Annotated[Path | None, typer.Option("--offline", help="Where the offline folder is now.")]
IssuingKeyAddress = Annotated[
    str | None,
    typer.Option("--issuing-key", help="Keep the issuing key in a token: pkcs11:token=…;object=…?module-path=…"),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check and say what would happen; write nothing.")]
Voice = Annotated[Progress, typer.Option("--progress", help="How progress is told on stderr.")]
