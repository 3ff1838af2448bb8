"""Runs the composed bridge as a process: database, senders, MQTT, HTTP, background work; ends cleanly on signals."""

from __future__ import annotations

import asyncio
import json
import signal
import sys

import aiohttp
import structlog
from aiohttp import web

from cloud_bridge.app import Bridge, compose
from cloud_bridge.fleet.registry_watch import RegistryWatch
from cloud_bridge.keyring import load_keyring
from cloud_bridge.mqtt import BridgeSettings, BridgeTls, MqttBridge
from cloud_bridge.notify.channels import HttpSender, Sender, Senders, SmtpSender, SmtpSettings
from cloud_bridge.notify.model import Channel
from cloud_bridge.notify.webhook import WebhookSender
from cloud_bridge.ports import Clock, SystemClock, SystemRandom
from cloud_bridge.settings import Mqtt, Settings
from cloud_bridge.storage.engine import open_database
from cloud_bridge.storage.migrate import prepare_database

logger = structlog.get_logger("serve")


async def serve(settings: Settings) -> None:
    """Until SIGINT or SIGTERM.

    Raises:
        ConfigError: keys or settings are wrong.
        StoreFailed: the database cannot be prepared.
        BrokerOpen: the broker lets anonymous clients in.
    """
    clock, random = SystemClock(), SystemRandom()
    keyring = load_keyring(settings.keys, settings.state, random)
    db = open_database(settings.database)
    try:
        await prepare_database(db)
        async with aiohttp.ClientSession() as session:
            bridge = compose(db, keyring, settings, clock, random, senders(settings, session, clock))
            watch = RegistryWatch(db, settings.keys / "devices.json", settings.registry_tenant, clock)
            await _run(bridge, settings, watch)
    finally:
        await db.close()


async def _run(bridge: Bridge, settings: Settings, watch: RegistryWatch) -> None:
    runner = web.AppRunner(bridge.application(), shutdown_timeout=1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.listen_host, settings.listen_port)
        await site.start()
        host, port = runner.addresses[0][:2]
        sys.stdout.write(json.dumps({"event": "ready", "host": host, "port": port, "url": settings.public_url}) + "\n")
        sys.stdout.flush()
        async with asyncio.TaskGroup() as group:
            work = [group.create_task(bridge.run())]
            if settings.registry_tenant:
                work.append(group.create_task(watch.run()))
            if settings.mqtt is not None:
                mqtt = MqttBridge(_mqtt(settings.mqtt), bridge.ingest.receive, SystemRandom())
                bridge.outlet.publish_to = mqtt.publish
                work.append(group.create_task(mqtt.run()))
            await _stop_signal()
            for task in work:
                task.cancel()
    finally:
        await runner.cleanup()


async def _stop_signal() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def senders(settings: Settings, session: aiohttp.ClientSession, clock: Clock) -> Senders:
    """The channels that are configured; tenants' webhooks need no setting."""
    found: dict[Channel, Sender] = {Channel.WEBHOOK: WebhookSender(session, clock)}
    if settings.smtp is not None:
        smtp = settings.smtp
        found[Channel.EMAIL] = SmtpSender(
            SmtpSettings(smtp.host, smtp.port, smtp.sender, smtp.tls, smtp.username, smtp.password.get_secret_value())
        )
    if settings.sms is not None:
        found[Channel.SMS] = HttpSender(session, settings.sms.url, Channel.SMS, settings.sms.bearer.get_secret_value())
    return found


def _mqtt(mqtt: Mqtt) -> BridgeSettings:
    tls = BridgeTls(mqtt.ca, mqtt.cert, mqtt.key) if mqtt.ca and mqtt.cert and mqtt.key else None
    first, last = (int(part, 16) for part in mqtt.shards.split("-"))
    return BridgeSettings(
        mqtt.host, mqtt.port, name=f"bridge.{mqtt.worker}", shards=tuple(f"{n:02x}" for n in range(first, last + 1)),
        tls=tls, username=mqtt.username or None, password=mqtt.password.get_secret_value() or None,
    )  # fmt: skip
