"""Couriers, recipients, support, a burglar and passers-by, with real credentials and human habits."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from edge.core.locker.steps import Step
from edge.wire.damm import damm_digit
from edge.wire.envelope import Kind, seal
from edge.wire.keys import Ed25519Signer
from edge.wire.messages import Command
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierAction, CourierGrant, issue_grant, sign_action
from tests.fleets import Fleet
from tests.simulation.cloud import SimCloud
from tests.simulation.device import SimDevice
from tests.simulation.oracle import Issued, Oracle
from tests.simulation.weather import Weather

COURIER, STRANGER = Ed25519Signer(b"c" * 32), Ed25519Signer(b"s" * 32)
GRANT_LIFE_MS = 12 * 3_600_000
HANDS_S = (2.0, 12.0)


@dataclass(slots=True)
class Parcel:
    """`place`: courier, recipient, staff, or the number of the compartment it lies in."""

    parcel_id: str
    device: SimDevice
    place: str | int = "courier"


class People:
    """Everybody around one fleet. The kiosk of a locker is used by one person at a time, or nearly so."""

    def __init__(
        self, fleet: Fleet, cloud: SimCloud, devices: dict[str, SimDevice], weather: Weather, dice: random.Random,
        oracle: Oracle,
    ) -> None:  # fmt: skip
        self.parcels: dict[str, Parcel] = {}
        self.gone_home = False
        self._fleet, self._cloud, self._devices = fleet, cloud, devices
        self._weather, self._dice, self._oracle = weather, dice, oracle
        self._queues = {device_id: asyncio.Lock() for device_id in devices}
        self._grant = ""
        self._grant_until_ms = 0

    def queue_of(self, device: SimDevice) -> asyncio.Lock:
        """Who has it stands in front of this locker."""
        return self._queues[device.device_id]

    # --- daily life ------------------------------------------------------------------------------------------

    async def mail(self, device: SimDevice, group: asyncio.TaskGroup) -> None:
        """Rounds of a courier: parcels are announced, brought together, and collected each by its recipient."""
        number, size = 0, self._weather.parcels_a_round
        await asyncio.sleep(self._dice.uniform(30, 300))
        while not self.gone_home:
            names = [f"PW-{device.device_id[-4:]}-{number + one:04}" for one in range(1, size + 1)]
            number += size
            group.create_task(self._round(device, names, group))
            await asyncio.sleep(self._dice.expovariate(self._weather.parcels_per_hour / size / 3600))

    async def _round(self, device: SimDevice, names: list[str], group: asyncio.TaskGroup) -> None:
        brought = [Parcel(name, device) for name in self._cloud.announce(names, device.device_id)]
        self.parcels.update({parcel.parcel_id: parcel for parcel in brought})
        for _ in range(3):
            left = [parcel for parcel in brought if parcel.place == "courier"]
            if left:
                await asyncio.sleep(self._dice.uniform(60, 900))
                if self.gone_home:
                    return
                await self._courier(device, left)
        for parcel in brought:
            if parcel.place != "courier":
                group.create_task(self._fetched(device, parcel))

    async def _fetched(self, device: SimDevice, parcel: Parcel) -> None:
        dice, secret = self._dice, ""
        for _ in range(12):
            await asyncio.sleep(dice.uniform(120, 1_500))
            if self.gone_home or not isinstance(parcel.place, int):
                return
            shown = self._cloud.pickup(parcel.parcel_id)
            if shown is not None and shown.state == "waiting":
                secret = shown.pin if shown.pin and dice.random() < self._weather.by_pin else shown.qr
            if secret:
                await self._recipient(device, parcel, secret)

    # --- courier ---------------------------------------------------------------------------------------------

    async def _courier(self, device: SimDevice, parcels: list[Parcel]) -> None:
        lock = self._queues[device.device_id]
        if self._dice.random() < self._weather.pushes_in:
            await self._deliver(device, parcels)
        else:
            async with lock:
                await self._deliver(device, parcels)

    async def _deliver(self, device: SimDevice, parcels: list[Parcel]) -> None:
        """One visit, one label after another."""
        self._oracle.stats["couriers"] += 1
        self._oracle.note(device.device_id, "courier comes with", *(parcel.parcel_id for parcel in parcels))
        if device.screen.step not in (Step.IDLE, Step.DONE, Step.REFUSED):
            await device.until(lambda: device.screen.step == Step.IDLE, 60)
        device.scan(self._courier_code(device))
        await asyncio.sleep(0.2)
        for parcel in parcels:
            if not await device.until(lambda: device.screen.step == Step.LABEL, 8):
                return
            await self._deposit(device, parcel)
        await device.until(lambda: device.screen.step in (Step.LABEL, "dark"), 6)
        device.press("done")
        await asyncio.sleep(1)

    async def _deposit(self, device: SimDevice, parcel: Parcel) -> None:
        if self._dice.random() < 0.1:
            device.scan("not-a-label!")
            await asyncio.sleep(1)
        device.scan(parcel.parcel_id)
        no = await self.door(device)
        if no is not None:
            await self.put_in(device, parcel, no)

    async def door(self, device: SimDevice) -> int | None:
        """Watch the screen until a door opens; press the button when it is offered. The number of the open door."""
        shown: list[int] = []

        def opened() -> bool:
            screen = device.screen
            if screen.compartment_no is not None:
                shown[:] = [screen.compartment_no]
            return bool(shown) and device.cabinet.compartments[shown[0]].open

        def left() -> bool:
            return device.screen.step not in (Step.OPENING, Step.CHECKING, Step.DOOR_OPEN, "dark")

        await asyncio.sleep(0.1)
        for _ in range(4):
            await device.until(lambda: opened() or left(), 15)
            if opened():
                return shown[0]
            if device.screen.step != Step.RETRY:
                return None
            device.press("try_again")
            await asyncio.sleep(0.3)
        return None

    async def put_in(self, device: SimDevice, parcel: Parcel, no: int) -> None:
        await asyncio.sleep(self._dice.uniform(*HANDS_S))
        compartment = device.cabinet.compartments[no]
        if not compartment.open:
            return
        if device.serves(parcel.parcel_id) is False:
            self._oracle.note(device.device_id, "somebody else's door", no, parcel.parcel_id)
        elif compartment.parcels:
            if not self._oracle.devices[device.device_id].named[no]:
                self._oracle.violate("one_parcel_each", device.device_id, f"{no} opened for {parcel.parcel_id}, "
                                     f"but {compartment.parcels} lies in it")  # fmt: skip
        elif not (self._weather.sensors and self._dice.random() < self._weather.changes_mind):
            device.cabinet.put(no, parcel.parcel_id)
            parcel.place = no
            self._oracle.note(device.device_id, "put in", no, parcel.parcel_id)
        await self._shut(device, no)

    async def _shut(self, device: SimDevice, no: int) -> None:
        if self._dice.random() < self._weather.leaves_open:
            self._oracle.note(device.device_id, "leaves the door open", no)
            asyncio.get_running_loop().call_later(self._dice.uniform(60, 2_400), device.cabinet.close, no)
        else:
            await asyncio.sleep(self._dice.uniform(1, 5))
            device.cabinet.close(no)

    def _courier_code(self, device: SimDevice) -> str:
        now_ms = self._cloud.clock.now_ms()
        audience = locker_audience(device.device_id)
        if now_ms > self._grant_until_ms:
            grant = CourierGrant(
                self._fleet.name, "courier:7", COURIER.public, tuple(map(locker_audience, self._devices)),
                (Operation.DEPOSIT,), now_ms - 7_200_000, now_ms + GRANT_LIFE_MS, self._dice.randbytes(16).hex(),
            )  # fmt: skip
            self._grant = issue_grant(grant, self._fleet.pickup)
            self._grant_until_ms = now_ms + GRANT_LIFE_MS // 2
        action = CourierAction(
            audience, Operation.DEPOSIT, now_ms - 150_000, now_ms + 120_000, self._dice.randbytes(16).hex()
        )
        return sign_action(action, self._grant, COURIER)

    # --- recipient -------------------------------------------------------------------------------------------

    async def _recipient(self, device: SimDevice, parcel: Parcel, secret: str) -> None:
        if self._dice.random() < self._weather.pushes_in:
            await self._collect(device, parcel, secret)
        else:
            async with self._queues[device.device_id]:
                await self._collect(device, parcel, secret)

    async def _collect(self, device: SimDevice, parcel: Parcel, secret: str) -> None:
        self._oracle.stats["recipients"] += 1
        self._oracle.note(device.device_id, "recipient comes for", parcel.parcel_id)
        if device.screen.step not in (Step.IDLE, Step.DONE, Step.REFUSED):
            await device.until(lambda: device.screen.step == Step.IDLE, 60)
        await self._try_badly(device, secret)
        if len(secret) == 9:
            device.enter_pin(secret)
        else:
            device.scan(secret)
        no = await self.door(device)
        if no is None:
            return
        await asyncio.sleep(self._dice.uniform(*HANDS_S))
        if not device.cabinet.compartments[no].open:
            return
        self._take(device, parcel, no)
        await self._shut(device, no)
        if len(secret) != 9 and self._dice.random() < 0.3:
            await asyncio.sleep(5)
            device.scan(secret)  # the same code a second time
            again = await self.door(device)
            if again is not None:
                self._take(device, parcel, again)
                await self._shut(device, again)

    def _take(self, device: SimDevice, parcel: Parcel, no: int) -> None:
        """Whoever can be believed by a sensor leaves alone what is not theirs, and may leave what is."""
        inside, sensors = device.cabinet.compartments[no].parcels, self._weather.sensors
        foreign = bool(inside) and inside != [parcel.parcel_id]
        orderly = not self._weather.pushes_in and not self._weather.slow_disk
        if foreign and orderly and not self._oracle.devices[device.device_id].named[no]:
            self._oracle.violate(
                "own_parcel", device.device_id, f"{no} opened for {parcel.parcel_id}, {inside} lies in it"
            )
        if sensors and (foreign or self._dice.random() < self._weather.changes_mind):
            self._oracle.note(device.device_id, "leaves it in", no)
            return
        for taken in device.cabinet.take(no):
            self.parcels[taken].place = "recipient"
            self._oracle.note(device.device_id, "took", no, taken)

    async def _try_badly(self, device: SimDevice, secret: str) -> None:
        """Slips of the finger and guesses before the right code."""
        dice = self._dice
        if dice.random() < self._weather.mistyped:
            digits = f"{dice.randrange(10**8):08}"
            device.enter_pin(digits + str((int(damm_digit(digits)) + 1) % 10))
            await asyncio.sleep(2)
        while dice.random() < self._weather.wrong_pin:
            digits = f"{dice.randrange(10**8):08}"
            self._oracle.stats["wrong pins"] += 1
            device.enter_pin(digits + damm_digit(digits))
            await asyncio.sleep(3)

    # --- support, strangers ----------------------------------------------------------------------------------

    async def support(self) -> None:
        """Remote commands with somebody at the door, and commands that nobody should obey."""
        while not self.gone_home:
            await asyncio.sleep(self._dice.expovariate(1 / self._weather.support_every_s))
            device = self._dice.choice(list(self._devices.values()))
            if self._dice.random() < 0.2:
                self._forge(device)
            else:
                await self._remote(device)

    async def _remote(self, device: SimDevice) -> None:
        dice, cloud = self._dice, self._cloud
        no = dice.randint(1, self._weather.compartments)
        purpose = "retrieve" if dice.random() < 0.3 else "inspect"
        life_ms = dice.choice((2_000, 30_000, 60_000))
        record = await cloud.open_compartment(device.device_id, no, purpose, life_ms)
        if record is None:
            return
        self._oracle.stats["commands"] += 1
        self._oracle.note("support", purpose, device.device_id, no, record.command_id[:8], life_ms)
        self._oracle.commands[record.command_id] = Issued(device.device_id, record.expires_at_ms, genuine=True)
        compartment = device.cabinet.compartments[no]
        if compartment.open or not await device.until(lambda: compartment.open, 120):
            return
        if device.screen.compartment_no == no:  # it opened for somebody at the kiosk, and is theirs to shut
            return
        await asyncio.sleep(dice.uniform(*HANDS_S))
        if purpose == "retrieve" and compartment.open:
            for taken in device.cabinet.take(no):
                self.parcels[taken].place = "staff"
                self._oracle.note("support", "took", no, taken)
        device.cabinet.close(no)

    def _forge(self, device: SimDevice) -> None:
        """A command for the session in force, signed by a key that may sign no commands."""
        now_ms = self._cloud.clock.now_ms()
        signer = self._dice.choice((STRANGER, self._fleet.desired, self._fleet.receipts))
        command = Command(
            self._dice.randbytes(16).hex(), device.device_id, self._cloud.nonce_of(device.device_id) or b"\0" * 16,
            "open_compartment", {"compartment_no": 1}, now_ms, now_ms + 60_000, "ops", "forged",
        )  # fmt: skip
        self._oracle.stats["forged"] += 1
        device.wire.say("commands", seal(Kind.COMMAND, command.encode(), signer))

    async def burglar(self) -> None:
        while not self.gone_home:
            await asyncio.sleep(self._dice.expovariate(1 / self._weather.crowbar_every_s))
            device = self._dice.choice(list(self._devices.values()))
            no = self._dice.randint(1, self._weather.compartments)
            if device.cabinet.compartments[no].open:
                continue
            self._oracle.note(device.device_id, "CROWBAR", no)
            self._oracle.devices[device.device_id].named[no] += 1
            device.cabinet.force(no)
            await asyncio.sleep(self._dice.uniform(5, 200))
            for taken in device.cabinet.take(no):
                self.parcels[taken].place = "burglar"
            device.cabinet.close(no)
