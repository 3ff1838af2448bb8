"""`pw-hil`: rigs, and the demo."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from hil import commands
from hil.errors import RigError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
EXIT_ERROR = 1
for _command in (commands.run, commands.plans, commands.build, commands.report):
    app.command()(_command)


@app.callback()
def _root() -> None:
    """Rigs for devices under test, and the demo. Text for people goes to stderr, JSON to stdout."""


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the story headless; non-zero if a step fails.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its state.")] = Path(".demo"),
) -> None:
    """One locker with its cloud on loopback. Ctrl-C ends it; a second run keeps its state."""
    from hil.demo.run import play_once, serve

    try:
        asyncio.run(play_once(folder) if once else serve(folder))
    except RigError as error:
        sys.stderr.write(f"error: {error}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        raise typer.Exit(EXIT_ERROR) from error


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    app()


if __name__ == "__main__":
    main()
