"""`pw-provision est …`: the enrolment server."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from provisioning.errors import StorageFailed, Usage
from provisioning.est.service import EnrolmentService
from provisioning.fleet import Fleet
from provisioning.options import FLEET, Dir
from provisioning.output import speaking
from provisioning.storage import FleetFolder

app = typer.Typer(no_args_is_help=True, help="Enrolment over Secure Transport (RFC 7030).")


@app.callback()
def _est() -> None:
    """Enrolment over Secure Transport (RFC 7030)."""


@app.command()
def serve(
    cert: Annotated[Path, typer.Option(help="The server's certificate chain (PEM): pw-provision issue --kind est.")],
    key: Annotated[Path, typer.Option(help="Its private key (PEM).")],
    listen: Annotated[str, typer.Option(help="Address and port; port 0 takes a free one.")] = "0.0.0.0:8443",
    folder: Dir = FLEET,
) -> None:
    """Enrol and renew devices until SIGTERM. Says `{"ready": true, "url": …}` in a line on stdout."""
    with speaking(as_json=False):
        host, _, port = listen.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise Usage(f"not an address: {listen!r:.60}", where="--listen", remedy="Write ADDRESS:PORT.")
        import structlog

        if not structlog.is_configured():
            structlog.configure(logger_factory=structlog.WriteLoggerFactory(sys.stderr))
        asyncio.run(_serve(FleetFolder(folder), cert, key, host.strip("[]"), int(port)))


async def _serve(place: FleetFolder, cert: Path, key: Path, host: str, port: int) -> None:
    from aiohttp import web

    from provisioning.est.server import application, tls_context

    service = EnrolmentService(place, lambda: time.time_ns() // 1_000_000)
    with place.locked():
        _ = Fleet(place).authority  # damaged or missing: say so now, not to the first device
        context = tls_context(cert, key, service.authorities())
    runner = web.AppRunner(application(service), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
        url = f"https://{host}:{runner.addresses[0][1]}/.well-known/est"
        typer.echo(json.dumps({"ready": True, "url": url}))
        await _stop_signal()
    except OSError as error:
        raise StorageFailed(f"cannot listen: {error.strerror}", where=f"{host}:{port}", remedy="Free it.") from error
    finally:
        await runner.cleanup()


async def _stop_signal() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
