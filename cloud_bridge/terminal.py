"""What all commands share: their options, the database they work on, and how an error ends them; it imports little."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cloud_bridge.errors import CloudError, ConfigError, Conflict, InvalidData, LinkDown, NotFound, StoreFailed

T = TypeVar("T")
Config = Annotated[Path | None, typer.Option("--config", envvar="PW_CLOUD_CONFIG", help="TOML file.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Tenant = Annotated[str, typer.Option(help="Whose.")]
_EXITS: tuple[tuple[type[CloudError], int], ...] = (
    (ConfigError, 2), (NotFound, 3), (Conflict, 4), (InvalidData, 5), (StoreFailed, 7), (LinkDown, 7)
)  # fmt: skip
FINISHED_WITH_PROBLEMS = 6


def group(help_text: str) -> typer.Typer:
    """A group of commands; without a command it shows its help."""
    return typer.Typer(help=help_text, no_args_is_help=True)


def settings_of(config: Path | None) -> Any:
    """The effective settings of this configuration file."""
    from cloud_bridge.settings import load_settings

    return load_settings(config)


def write_db(config: Path | None, fn: Callable[[Any], T]) -> T:
    """`fn` in one transaction of the configured database, brought up to date first."""
    return _with_db(config, lambda db: db.write(fn))


def read_db(config: Path | None, fn: Callable[[Any], T]) -> T:
    """`fn` on the configured database, for looking only."""
    return _with_db(config, lambda db: db.read(fn))


def _with_db(config: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    from cloud_bridge.storage.engine import open_database
    from cloud_bridge.storage.migrate import prepare_database

    async def run() -> T:
        db = open_database(settings_of(config).database)
        try:
            await prepare_database(db)
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        NotFound: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"cannot be read: {error.strerror}", where=str(path)) from error


def answer(value: Any, as_json: bool, text: str) -> None:
    """One JSON document, or the text for people, on stdout."""
    typer.echo(json.dumps(value, sort_keys=True) if as_json else text)


def guard(work: Callable[[], None]) -> None:
    """Typed errors as one line on stderr and their exit code."""
    try:
        work()
    except CloudError as error:
        raise _exit(error) from error
    except ExceptionGroup as group:  # a worker of `serve` ended it
        known, others = group.split(CloudError)
        while isinstance(known, ExceptionGroup):
            known = known.exceptions[0]
        if others is not None or not isinstance(known, CloudError):
            raise
        raise _exit(known) from group
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def _exit(error: CloudError) -> typer.Exit:
    typer.echo(f"{error}. {error.remedy}".rstrip(), err=True)
    return typer.Exit(next((code for kind, code in _EXITS if isinstance(error, kind)), 1))
