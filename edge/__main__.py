"""`pw-edge`: the programs that run on a device."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from edge.errors import ConfigError, EdgeError, EnrolmentRefused, LinkDown

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
config_app = typer.Typer(no_args_is_help=True, help="Look at the configuration.")
app.add_typer(config_app, name="config")
ConfigOption = Annotated[Path, typer.Option("--config", help="The agent's TOML file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
EXIT_ERROR, EXIT_REFUSED, EXIT_INVALID, EXIT_UNFINISHED, EXIT_OFFLINE = 1, 4, 5, 6, 7
_EXITS = ((ConfigError, EXIT_INVALID), (EnrolmentRefused, EXIT_REFUSED), (LinkDown, EXIT_OFFLINE))


def _fail(error: EdgeError, *, as_json: bool = False) -> NoReturn:
    sys.stderr.write(f"error: {error}\n")
    if error.remedy:
        sys.stderr.write(f"remedy: {error.remedy}\n")
    if as_json:
        told = {"code": error.code, "what": error.what, "where": error.where, "remedy": error.remedy}
        sys.stdout.write(json.dumps({"error": told}) + "\n")
    raise typer.Exit(next((code for kind, code in _EXITS if isinstance(error, kind)), EXIT_ERROR))


@app.callback()
def _root() -> None:
    """Programs that run on a device. Text for people goes to stderr, JSON to stdout."""


@app.command()
def locker(config: ConfigOption) -> None:
    """Run the locker controller until SIGTERM."""
    import asyncio

    from edge.agents.locker_process import serve
    from edge.config import load_config

    try:
        code = asyncio.run(serve(load_config(config, dict(os.environ))))
    except EdgeError as error:
        _fail(error)
    raise typer.Exit(code)


@app.command()
def doctor(
    config: ConfigOption,
    port: Annotated[list[Path] | None, typer.Option(help="A serial port; all by-id ports when left out.")] = None,
    addresses: Annotated[int, typer.Option(help="How many addresses are asked, from 0.", min=1, max=256)] = 9,
    search: Annotated[bool, typer.Option(help="Look for boards although the configuration names some.")] = False,
    afresh: Annotated[bool, typer.Option(help="Forget what an earlier walk found.")] = False,
    parcels_inside: Annotated[bool, typer.Option(help="Open doors although parcels lie behind some.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the map as JSON on stdout.")] = False,
) -> None:
    """Walk along the boards with an installer: confirm, pulse, watch, learn the map, write the configuration."""
    import asyncio

    from edge.agents.doctor.dialogue import Terminal
    from edge.agents.doctor.site import Ways
    from edge.agents.doctor.visit import Order, Visit
    from edge.drivers.board_search import Search
    from edge.drivers.gpio_chip import open_chip
    from edge.drivers.serial_line import PySerialLine

    by_id = Path("/dev/serial/by-id")
    ports = tuple(port or (sorted(by_id.iterdir()) if by_id.is_dir() else ()))
    order = Order(config, ports, Search(range(addresses)), search, afresh, parcels_inside)
    ways = Ways(PySerialLine.open, open_chip)
    try:
        found = asyncio.run(Visit(order, dict(os.environ), Terminal(sys.stderr, sys.stdin), ways).run())
    except EdgeError as error:
        _fail(error)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
    raise typer.Exit(0 if found["complete"] else EXIT_UNFINISHED)


@app.command()
def launch(config: ConfigOption) -> None:
    """Start the locker controller's program that is to run now: the one on trial, the committed one or the image's."""
    from edge.agents import update_process
    from edge.config import load_config

    try:
        update_process.launch(load_config(config, dict(os.environ)), config)
    except EdgeError as error:
        _fail(error)


@app.command()
def update(
    config: ConfigOption,
    once: Annotated[bool, typer.Option("--once", help="Look once and end, as a timer wants it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON on stdout.")] = False,
    every_s: Annotated[int, typer.Option(min=5, max=3600, help="Seconds between two looks.")] = 60,
) -> None:
    """Look for a release that this device should run: install it, try it, keep it or fall back."""
    import time

    from edge.agents import update_process
    from edge.agents.diagnostics import configure
    from edge.config import load_config

    configure()
    try:
        effective = load_config(config, dict(os.environ))
        while True:
            words = update_process.look(effective)
            told = json.dumps(words) if as_json else ", ".join(f"{kind}: {word}" for kind, word in words.items())
            (sys.stdout if as_json else sys.stderr).write(told + "\n")
            sys.stdout.flush()
            if once:
                raise typer.Exit(_update_code(words.values()))
            time.sleep(every_s)
    except EdgeError as error:
        _fail(error)


def _update_code(words: Iterable[str]) -> int:
    if any(word.startswith("refused:") or word in ("slot_failed", "no_space") for word in words):
        return EXIT_UNFINISHED
    return EXIT_OFFLINE if "offline" in words else 0


@config_app.command("show")
def config_show(config: ConfigOption) -> None:
    """Print the effective configuration as JSON, environment included."""
    from edge.config import load_config

    try:
        effective = load_config(config, dict(os.environ))
    except EdgeError as error:
        _fail(error)
    sys.stdout.write(json.dumps(effective.model_dump(mode="json"), indent=2) + "\n")


@app.command("enrol-request")
def enrol_request(
    keys_dir: Annotated[Path, typer.Option(help="Folder of this device's keys; made when missing.")],
    device_id: Annotated[str, typer.Option(help="3 to 40 of a-z, 0-9 and '-'.")],
    fleet: Annotated[str, typer.Option(help="The fleet's name.")],
    kind: Annotated[str, typer.Option(help="locker, handheld or robot_gateway.")] = "locker",
) -> None:
    """Make this device's keys if there are none, and print its enrolment request (JSON)."""
    from edge.storage.key_file import KeyFile
    from edge.wire.enrolment import DeviceKind
    from edge.wire.errors import WireError

    try:
        request = KeyFile(keys_dir, device_id).enrolment_request(fleet, DeviceKind(kind))
    except EdgeError as error:
        _fail(error)
    except (WireError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(EXIT_INVALID) from error
    sys.stdout.write(request.decode() + "\n")


@app.command("install-certificate")
def install_certificate(
    keys_dir: Annotated[Path, typer.Option(help="Folder of this device's keys.")],
    device_id: Annotated[str, typer.Option(help="The device's id, as in its enrolment.")],
    certificate: Annotated[Path, typer.Argument(help="The certificate that provisioning issued (PEM).")],
) -> None:
    """Check a certificate against this device's key and keep it."""
    from edge.storage.key_file import KeyFile

    try:
        KeyFile(keys_dir, device_id).install_certificate(certificate.read_bytes())
    except EdgeError as error:
        _fail(error)
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        raise typer.Exit(EXIT_INVALID) from error


@app.command()
def enrol(
    claim: Annotated[Path, typer.Option(help="The claim file; it is overwritten and deleted when all is durable.")],
    data: Annotated[Path, typer.Option(help="Folder of this device: keys, certificate, locker.toml.")],
    serial: Annotated[str | None, typer.Option(help="Serial number; default: the board's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Enrol this device with a claim. Exit code 4: refused, 7: no answer, try again."""
    import asyncio

    from edge.agents.enrolment import enrol as enrol_device

    try:
        done = asyncio.run(enrol_device(claim, data, serial, lambda step: _say(f"done: {step}")))
    except EdgeError as error:
        _fail(error, as_json=as_json)
    facts = {"device_id": done.device_id, "not_after_ms": done.not_after_ms, "changed": done.changed}
    _result(facts, f"{done.device_id} {'enrolled' if done.changed else 'was enrolled before'}", as_json=as_json)


@app.command()
def renew(
    data: Annotated[Path, typer.Option(help="Folder of this device, with its locker.toml.")],
    now: Annotated[bool, typer.Option("--now", help="Ask even if it is not due.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask for the next certificate once two thirds of this one's life are over. Exit code 4: refused, 7: no answer."""
    import asyncio
    import time

    from edge.agents.renewal import Renewal
    from edge.config import load_config
    from edge.storage.key_file import KeyFile

    try:
        config = load_config(data / "locker.toml", dict(os.environ))
        renewal = Renewal(config, KeyFile(config.keys_dir, config.device_id))
        at_ms, life = time.time_ns() // 1_000_000, renewal.life()
        due = now or life is None or at_ms >= life.renew_at_ms
        after = asyncio.run(renewal.renew()) if due else life
    except EdgeError as error:
        _fail(error, as_json=as_json)
    assert after is not None
    facts = {"device_id": config.device_id, "renewed": due, "not_after_ms": after.not_after_ms,
             "renew_at_ms": after.renew_at_ms}  # fmt: skip
    _result(facts, f"{config.device_id} {'renewed' if due else 'is not due yet'}", as_json=as_json)


@app.command()
def wipe(
    data: Annotated[Path, typer.Option(help="Folder of this device, with its locker.toml.")],
    confirm: Annotated[str, typer.Option(help="The device's id, so that no other is wiped.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; delete nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Destroy this device's keys and secrets, for ever. Its event log with the receipts stays. Stop the agent first."""
    from edge.config import load_config
    from edge.storage.destruction import destroy_file

    try:
        config = load_config(data / "locker.toml")
        if config.device_id != confirm:
            remedy = "Name this device: --confirm."
            raise ConfigError(f"this is {config.device_id}", where="--confirm", remedy=remedy)
        files = sorted(path for path in config.keys_dir.iterdir() if path.is_file()) if config.keys_dir.is_dir() else []
        for path in files if not dry_run else ():
            destroy_file(path)
    except EdgeError as error:
        _fail(error, as_json=as_json)
    facts: dict[str, object] = {"device_id": confirm, "files": [path.name for path in files], "dry_run": dry_run}
    _result(facts, f"{confirm}: {len(files)} secret files {'would go' if dry_run else 'destroyed'}", as_json=as_json)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _result(facts: dict[str, object], text: str, *, as_json: bool) -> None:
    sys.stdout.write(f"{json.dumps(facts) if as_json else text}\n")


def main() -> None:
    app()


if __name__ == "__main__":
    main()
