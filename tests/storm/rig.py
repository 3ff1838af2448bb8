"""One storm: 2,000 devices stand, the broker is killed, all come back with a backlog; timed until the last receipt."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import time
from bisect import bisect_left
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.process import Deployable
from tests.chaos.brokers import cached_bytecode, make_broker
from tests.chaos.installation import BRIDGE_NAME, Installation
from tests.fleets import make_fleet
from tests.storm.fleet_process import FleetPlan, Report, digest

OPEN_FILES = 8192
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Terms:
    """`devices` over `processes`, `backlog` events each; `limit_s` for either half of the run."""

    devices: int = 2000
    backlog: int = 50
    processes: int = 2
    limit_s: float = 300.0
    seed: int = 1


class StormRig:
    """All parts of one storm. `run()` once."""

    def __init__(self, terms: Terms, folder: Path, tell: Tell) -> None:
        self._terms, self._folder, self._tell = terms, folder, tell
        self._fleet = make_fleet(terms.devices, terms.seed)
        allow_open_files()
        tell(f"making {terms.devices} certificates")
        self._broker = make_broker("mosquitto", folder / "broker", [*self._fleet.devices, BRIDGE_NAME])
        self._cloud = Installation(folder / "bridge", self._fleet, terms.seed)
        self._plans = [self._plan(number) for number in range(terms.processes)]
        self._processes = [
            Deployable(
                f"fleet-{plan.first}", self._words(plan), folder / f"fleet-{plan.first}.log", cached_bytecode(folder)
            )
            for plan in self._plans
        ]

    def _plan(self, number: int) -> FleetPlan:
        terms = self._terms
        first, end = (terms.devices * n // terms.processes for n in (number, number + 1))
        logins = {name: self._broker.clients[name] for name in list(self._fleet.devices)[first:end]}
        report = str(self._folder / f"report-{first}.json")
        return FleetPlan(
            first, end - first, terms.devices, terms.seed, self._broker.port, terms.backlog, report, logins
        )

    def _words(self, plan: FleetPlan) -> list[str]:
        return ["tests.storm.fleet_process", str(plan.save(self._folder / f"fleet-{plan.first}.json"))]

    async def run(self) -> dict[str, Any]:
        """The summary of this storm."""
        try:
            self._cloud.prepare(self._broker.port, self._broker.clients[BRIDGE_NAME])
            await self._broker.process.start()
            await self._cloud.process.start()
            await asyncio.gather(*(process.start() for process in self._processes))
            await self._until("ready", lambda report: report.ready)
            before = self._bridge_cpu_s()
            broke_at_s = await self._break_broker()
            await self._until("drained", lambda report: report.drained)
            return self._summary(broke_at_s, self._bridge_cpu_s() - before)
        finally:
            await asyncio.gather(*(process.kill() for process in self._processes))
            await self._cloud.process.stop()
            await self._broker.process.stop()

    async def _break_broker(self) -> float:
        """SIGKILL; its supervisor starts it again."""
        at_s = time.monotonic()
        await self._broker.kill()
        return at_s

    async def _until(self, what: str, count: Callable[[Report], int]) -> None:
        began_s = told_s = time.monotonic()
        while (done := sum(map(count, self._reports()))) < self._terms.devices:
            if time.monotonic() - began_s > self._terms.limit_s:
                self._tell(f"time is up: {done} of {self._terms.devices} {what}")
                return
            if time.monotonic() - told_s > 5:
                told_s = time.monotonic()
                self._tell(f"{told_s - began_s:.0f} s: {done} of {self._terms.devices} {what}")
            await asyncio.sleep(0.5)

    def _reports(self) -> list[Report]:
        paths = [Path(plan.report) for plan in self._plans]
        return [Report(**json.loads(path.read_text())) for path in paths if path.exists()]

    # --- what came of it ---------------------------------------------------------------------------------------

    def _summary(self, broke_at_s: float, bridge_cpu_s: float) -> dict[str, Any]:
        terms, reports = self._terms, self._reports()
        drained = sorted(at_s - broke_at_s for report in reports for at_s in report.drained_at_s)
        dialled = sorted(at_s - broke_at_s for report in reports for at_s in report.dialled_at_s if at_s >= broke_at_s)
        stood = sorted(at_s - broke_at_s for report in reports for at_s in report.stood_at_s if at_s >= broke_at_s)
        lost, duplicates = self._missing_from_ledger(reports)
        return {
            "devices": terms.devices,
            "events": terms.devices * terms.backlog,
            "drained_devices": len(drained),
            "drained_s": round(drained[-1], 1) if len(drained) == terms.devices else None,
            "half_drained_s": round(drained[len(drained) // 2], 1) if drained else None,
            "lost": lost,
            "duplicates": duplicates,
            "most_dials_in_a_second": most_in_a_second(dialled),
            "dials": len(dialled),
            "last_connected_s": round(stood[-1], 1) if stood else None,
            "bridge_rss_mb": self._bridge_peak_mb(),
            "bridge_cpu_s": round(bridge_cpu_s, 1),
            "seed": terms.seed,
        }

    def _missing_from_ledger(self, reports: list[Report]) -> tuple[int, int]:
        """Events that are not in the ledger exactly as in the device's log, and those that are there too often."""
        terms, wanted, lost, total = self._terms, {}, 0, 0
        for report in reports:
            wanted |= report.digests
        query = "SELECT raw FROM events JOIN streams USING (stream_no) WHERE device_id = ? ORDER BY seq"
        with closing(self._cloud.read()) as ledger:
            for name in self._fleet.devices:
                raws = [bytes(raw) for (raw,) in ledger.execute(query, (name,))]
                total += len(raws)
                if digest(raws) != wanted.get(name):
                    lost += max(1, terms.backlog + 1 - len(raws))
        return lost, max(0, total - terms.devices * (terms.backlog + 1))

    def _bridge_peak_mb(self) -> float:
        text = Path(f"/proc/{self._cloud.process.pid}/status").read_text()
        kib = next(line.split()[1] for line in text.splitlines() if line.startswith("VmHWM"))
        return round(int(kib) / 1024, 1)

    def _bridge_cpu_s(self) -> float:
        fields = Path(f"/proc/{self._cloud.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_in_a_second(times_s: list[float]) -> int:
    """The largest number of sorted times in any window of one second."""
    return max((bisect_left(times_s, at_s + 1.0) - n for n, at_s in enumerate(times_s)), default=0)


def allow_open_files() -> None:
    """Room for a socket per device in this process and in all that it starts."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
