"""How the commands speak: results for programs on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import typer

from edge.wire.errors import WireError
from provisioning.errors import ProvisioningError

EXIT_INVALID = 5
EXIT_WITH_PROBLEMS = 6


class Progress(StrEnum):
    """`auto`: a moving line on a terminal, else `plain`."""

    AUTO = "auto"
    PLAIN = "plain"
    JSON = "json"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Output:
    """One command's voice."""

    as_json: bool = False
    progress: Progress = Progress.AUTO
    dry_run: bool = False

    def result(self, facts: Mapping[str, Any], text: str) -> None:
        """The command's one result."""
        if self.as_json:
            typer.echo(json.dumps({**facts, **({"dry_run": True} if self.dry_run else {})}, indent=1))
        else:
            typer.echo(f"{text} (dry run: nothing was written)" if self.dry_run else text)

    def table(self, facts: Mapping[str, Any], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A list: JSON, or columns."""
        if self.as_json:
            typer.echo(json.dumps(facts, indent=1))
            return
        widths = [max(len(line[index]) for line in (columns, *rows)) for index in range(len(columns))]
        for line in (columns, *rows):
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())

    def step(self, text: str) -> None:
        """Something that was done."""
        if self.progress is Progress.JSON:
            typer.echo(json.dumps({"step": text}), err=True)
        elif self.progress is not Progress.QUIET:
            typer.echo(text, err=True)

    @contextmanager
    def counting(self, text: str, items: Sequence[Any]) -> Iterator[Iterator[Any]]:
        """Go through `items`, with a bar on a terminal."""
        if self.progress is not Progress.AUTO or len(items) < 2 or not sys.stderr.isatty():
            yield iter(items)
            return
        from rich.console import Console
        from rich.progress import track

        yield iter(track(items, description=text, console=Console(stderr=True)))

    def problem(self, error: ProvisioningError | WireError) -> dict[str, Any]:
        """Say what is wrong and what helps; returns it for the JSON result."""
        if self.progress is Progress.JSON:
            typer.echo(json.dumps({"error": describe(error)}), err=True)
        else:
            typer.echo(f"error: {error}", err=True)
            if error.remedy:
                typer.echo(f"  {error.remedy}", err=True)
        return describe(error)

    def fail(self, error: ProvisioningError | WireError) -> NoReturn:
        """End the command with the error's exit code."""
        facts = self.problem(error)
        if self.as_json:
            typer.echo(json.dumps({"error": facts}, indent=1))
        raise typer.Exit(error.exit_code if isinstance(error, ProvisioningError) else EXIT_INVALID)


@contextmanager
def speaking(as_json: bool, progress: Progress = Progress.AUTO, dry_run: bool = False) -> Iterator[Output]:
    """A command's output; its errors become a message, a remedy and an exit code."""
    out = Output(as_json, progress, dry_run)
    try:
        yield out
    except (ProvisioningError, WireError) as error:
        out.fail(error)


def describe(error: ProvisioningError | WireError) -> dict[str, Any]:
    return {
        "code": error.code,
        "what": error.what,
        "where": error.where,
        "remedy": error.remedy,
        "retry": error.retry,
    }
