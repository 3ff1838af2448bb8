"""One device without boards: the real event log, sync driver and MQTT link under a fast stream of events.

`python -m tests.chaos.device_process PLAN.json`. Every append that returned and every receipt that was stored is
a line in a file, written after the fact with one write(2), so a SIGKILL can only lose the newest of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edge.agents.authority_clock import AuthorityClock
from edge.agents.system_random import SystemRandom
from edge.link.mqtt import LinkListeners, MqttLink
from edge.link.mqtt_settings import MqttSettings, TlsFiles
from edge.link.sync_driver import SyncDriver, SyncIdentity, SyncListeners
from edge.ports import Cursor, EventLog
from edge.storage.event_log import ThreadedEventLog
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import OpenedLog, Owner, Start, open_event_log
from edge.wire.event import EventDraft
from tests.chaos.brokers import Credentials
from tests.fleets import FleetDevice, make_fleet

ALARM_SHARE = 0.02
LIMITS = LogLimits(ballast_bytes=0)


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """`events` the log shall hold in the end, in commits of up to `group`, spread over about `span_s`."""

    device_id: str
    devices: int
    seed: int
    folder: str
    port: int
    events: int
    group: int
    span_s: float
    login: Credentials

    @property
    def journal(self) -> Path:
        return Path(self.folder) / "journal.jsonl"

    @property
    def receipts(self) -> Path:
        return Path(self.folder) / "receipts.txt"

    @property
    def log(self) -> Path:
        return Path(self.folder) / "log"

    def save(self) -> Path:
        path = Path(self.folder) / "plan.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(asdict(self)))
        return path

    @classmethod
    def load(cls, path: Path) -> DevicePlan:
        found = json.loads(path.read_text())
        return cls(**{**found, "login": Credentials(**found["login"])})


class FleetKeys:
    """The `KeyStore` of a device that only signs."""

    def __init__(self, device: FleetDevice) -> None:
        self._signer = device.signer
        self.public = self.log_public = device.log_public

    def sign(self, message: bytes) -> bytes:
        return self._signer.sign(message)

    def pin(self, pickup_id: str, generation: int, counter: int) -> str:
        raise NotImplementedError("this device has no keypad")

    def unwrap(self, name: str, version: int, wrapped: bytes) -> None:
        raise NotImplementedError("this device keeps no secrets")


class JournaledLog(ThreadedEventLog):
    """The real log; what it has returned from is written down."""

    def __init__(self, store: EventStore, journal: Path, receipts: Path) -> None:
        super().__init__(store)
        self._journal, self._receipts = (
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) for path in (journal, receipts)
        )

    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        cursor = await super().append(drafts, snapshot=snapshot)
        marks = [draft.data["mark"] for draft in drafts]
        self._note({"appended": cursor.size, "stream": cursor.stream, "marks": marks})
        return cursor

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        await super().store_receipt(receipt, size)
        os.write(self._receipts, b"%d\n" % size)

    def note_link(self, text: str) -> None:
        self._note({"link": text, "mono_s": time.monotonic()})

    def _note(self, row: dict[str, Any]) -> None:
        os.write(self._journal, json.dumps(row).encode() + b"\n")


class Device:
    """The parts of one device, wired as the locker's process wires them."""

    def __init__(self, plan: DevicePlan) -> None:
        fleet = make_fleet(plan.devices, plan.seed)
        keys = FleetKeys(fleet.devices[plan.device_id])
        self._plan, rng = plan, SystemRandom()
        owner = Owner(fleet.name, plan.device_id, keys)
        self.opened: OpenedLog[JournaledLog] = open_event_log(
            plan.log, owner, Start(rng, 0), lambda store: JournaledLog(store, plan.journal, plan.receipts), LIMITS
        )
        self._log = self.opened.log
        self._clock = AuthorityClock(self.opened.floor_at_ms)
        self._link = MqttLink(_settings(plan), rng, self._link_listeners())
        identity = SyncIdentity(fleet.name, plan.device_id, "chaos/1", fleet.root.public)
        log: EventLog = self._log
        self._sync = SyncDriver(
            identity, log, self._link, keys, self._clock, rng, fleet.bundle, self._sync_listeners()
        )  # fmt: skip
        self._size = self.opened.head.size

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sync.run())
            group.create_task(self._link.run())
            group.create_task(self._append_all())

    async def _append_all(self) -> None:
        plan, rng = self._plan, random.Random()
        pause_s = plan.span_s * (1 + plan.group) / 2 / plan.events
        while (left := plan.events - self._size) > 0:
            alarm = rng.random() < ALARM_SHARE
            drafts = (
                [self._alarm(rng)] if alarm else [self._beat(rng) for _ in range(rng.randint(1, plan.group))][:left]
            )
            cursor = await self._log.append(drafts)
            self._sync.appended(cursor, self._size if alarm else None)
            self._size = cursor.size
            await asyncio.sleep(pause_s * 2 * rng.random())

    def _beat(self, rng: random.Random) -> EventDraft:
        now = self._clock.now()
        return EventDraft("heartbeat", {"uptime_s": now.mono_ms // 1000, "mark": rng.getrandbits(49)}, now.at_ms)

    def _alarm(self, rng: random.Random) -> EventDraft:
        return EventDraft(
            "alarm_raised", {"alarm": "storage_full", "mark": rng.getrandbits(49)}, self._clock.now().at_ms
        )

    def _link_listeners(self) -> LinkListeners:
        return LinkListeners(
            connected=lambda: self._sync.connected(),
            disconnected=lambda: self._sync.disconnected(),
            received=lambda channel, payload, retained: self._sync.received(channel, payload, retained),
            failed=lambda why: self._log.note_link(why),
        )

    def _sync_listeners(self) -> SyncListeners:
        return SyncListeners(
            deliver=lambda message: None,
            session=lambda nonce: self._log.note_link("session" if nonce else "no session"),
            clock=lambda at_ms, waited_ms: self._clock.signed(at_ms) and None,
            alarm=lambda code, detail, raised: self._log.note_link(f"alarm {code} {detail} {raised}"),
            desired_version=lambda: (0, 0),
        )


def _settings(plan: DevicePlan) -> MqttSettings:
    who = plan.login
    tls = TlsFiles(Path(who.ca), Path(who.certificate or ""), Path(who.key or "")) if who.ca else None
    return MqttSettings(
        "127.0.0.1", plan.port, plan.device_id, tls, who.username, who.password,
        keepalive_s=10, connect_timeout_s=5.0, first_retry_ms=500, max_retry_ms=4_000,
    )  # fmt: skip


async def main(plan: DevicePlan) -> None:
    device = Device(plan)
    print(json.dumps({"ready": True, "size": device.opened.head.size}), flush=True)
    await device.run()


if __name__ == "__main__":
    asyncio.run(main(DevicePlan.load(Path(sys.argv[1]))))
