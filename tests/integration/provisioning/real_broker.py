"""mosquitto on files that provisioning exported, and whether it and a device take each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cloud_bridge.broker.mosquitto import MosquittoConfig
from cloud_bridge.broker.supervisor import MosquittoSupervisor
from edge.agents.system_random import SystemRandom
from edge.link.mqtt import LinkListeners, MqttLink
from edge.link.mqtt_settings import MqttSettings, TlsFiles
from tests.integration.brokers import free_port


@asynccontextmanager
async def broker_on(files: Path, state: Path) -> AsyncIterator[int]:
    """The port of a broker that runs from the exported files and looks at them ten times a second."""
    config = MosquittoConfig(
        folder=state, certificate=files / "broker.pem", key=files / "broker.key", client_authority=files / "ca.pem",
        revoked=files / "crl.pem", registry=files / "devices.json", listen_host="127.0.0.1", listen_port=free_port(),
    )  # fmt: skip
    stop, up = asyncio.Event(), asyncio.Event()
    supervisor = MosquittoSupervisor(config, poll_s=0.1)
    async with asyncio.TaskGroup() as group:
        group.create_task(supervisor.run(stop=stop, ready=lambda port: up.set()))
        try:
            await asyncio.wait_for(up.wait(), 20)
            yield config.listen_port
        finally:
            stop.set()


async def is_let_in(port: int, device_id: str, files: TlsFiles) -> bool:
    """Whether the device's own link stands: the broker takes its certificate, and it the broker's."""
    verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settle(value: bool) -> None:
        if not verdict.done():
            verdict.set_result(value)

    settings = MqttSettings("localhost", port, device_id, files, first_retry_ms=1, max_retry_ms=1)
    listeners = LinkListeners(
        lambda: settle(True), lambda: settle(False), lambda *_: None, failed=lambda why: settle(False)
    )
    running = asyncio.get_running_loop().create_task(MqttLink(settings, SystemRandom(), listeners).run())
    try:
        return await asyncio.wait_for(verdict, 20)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
