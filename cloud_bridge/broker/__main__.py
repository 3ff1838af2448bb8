"""The brokers' commands alone: `python -m cloud_bridge.broker broker|mosquitto`."""

from __future__ import annotations

import typer

from cloud_bridge.broker.cli import broker_cli, mosquitto_cli

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
app.add_typer(broker_cli, name="broker")
app.add_typer(mosquitto_cli, name="mosquitto")

if __name__ == "__main__":
    app()
