"""One chaos run: starts the parts, strikes them, waits until every receipt is home, stops them and judges."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.cable import Cable
from hil.process import Deployable
from tests.chaos.brokers import cached_bytecode, make_broker
from tests.chaos.device_process import DevicePlan
from tests.chaos.faults import Blow, Fault, blows, missing
from tests.chaos.installation import BRIDGE_NAME, Installation
from tests.chaos.verdict import judge, newest_receipt, receipts_beyond_ledger
from tests.fleets import make_fleet

Tell = Callable[[str], None]
TELL_EVERY_S = 10.0
AT_WORK_S = 20.0


@dataclass(frozen=True, slots=True)
class Terms:
    """`events` over all devices; `faults` as often as `wanted`, at least as often as `required`, over `span_s`."""

    broker: str
    events: int
    devices: int
    group: int
    span_s: float
    limit_s: float
    seed: int
    wanted: dict[Fault, int]
    required: dict[Fault, int]


class ChaosRig:
    """All parts of one run. `run()` once."""

    def __init__(self, terms: Terms, folder: Path, tell: Tell) -> None:
        self._terms, self._tell = terms, tell
        self.fleet = make_fleet(terms.devices, terms.seed)
        names = [*self.fleet.devices, BRIDGE_NAME]
        self._broker = make_broker(terms.broker, folder / "broker", names)
        self.cloud = Installation(folder / "bridge", self.fleet, terms.seed)
        self._cables = {name: Cable(self._broker.port) for name in names}
        self._folder = folder
        self._plan_of: dict[str, DevicePlan] = {}
        self._devices: dict[str, Deployable] = {}
        self._down: set[str] = set()
        self._service = asyncio.Lock()
        self._done: Counter[Fault] = Counter()
        self._problems: list[str] = []
        self._began_s = time.monotonic()

    async def run(self) -> dict[str, Any]:
        """The summary of this run; `passed` says whether everything held."""
        try:
            await self._start()
            drained = await self._until_drained()
        finally:
            await self._stop()
        return self._summary(drained)

    @property
    def plans(self) -> list[DevicePlan]:
        return list(self._plan_of.values())

    # --- the run -----------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        for cable in self._cables.values():
            await cable.open()
        self.cloud.prepare(self._cables[BRIDGE_NAME].port, self._broker.clients[BRIDGE_NAME])
        await self._broker.process.start()
        await self.cloud.process.start()
        for number, name in enumerate(self.fleet.devices):
            plan = self._plan_of[name] = self._plan(name, number)
            words = ["tests.chaos.device_process", str(plan.save())]
            self._devices[name] = Deployable(
                name, words, self._folder / name / "device.log", cached_bytecode(self._folder)
            )
        await asyncio.gather(*(device.start() for device in self._devices.values()))

    def _plan(self, name: str, number: int) -> DevicePlan:
        terms = self._terms
        events = terms.events // terms.devices + (number < terms.events % terms.devices)
        return DevicePlan(
            name, terms.devices, terms.seed, str(self._folder / name), self._cables[name].port, events, terms.group,
            terms.span_s, self._broker.clients[name],
        )  # fmt: skip

    async def _until_drained(self) -> bool:
        """Strike, watch and wait; False when the time is up."""
        try:
            async with asyncio.timeout(self._terms.limit_s), asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                await self._strike_all()
                await _until(self._all_receipted)
                watch.cancel()
        except TimeoutError:
            return False
        return True

    async def _strike_all(self) -> None:
        rng = random.Random(self._terms.seed)
        async with asyncio.TaskGroup() as group:
            for blow in blows(self._terms.wanted, self._terms.span_s, rng):
                await asyncio.sleep(blow.pause_s)
                group.create_task(self._strike(blow))

    async def _strike(self, blow: Blow) -> None:
        """One fault; it counts when it has hit something that was alive."""
        if blow.fault is Fault.RESET:
            await self._reset(blow)
        elif blow.fault is Fault.DEVICE:
            name = _pick(list(self._devices), blow.choice)
            await self._kill(blow, name, self._devices[name].kill, self._devices[name].start)
        else:
            async with self._service:
                await self._until_at_work()
                if blow.fault is Fault.BROKER:
                    await self._kill(blow, "broker", self._broker.kill, self._broker.revive)
                else:
                    await self._kill(blow, "bridge", self.cloud.process.kill, self._revive_bridge)

    async def _until_at_work(self) -> None:
        """Until something more is stored: a blow to what has not come back yet would prove nothing."""
        before = self._stored()
        with suppress(TimeoutError):
            async with asyncio.timeout(AT_WORK_S):
                await _until(lambda: self._stored() > before or self._all_receipted())

    async def _reset(self, blow: Blow) -> None:
        names = list(self._cables)
        turn = int(blow.choice * len(names))
        await _until(lambda: any(self._cables[name].reset() for name in names[turn:] + names[:turn]))
        self._done[Fault.RESET] += 1

    async def _kill(self, blow: Blow, name: str, kill: Any, revive: Any) -> None:
        await _until(lambda: name not in self._down)
        self._down.add(name)
        await kill()
        self._done[blow.fault] += 1
        await asyncio.sleep(blow.down_s)
        await revive()
        self._down.discard(name)

    async def _revive_bridge(self) -> None:
        """While it is dead its ledger must hold every event that any device has a receipt for."""
        with closing(self.cloud.read()) as ledger:
            self._problems += receipts_beyond_ledger(self.plans, ledger)
        await self.cloud.process.start()

    # --- watching ----------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Note parts that ended by themselves and start them again, as a service manager would; say how it goes."""
        told_s = time.monotonic()
        while True:
            await asyncio.sleep(0.25)
            for name, process in self._processes().items():
                if name not in self._down and not process.running:
                    self._problems.append(f"{name} ended by itself")
                    await process.start()
            if time.monotonic() - told_s >= TELL_EVERY_S:
                told_s = time.monotonic()
                self._say()

    def _processes(self) -> dict[str, Deployable]:
        return {"broker": self._broker.process, "bridge": self.cloud.process, **self._devices}

    def _say(self) -> None:
        faults = ", ".join(f"{self._done[fault]} {fault.value}s" for fault in Fault)
        self._tell(f"{self._terms.broker} {time.monotonic() - self._began_s:.0f} s: {self._stored()} stored, {faults}")

    def _stored(self) -> int:
        with closing(self.cloud.read()) as ledger:
            return int(ledger.execute("SELECT next_position FROM ledger_clock").fetchone()[0]) - 1

    def _all_receipted(self) -> bool:
        return all(newest_receipt(plan) >= plan.events for plan in self.plans)

    async def _stop(self) -> None:
        await asyncio.gather(*(process.stop() for process in self._devices.values()))
        await self.cloud.process.stop()
        await self._broker.process.stop()
        for cable in self._cables.values():
            await cable.close()

    def _summary(self, drained: bool) -> dict[str, Any]:
        terms = self._terms
        with closing(self.cloud.read()) as ledger:
            verdict = judge(self.plans, self.fleet, ledger)
        problems = [*self._problems, *verdict.problems, *missing(self._done, terms.required)]
        problems += [] if drained else [f"not drained within {terms.limit_s:.0f} s"]
        right = verdict.events == terms.events and not verdict.lost and not verdict.duplicates
        return {
            "broker": terms.broker,
            "passed": right and not problems,
            "events": verdict.events,
            "wanted": terms.events,
            "returned": verdict.returned,
            "lost": verdict.lost,
            "duplicates": verdict.duplicates,
            "devices": terms.devices,
            "faults": {fault.value: self._done[fault] for fault in Fault},
            "seed": terms.seed,
            "seconds": round(time.monotonic() - self._began_s, 1),
            "problems": problems[:20],
        }


def _pick(names: list[str], choice: float) -> str:
    return names[int(choice * len(names))]


async def _until(condition: Callable[[], bool]) -> None:
    """Look again and again: what is waited for happens in other processes."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.1)
