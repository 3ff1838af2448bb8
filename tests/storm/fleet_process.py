"""A thousand devices in one process: each with the real event log (in memory), the real sync driver, a lean link.

`python -m tests.storm.fleet_process PLAN.json`. Whoever loses its link appends its backlog, which then waits for the
link like any other. The state is written to a file twice a second.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from edge.agents.authority_clock import AuthorityClock
from edge.agents.system_random import SystemRandom
from edge.link.mqtt import LinkListeners
from edge.link.mqtt_settings import MqttSettings, TlsFiles
from edge.link.sync_driver import SyncDriver, SyncIdentity, SyncListeners
from edge.ports import EventLog
from edge.storage.event_log import InlineEventLog
from edge.storage.event_store import EventStore
from edge.storage.limits import LogLimits
from edge.storage.opening import Owner, Start, open_event_log
from edge.wire.event import EventDraft
from tests.chaos.brokers import Credentials
from tests.chaos.device_process import FleetKeys
from tests.fleets import Fleet, make_fleet
from tests.storm.link import LeanLink, Noted

REPORT_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """Devices `first … first + count − 1` of a fleet of `devices`; `backlog` events each on the first lost link."""

    first: int
    count: int
    devices: int
    seed: int
    port: int
    backlog: int
    report: str
    logins: dict[str, Credentials] = field(repr=False)

    def save(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)))
        return path

    @classmethod
    def load(cls, path: Path) -> FleetPlan:
        found = json.loads(path.read_text())
        return cls(**{**found, "logins": {name: Credentials(**row) for name, row in found["logins"].items()}})


@dataclass(slots=True)
class Report:
    """What has happened so far; times are CLOCK_MONOTONIC, the same for every process of the machine."""

    ready: int = 0
    appended: int = 0
    drained: int = 0
    drained_at_s: list[float] = field(default_factory=list)
    dialled_at_s: list[float] = field(default_factory=list)
    stood_at_s: list[float] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)


def digest(raws: Sequence[bytes]) -> str:
    """One fingerprint of a device's events in their order."""
    return hashlib.sha256(b"\n".join(raws)).hexdigest()


class Device:
    """One simulated device."""

    def __init__(
        self, name: str, fleet: Fleet, plan: FleetPlan, report: Report, backlog: asyncio.Queue[Device]
    ) -> None:
        keys, random, who = FleetKeys(fleet.devices[name]), SystemRandom(), plan.logins[name]
        self.name, self._plan, self._report, self._backlog = name, plan, report, backlog
        owner = Owner(fleet.name, name, keys)
        opened = open_event_log(None, owner, Start(random, 0), InlineEventLog, LogLimits(ballast_bytes=0))
        self.log, self._size, self._clock = opened.log, opened.head.size, AuthorityClock(0)
        self._has_backlog = False
        tls = TlsFiles(Path(who.ca or ""), Path(who.certificate or ""), Path(who.key or ""))
        settings = MqttSettings("127.0.0.1", plan.port, name, tls)
        noted = Noted(lambda: self._note(report.dialled_at_s), lambda: self._note(report.stood_at_s))
        self._link = LeanLink(settings, tls.context(), random, self._link_listeners(), noted)
        identity = SyncIdentity(fleet.name, name, "storm/1", fleet.root.public)
        log: EventLog = _Receipted(self.log.store, self._receipted)
        self._sync = SyncDriver(identity, log, self._link, keys, self._clock, random, fleet.bundle, self._listeners())

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sync.run())
            group.create_task(self._link.run())

    async def append_backlog(self) -> None:
        at_ms = self._clock.now().at_ms
        drafts = [EventDraft("heartbeat", {"uptime_s": n}, at_ms) for n in range(self._plan.backlog)]
        cursor = await self.log.append(drafts)
        self._size, self._has_backlog = cursor.size, True
        self._report.appended += 1
        self._sync.appended(cursor)

    def _receipted(self, size: int) -> None:
        if size < self._size:
            return
        if self._has_backlog:
            self._report.drained += 1
            self._note(self._report.drained_at_s)
            self._report.digests[self.name] = digest(self.log.store.read_tail(0))
        else:
            self._report.ready += 1

    def _lost(self) -> None:
        self._sync.disconnected()
        if not self._has_backlog:
            self._backlog.put_nowait(self)

    @staticmethod
    def _note(times: list[float]) -> None:
        times.append(round(time.monotonic(), 2))

    def _link_listeners(self) -> LinkListeners:
        return LinkListeners(
            connected=lambda: self._sync.connected(),
            disconnected=self._lost,
            received=lambda channel, payload, retained: self._sync.received(channel, payload, retained),
        )

    def _listeners(self) -> SyncListeners:
        return SyncListeners(
            deliver=lambda message: None,
            session=lambda nonce: None,
            clock=lambda at_ms, waited_ms: self._clock.signed(at_ms) and None,
            alarm=lambda code, detail, raised: None,
            desired_version=lambda: (0, 0),
        )


class _Receipted(InlineEventLog):
    """The real log, which says when a receipt has been stored."""

    def __init__(self, store: EventStore, told: object) -> None:
        super().__init__(store)
        self._told = told

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        await super().store_receipt(receipt, size)
        self._told(size)  # type: ignore[operator]


async def main(plan: FleetPlan) -> None:
    """Until killed."""
    fleet, report, backlog = make_fleet(plan.devices, plan.seed), Report(), asyncio.Queue[Device]()
    names = list(fleet.devices)[plan.first : plan.first + plan.count]
    devices = [Device(name, fleet, plan, report, backlog) for name in names]
    gc.freeze()
    print(json.dumps({"ready": True}), flush=True)
    async with asyncio.TaskGroup() as group:
        for device in devices:
            group.create_task(device.run())
        group.create_task(_append(backlog))
        group.create_task(_report(report, Path(plan.report)))


async def _append(backlog: asyncio.Queue[Device]) -> None:
    """One device's backlog after another, with room for the others' timers between them."""
    while True:
        await (await backlog.get()).append_backlog()
        await asyncio.sleep(0)


async def _report(report: Report, path: Path) -> None:
    while True:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(asdict(report)))
        new.replace(path)
        await asyncio.sleep(REPORT_EVERY_S)


if __name__ == "__main__":
    asyncio.run(main(FleetPlan.load(Path(sys.argv[1]))))
