"""`pw-cloud`: serve, and the commands of every context under it."""

from __future__ import annotations

import asyncio
import json

import typer

from cloud_bridge.access.cli import login_cli, token_cli
from cloud_bridge.broker.cli import broker_cli, mosquitto_cli
from cloud_bridge.fleet.cli import devices_cli
from cloud_bridge.ledger.cli import ledger_cli
from cloud_bridge.lockers.cli import decisions_cli, manifest_cli
from cloud_bridge.rollouts.cli import rollouts_cli
from cloud_bridge.terminal import Config, group, guard, settings_of

app = typer.Typer(help="The Parcelworks cloud bridge.", no_args_is_help=True, pretty_exceptions_enable=False)
config_cli = group("Configuration.")
for name, sub in (
    ("token", token_cli), ("login", login_cli), ("manifest", manifest_cli), ("decisions", decisions_cli),
    ("ledger", ledger_cli), ("devices", devices_cli), ("rollouts", rollouts_cli), ("config", config_cli),
    ("broker", broker_cli),
    ("mosquitto", mosquitto_cli),
):  # fmt: skip
    app.add_typer(sub, name=name)


@app.command()
def serve(config: Config = None) -> None:
    """Serve HTTP, take the devices' events, tell recipients."""
    from cloud_bridge.serve import serve as run

    guard(lambda: asyncio.run(run(settings_of(config))))


@config_cli.command("show")
def config_show(config: Config = None) -> None:
    """Print the effective configuration with secrets masked."""
    guard(lambda: typer.echo(json.dumps(settings_of(config).shown(), indent=2, sort_keys=True)))


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
