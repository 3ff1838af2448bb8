"""Commands of the brokers: `pw-cloud broker` serves the embedded one, `pw-cloud mosquitto config|run` the other."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from cloud_bridge.broker.embedded_config import parse_listen
from cloud_bridge.broker.mosquitto import MosquittoConfig
from cloud_bridge.errors import CloudError, ConfigError

EXIT_ERROR = 1
EXIT_USAGE = 2
broker_cli = typer.Typer(help="The embedded MQTT broker.", pretty_exceptions_enable=False)
mosquitto_cli = typer.Typer(help="mosquitto for a fleet.", no_args_is_help=True, pretty_exceptions_enable=False)

Cert = Annotated[Path, typer.Option(help="The broker's certificate (PEM).")]
Key = Annotated[Path, typer.Option(help="Its private key (PEM).")]
Authority = Annotated[Path, typer.Option(help="Authority of the clients' certificates (PEM): ca.pem.")]
Revoked = Annotated[Path | None, typer.Option(help="Revocation list (PEM): crl.pem.")]
Registry = Annotated[Path | None, typer.Option(help="Enrolled devices: devices.json; the revoked are cut off.")]
Bridge = Annotated[list[str] | None, typer.Option(help="Name of a bridge worker, bridge.<worker>; repeat for more.")]
Folder = Annotated[Path, typer.Option(help="Folder of mosquitto's files.")]
Listen = Annotated[str, typer.Option(help="Address and port; port 0 takes a free one.")]


@broker_cli.callback(invoke_without_command=True)
def broker(
    listen: Listen = "127.0.0.1:1883",
    credentials: Annotated[Path | None, typer.Option(help='Names and tokens, {"name": "token"}, mode 0600.')] = None,
    cert: Annotated[Path | None, typer.Option(help="The broker's certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    ca: Annotated[Path | None, typer.Option(help="Authority of the clients' certificates (PEM).")] = None,
    revoked: Revoked = None,
) -> None:
    """Serve MQTT for a demo or a small site: with tokens on loopback, or with client certificates anywhere."""
    from cloud_bridge.broker.credentials import Credentials
    from cloud_bridge.broker.embedded import run_embedded
    from cloud_bridge.broker.embedded_config import BrokerTls, EmbeddedConfig

    with _errors_told():
        host, port = parse_listen(listen)
        tls = BrokerTls(cert, key, ca, revoked) if cert and key and ca else None
        if tls is None and (cert or key or ca or credentials is None):
            raise ConfigError(
                "neither credentials nor all certificate files", where="broker", remedy="Give --credentials FILE."
            )
        known = Credentials.read(credentials) if credentials else Credentials({})
        config = EmbeddedConfig(listen_host=host, listen_port=port, credentials=known, tls=tls)
        asyncio.run(_until_signal(lambda stop, ready: run_embedded(config, stop=stop, ready=ready)))


@mosquitto_cli.command("config")
def mosquitto_config(
    cert: Cert,
    key: Key,
    ca: Authority,
    folder: Folder = Path("mosquitto"),
    listen: Listen = "0.0.0.0:8883",
    revoked: Revoked = None,
    registry: Registry = None,
    bridge: Bridge = None,
) -> None:
    """Write mosquitto's configuration and access rules, and say where they are."""
    with _errors_told():
        config = _config(cert, key, ca, folder, listen, revoked, registry, bridge)
        config.write()
        typer.echo(json.dumps({"config": str(config.config_file), "acl": str(config.acl_file)}))


@mosquitto_cli.command("run")
def mosquitto_run(
    cert: Cert,
    key: Key,
    ca: Authority,
    folder: Folder = Path("mosquitto"),
    listen: Listen = "0.0.0.0:8883",
    revoked: Revoked = None,
    registry: Registry = None,
    bridge: Bridge = None,
) -> None:
    """Run mosquitto and keep it running; a changed revocation list or registry holds within seconds."""
    from cloud_bridge.broker.supervisor import MosquittoSupervisor

    with _errors_told():
        supervisor = MosquittoSupervisor(_config(cert, key, ca, folder, listen, revoked, registry, bridge))
        asyncio.run(_until_signal(lambda stop, ready: supervisor.run(stop=stop, ready=ready)))


def _config(
    cert: Path,
    key: Path,
    ca: Path,
    folder: Path,
    listen: str,
    revoked: Path | None,
    registry: Path | None,
    bridge: list[str] | None,
) -> MosquittoConfig:
    host, port = parse_listen(listen)
    return MosquittoConfig(
        folder=folder.resolve(),
        certificate=cert.resolve(),
        key=key.resolve(),
        client_authority=ca.resolve(),
        revoked=revoked.resolve() if revoked else None,
        registry=registry.resolve() if registry else None,
        bridge_names=tuple(bridge or ["bridge.0"]),
        listen_host=host,
        listen_port=port,
    )


async def _until_signal(serve: Callable[[asyncio.Event, Callable[[int], None]], Awaitable[None]]) -> None:
    """Serve until SIGTERM or SIGINT; say `{"ready": true, "port": …}` in a line on stdout when clients can come."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(stop, lambda port: print(json.dumps({"ready": True, "port": port}), flush=True))


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except CloudError as error:
        typer.echo(f"{error}. {error.remedy}", err=True)
        raise typer.Exit(EXIT_USAGE if isinstance(error, ConfigError) else EXIT_ERROR) from error
