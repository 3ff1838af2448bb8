"""One seed from power-on to the final judgement: trouble, then a healing, then everything must add up."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from edge.wire.event import parse_event
from tests.fleets import make_fleet
from tests.simulation.cabinet import Cabinet
from tests.simulation.cloud import SimCloud
from tests.simulation.device import SimDevice
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle, Violation
from tests.simulation.parts import Parts
from tests.simulation.people import People
from tests.simulation.trace import Trace
from tests.simulation.visitors import Visitors
from tests.simulation.weather import Weather, weather_of
from tests.virtual_loop import VirtualLoop, run_virtual

HEAL_S = 3 * 3_600
MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run ended with. `lines`: the last things that happened."""

    seed: int
    weather: Weather
    violation: Violation | None
    stats: Counter[str]
    device_hours: float
    digest: str
    lines: tuple[str, ...]


def run_seed(seed: int, parts: Parts = Parts(), weather: Weather | None = None) -> Outcome:
    """Run one seed in a loop and a folder of its own."""
    drawn = weather_of(seed) if weather is None else weather
    folder = Path(tempfile.mkdtemp(prefix="pw-sim-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        return run_virtual(_run(seed, parts, drawn, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(seed: int, parts: Parts, weather: Weather, folder: Path) -> Outcome:
    trace = Trace()
    world = World(seed, parts, weather, folder, trace)
    began_s = world.loop.time()
    await world.live()
    hours = (world.loop.time() - began_s) / 3600
    for device_id, facts in world.oracle.devices.items():
        world.oracle.stats["events"] += facts.events
        world.oracle.stats["appends"] += facts.appends
        world.oracle.stats["boots"] += world.devices[device_id].boot
    return Outcome(
        seed, weather, world.oracle.violation, world.oracle.stats, hours * weather.devices, trace.digest,
        tuple(trace.lines()),
    )  # fmt: skip


class World:
    """All parts of one run."""

    def __init__(self, seed: int, parts: Parts, weather: Weather, folder: Path, trace: Trace) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop, self.weather = loop, weather
        self._seed = seed
        self.oracle = Oracle(loop, trace)
        fleet = self._fleet = make_fleet(weather.devices)
        self.network = Network(weather, loop, self._dice("network"), self.oracle)
        wires = {device_id: self.network.wire(device_id) for device_id in fleet.devices}
        self.cloud = SimCloud(fleet, weather, loop, self._dice("cloud"), self.network, self.oracle, parts)
        self.devices: dict[str, SimDevice] = {}
        for device_id, device in fleet.devices.items():
            place = folder / device_id
            place.mkdir()
            made = SimDevice(
                fleet, device, Cabinet(device_id, weather, loop, self._dice(f"{device_id}/cabinet")), wires[device_id],
                place, weather, loop, self._dice(device_id), self.oracle, parts,
            )  # fmt: skip
            made.stored = lambda made=made: self._stored(made)
            made.true_at_ms = self.cloud.clock.now_ms
            self.devices[device_id] = made
        self.cloud.on_crash = self._check_receipts
        self.people = People(fleet, self.cloud, self.devices, weather, self._dice("people"), self.oracle)

    def _dice(self, name: str) -> random.Random:
        return random.Random(f"{self._seed}/{name}")

    def _stored(self, device: SimDevice) -> int:
        assert device.log is not None
        return self.cloud.stored_size(device.device_id, device.log.inner.store.identity.stream)

    # --- the run ---------------------------------------------------------------------------------------------

    async def live(self) -> None:
        async with asyncio.TaskGroup() as group:
            story = group.create_task(self._story(group))
            broken = group.create_task(self.oracle.broken.wait())
            await asyncio.wait({story, broken}, return_when=asyncio.FIRST_COMPLETED)
            if story.done() and not story.cancelled() and (error := story.exception()) is not None:
                raise error
            for task in group._tasks:
                task.cancel()
        for device in self.devices.values():
            if device.log is not None:
                device.log.inner.store.close()
        await self.cloud.db.close()

    async def _story(self, group: asyncio.TaskGroup) -> None:
        machines = [group.create_task(self.cloud.run())]
        machines += [group.create_task(device.live()) for device in self.devices.values()]
        async with asyncio.TaskGroup() as crowd:
            troubles = [crowd.create_task(trouble) for trouble in self._troubles()]
            for device in self.devices.values():
                crowd.create_task(self.people.mail(device, crowd))
                if self.weather.visitors_every_s:
                    crowd.create_task(self._visitors(device).come(device))
            if self.weather.support_every_s:
                crowd.create_task(self.people.support())
            if self.weather.crowbar_every_s:
                crowd.create_task(self.people.burglar())
            await asyncio.sleep(self.weather.hours * 3600)
            self.people.gone_home = True
            for task in troubles:
                task.cancel()
        await self._heal()
        self._judge()

    def _visitors(self, device: SimDevice) -> Visitors:
        dice = self._dice(f"{device.device_id}/visitors")
        return Visitors(self.people, self._fleet, self.cloud, dice, self.oracle, self.weather.visitors_every_s)

    def _troubles(self) -> list[Awaitable[None]]:
        weather, dice = self.weather, self._dice("troubles")
        found = [self._again(dice, weather.bridge_crash_every_s, self._crash_bridge)]
        found.append(self._again(dice, weather.broker_crash_every_s, self._crash_broker))
        found.append(self._again(dice, 3_600, self._trim))
        for device in self.devices.values():
            found.append(self._again(dice, weather.cut_every_s, lambda d=device: self._cut(dice, d)))
            found.append(self._again(dice, weather.crash_every_s, lambda d=device: self._unplug(d)))
            found.append(self._again(dice, weather.full_every_s, lambda d=device: self._fill(dice, d)))
            found.append(self._again(dice, weather.board_lost_every_s, lambda d=device: self._lose_board(dice, d)))
        return found

    async def _again(self, dice: random.Random, every_s: int, trouble: Callable[[], Awaitable[None]]) -> None:
        while every_s:
            await asyncio.sleep(dice.expovariate(1 / every_s))
            await trouble()

    async def _crash_bridge(self) -> None:
        if self.cloud.up:
            self.cloud.crash("at random")

    def _check_receipts(self) -> None:
        """What a crash of the bridge leaves must cover every receipt that a device keeps."""
        for device in self.devices.values():
            if device.log is not None and device.alive:
                size = device.log.inner.store.head().receipted_size
                self.oracle.receipted(device.device_id, size, self._stored(device))

    async def _crash_broker(self) -> None:
        self.oracle.note("broker", "KILLED")
        self.network.crash()
        try:
            await asyncio.sleep(self.network.dice.uniform(1, 300))
        finally:
            self.network.restart()

    async def _trim(self) -> None:
        for device in self.devices.values():
            await device.trim()

    async def _cut(self, dice: random.Random, device: SimDevice) -> None:
        self.oracle.note(device.device_id, "network cut")
        device.wire.cut_now()
        try:
            await asyncio.sleep(dice.uniform(*self.weather.cut_s))
        finally:
            device.wire.mend()

    async def _unplug(self, device: SimDevice) -> None:
        device.cut_power("unplugged")

    async def _fill(self, dice: random.Random, device: SimDevice) -> None:
        device.disk.full, device.disk.full_for_all = True, dice.random() < 0.3
        self.oracle.note(device.device_id, "disk full", "for all" if device.disk.full_for_all else "")
        try:
            await asyncio.sleep(dice.uniform(*self.weather.full_s))
        finally:
            device.disk.full = device.disk.full_for_all = False
            self.oracle.note(device.device_id, "space again")

    async def _lose_board(self, dice: random.Random, device: SimDevice) -> None:
        self.oracle.note(device.device_id, "board lost")
        device.board(False)
        try:
            await asyncio.sleep(dice.uniform(5, 900))
        finally:
            device.board(True)
            self.oracle.note(device.device_id, "board found")

    # --- the end ---------------------------------------------------------------------------------------------

    async def _heal(self) -> None:
        """Nothing goes wrong any more; doors are shut, and everything is given time to settle."""
        self.oracle.note("world", "HEALS")
        self.network.calm = self.cloud.calm = True
        for device in self.devices.values():
            device.calm = True
            device.wire.cut = False
            device.wire.try_connect()
        await asyncio.sleep(300)
        for device in self.devices.values():
            for no in device.cabinet.compartments:
                device.cabinet.close(no)
        for _ in range(HEAL_S // 60):
            if all(map(self._settled, self.devices.values())):
                return
            await asyncio.sleep(60)
        for device in self.devices.values():
            if not self._settled(device):
                self.oracle.violate("heals", device.device_id, self._unsettled(device))

    def _settled(self, device: SimDevice) -> bool:
        if not device.alive or device.log is None:
            return False
        head = device.log.inner.store.head()
        return head.receipted_size == head.size == self._stored(device)

    def _unsettled(self, device: SimDevice) -> str:
        if not device.alive or device.log is None:
            return "it does not run"
        head = device.log.inner.store.head()
        state = self.cloud.state_of(device.device_id)
        sync = "" if device.agent is None else device.agent.sync.state.phase.value
        return f"{head.size} events, {head.receipted_size} receipted, {self._stored(device)} stored; {state}, {sync}"

    def _judge(self) -> None:
        for device in self.devices.values():
            self._judge_ledger(device)
            self._judge_custody(device)
            state, reason = self.cloud.state_of(device.device_id)
            if state != "active":
                self.oracle.violate("no_false_accusation", device.device_id, f"{state}: {reason}")
        if self.cloud.faults():
            self.oracle.violate("projections_fold", "cloud", f"{self.cloud.faults()} events could not be folded")

    def _judge_ledger(self, device: SimDevice) -> None:
        oracle, facts = self.oracle, self.oracle.devices[device.device_id]
        attempts = 0
        for stream, returned in facts.returned.items():
            events = [parse_event(raw) for raw in self.cloud.stored_raws(device.device_id, stream)]
            attempts += sum(event.type == "pin_attempted" for event in events)
            if [event.seq for event in events] != list(range(len(events))):
                oracle.violate("ledger_contiguous", device.device_id, f"{[event.seq for event in events]}"[:300])
            for seq, (name, data) in returned.items():
                if seq >= len(events):
                    oracle.violate("nothing_lost", device.device_id, f"event {seq} {name} is not in the ledger")
                    return
                if (events[seq].type, dict(events[seq].data)) != (name, dict(data)):
                    oracle.violate("nothing_lost", device.device_id, f"event {seq} {name} is another in the ledger")
                    return
        if attempts < facts.attempts_compared:
            oracle.violate(
                "attempts_counted", device.device_id, f"{facts.attempts_compared} compared, {attempts} in the ledger"
            )

    def _judge_custody(self, device: SimDevice) -> None:
        """Device and cloud agree, and both with the steel, but for what an alarm has named."""
        oracle, named = self.oracle, self.oracle.devices[device.device_id].named
        assert device.agent is not None
        slots = device.agent.runtime.state.durable.slots
        by_device = {(held.parcel_id, no) for no, slot in slots.items() for held in slot.held}
        by_cloud = {(item.parcel_id, item.compartment_no) for item in self.cloud.deposited(device.device_id)}
        if by_device != by_cloud:
            oracle.violate("cloud_agrees", device.device_id, f"device {by_device}, cloud {by_cloud}")
        inside = {(name, item.no) for item in device.cabinet.compartments.values() for name in item.parcels}
        for parcel_id, no in inside - by_device:
            if not named[no]:
                oracle.violate("no_parcel_lost", device.device_id, f"{parcel_id} lies in {no}, and nobody knows")
        for parcel_id, no in by_device - inside:
            if not named[no] and self.weather.sensors:
                oracle.violate("no_parcel_lost", device.device_id, f"{parcel_id} should lie in {no}, and does not")
