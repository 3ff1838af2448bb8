"""`pw-sim`: simulated hardware on real serial ports."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Annotated

import typer

from firmware_sim.config import LockerFile, read_locker_file
from firmware_sim.control import Control
from firmware_sim.errors import SimError
from firmware_sim.pty_server import PtyServer
from firmware_sim.thermometers import ThermometerFolder

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.callback()
def root() -> None:
    """Keeps `locker` a subcommand, beside those of other simulated hardware."""


@app.command()
def locker(
    config: Annotated[Path, typer.Option(help="Locker file, TOML or JSON: ports and their boards.")],
    links: Annotated[Path, typer.Option(help="Folder for the stable port links.")],
    control: Annotated[Path, typer.Option(help="Unix socket for hands, faults and the trace.")],
    json_output: Annotated[bool, typer.Option("--json", help="Print what is ready as one JSON line.")] = False,
) -> None:
    """Run a locker's lock boards, readers and thermometers until SIGTERM or SIGINT."""
    try:
        file = read_locker_file(config)
    except SimError as error:
        typer.echo(json.dumps({"error": error.code, "what": str(error), "remedy": error.remedy}), err=True)
        raise typer.Exit(2) from error
    asyncio.run(_run(file, links, control, json_output=json_output))


async def _run(file: LockerFile, links: Path, control: Path, *, json_output: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    ptys = PtyServer(file.build(), links)
    thermometers = ThermometerFolder(links / "w1") if file.thermometers else None
    for sensor_id in file.thermometers:
        assert thermometers is not None
        thermometers.set(sensor_id)
    desk = Control(ptys, thermometers)
    try:
        ports = ptys.start()
        await desk.start(control)
        _announce(ports, control, json_output=json_output)
        await stopped.wait()
    finally:
        await desk.close()
        control.unlink(missing_ok=True)
        ptys.close()
        if thermometers is not None:
            thermometers.close()


def _announce(ports: dict[str, str], control: Path, *, json_output: bool) -> None:
    if json_output:
        ready = {"ready": True, "ports": ports, "control": str(control), "pid": os.getpid()}
        typer.echo(json.dumps(ready))
        return
    for name, path in ports.items():
        typer.echo(f"port {name}: {path}")
    typer.echo(f"control: {control}\nready, Ctrl-C ends it")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
