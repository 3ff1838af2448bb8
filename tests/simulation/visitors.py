"""Everybody else who comes to a locker: senders, couriers with what nobody announced, technicians, and impostors."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from edge.core.locker.steps import Step
from edge.wire.envelope import Kind, seal
from edge.wire.keys import Ed25519Signer
from edge.wire.messages import Command
from edge.wire.pickup_claims import Operation, drop_off_parcel_id, locker_audience
from edge.wire.pickup_courier import CourierAction, CourierGrant, issue_grant, sign_action
from edge.wire.pickup_token import PickupClaims, issue_token
from tests.fleets import Fleet
from tests.simulation.cloud import SimCloud
from tests.simulation.device import SimDevice
from tests.simulation.oracle import Issued, Oracle
from tests.simulation.people import HANDS_S, Parcel, People

HAND = Ed25519Signer(b"h" * 32)
ELSEWHERE = locker_audience("locker-elsewhere")
LIFE_MS = 2 * 3_600_000


class Visitors:
    """They stand in the same queues as everybody (`people`), and bring dice of their own."""

    def __init__(
        self, people: People, fleet: Fleet, cloud: SimCloud, dice: random.Random, oracle: Oracle, every_s: int
    ) -> None:
        self._people, self._fleet, self._cloud = people, fleet, cloud
        self._dice, self._oracle, self._every_s = dice, oracle, every_s
        self._number = 0

    async def come(self, device: SimDevice) -> None:
        """One after the other, until everybody has gone home."""
        visits: tuple[Callable[[SimDevice], Awaitable[None]], ...] = (
            self._sender, self._unannounced, self._technician, self._two_technicians, self._reconciler, self._impostor,
            self._retained,
        )  # fmt: skip
        while True:
            await asyncio.sleep(self._dice.expovariate(1 / self._every_s))
            if self._people.gone_home:
                return
            visit = self._dice.choice(visits)
            self._oracle.stats[visit.__name__.strip("_")] += 1
            async with self._people.queue_of(device):
                if device.screen.step in (Step.IDLE, Step.DONE, Step.REFUSED):
                    self._oracle.note(device.device_id, visit.__name__.strip("_"))
                    await visit(device)

    # --- what is put in --------------------------------------------------------------------------------------

    async def _sender(self, device: SimDevice) -> None:
        """A drop-off without a label, by a code."""
        pickup_id = self._hex()
        device.scan(self._token(device, Operation.DROP_OFF, pickup_id))
        await self._by_size(device, drop_off_parcel_id(pickup_id))

    async def _unannounced(self, device: SimDevice) -> None:
        """A courier with parcels of which the cloud knows nothing, and second thoughts about the first."""
        device.scan(self._action(device, Operation.DEPOSIT, "courier:8"))
        for _ in range(self._dice.randint(1, 2)):
            if not await device.until(lambda: device.screen.step == Step.LABEL, 8):
                return
            self._number += 1
            parcel_id = f"UN-{device.device_id[-4:]}-{self._number:04}"
            device.scan(parcel_id)
            no = await self._by_size(device, parcel_id)
            if no is not None and self._dice.random() < 0.3:
                await self._reopen(device, parcel_id)
        await device.until(lambda: device.screen.step in (Step.LABEL, "dark"), 6)
        device.press("done")

    async def _by_size(self, device: SimDevice, parcel_id: str) -> int | None:
        """Choose what is offered, put it in, shut the door; sometimes the first compartment will not do."""
        if not await device.until(lambda: device.screen.step == Step.SIZE, 5):
            return None
        if self._dice.random() < 0.2:
            device.press("accessible")
        offers = device.sizes()
        if not offers:
            device.press("cancel")
            return None
        device.press(f"size:{self._dice.choice(offers)}")
        no = await self._people.door(device)
        if no is None:
            return None
        parcel = self._people.parcels[parcel_id] = Parcel(parcel_id, device)
        complaint = self._dice.choice(("", "", "", "too_big", "dirty", "done"))
        if complaint:
            await asyncio.sleep(1)
            device.press(complaint)  # `done` at an open door means nothing, and must not
            await asyncio.sleep(1)
        if complaint in ("too_big", "dirty"):
            device.cabinet.close(no)
            await asyncio.sleep(2)
            no = await self._people.door(device)
        if no is None or not device.cabinet.compartments[no].open:
            return None
        await self._people.put_in(device, parcel, no)
        await asyncio.sleep(1)
        return no if parcel.place == no else None

    async def _reopen(self, device: SimDevice, parcel_id: str) -> None:
        """The courier looks again, and may take it out."""
        await device.until(lambda: device.screen.step == Step.LABEL, 6)
        device.press("reopen")
        no = await self._people.door(device)
        if no is None:
            return
        await asyncio.sleep(self._dice.uniform(*HANDS_S))
        out = self._dice.random() < 0.5 and device.cabinet.compartments[no].parcels == [parcel_id]
        if out:
            device.cabinet.take(no)
            self._people.parcels[parcel_id].place = "courier"
        device.cabinet.close(no)
        if await device.until(lambda: device.screen.step == Step.CONFIRM, 3):
            device.press("took_out" if out else "left_in")

    # --- technicians -----------------------------------------------------------------------------------------

    async def _technician(self, device: SimDevice) -> None:
        """Opens one, takes one out of service and puts it back."""
        if not await self._at_menu(device):
            return
        no = self._dice.choice(list(device.cabinet.compartments))
        device.press(f"out_of_service:{no}")
        await asyncio.sleep(1)
        device.press(f"open:{no}")
        await self._shut_what_opens(device, 10)
        device.press(f"in_service:{no}")
        await asyncio.sleep(1)
        device.press("done")

    async def _two_technicians(self, device: SimDevice) -> None:
        """All doors, once a second person has come; the same one twice is none."""
        if not await self._at_menu(device):
            return
        device.press("open_all")
        await asyncio.sleep(1)
        device.scan(self._action(device, Operation.MAINTAIN, "tech:anna"))
        await asyncio.sleep(2)
        if any(item.open for item in device.cabinet.compartments.values()):
            return
        device.scan(self._action(device, Operation.MAINTAIN, "tech:ben"))
        await self._shut_what_opens(device, 120)
        device.press("done")

    async def _reconciler(self, device: SimDevice) -> None:
        """Looks into every compartment and says what is there."""
        if not await self._at_menu(device):
            return
        device.press("reconcile")
        for _ in range(4 * len(device.cabinet.compartments)):
            await self._shut_what_opens(device, 20, once=True)
            if device.screen.step == Step.CHECK and (no := device.screen.compartment_no) is not None:
                inside, known = sorted(device.cabinet.compartments[no].parcels), sorted(device.held(no))
                device.press(f"found:{'as_expected' if inside == known else 'other' if inside else 'empty'}")
                await asyncio.sleep(1)
            elif device.screen.step == Step.RETRY:
                device.press("next_compartment")
                await asyncio.sleep(1)
            elif device.screen.step not in (Step.OPENING, Step.DOOR_OPEN):
                break
        device.press("done")

    async def _at_menu(self, device: SimDevice) -> bool:
        device.scan(self._action(device, Operation.MAINTAIN, "tech:anna"))
        return await device.until(lambda: device.screen.step == Step.MENU, 8)

    async def _shut_what_opens(self, device: SimDevice, wait_s: float, *, once: bool = False) -> None:
        """Shut doors as they open, until none has for a while."""
        compartments = device.cabinet.compartments.values()
        while await device.until(lambda: any(item.open for item in compartments), 6 if once else min(wait_s, 8)):
            await asyncio.sleep(self._dice.uniform(1, 3))
            for item in compartments:
                device.cabinet.close(item.no)
            await asyncio.sleep(1)
            if once:
                return

    # --- impostors -------------------------------------------------------------------------------------------

    async def _impostor(self, device: SimDevice) -> None:
        """A good credential, for another locker."""
        device.scan(self._action(device, Operation.DEPOSIT, "courier:8", audience=ELSEWHERE))
        await asyncio.sleep(3)
        device.press("done")

    async def _retained(self, device: SimDevice) -> None:
        """A command that the cloud has signed, but that a broker kept: nobody may obey it."""
        now_ms = self._cloud.clock.now_ms()
        nonce = self._cloud.nonce_of(device.device_id) if self._cloud.up else b""
        command = Command(
            self._hex(), device.device_id, nonce or b"\0" * 16, "open_compartment", {"compartment_no": 1}, now_ms,
            now_ms + 60_000, "ops", "retained",
        )  # fmt: skip
        self._oracle.commands[command.command_id] = Issued(device.device_id, command.expires_at_ms, genuine=False)
        payload = seal(Kind.COMMAND, command.encode(), self._fleet.commands)
        if device.wire.listener is not None and device.alive:
            device.wire.listener("commands", payload, True)
        await asyncio.sleep(5)
        device.cabinet.close(1)

    # --- credentials -----------------------------------------------------------------------------------------

    def _token(self, device: SimDevice, operation: Operation, pickup_id: str) -> str:
        start_ms = self._cloud.clock.now_ms() - LIFE_MS
        claims = PickupClaims(
            self._fleet.name, locker_audience(device.device_id), operation, start_ms, start_ms + 2 * LIFE_MS,
            self._hex(), pickup_id, None,
        )  # fmt: skip
        return issue_token(claims, self._fleet.pickup)

    def _action(self, device: SimDevice, operation: Operation, subject: str, *, audience: str = "") -> str:
        now_ms, here = self._cloud.clock.now_ms(), audience or locker_audience(device.device_id)
        grant = CourierGrant(
            self._fleet.name, subject, HAND.public, (here,), (operation,), now_ms - LIFE_MS, now_ms + LIFE_MS,
            self._hex(),
        )  # fmt: skip
        action = CourierAction(here, operation, now_ms - 150_000, now_ms + 120_000, self._hex())
        if audience:
            self._oracle.foreign.add(action.jti)
        return sign_action(action, issue_grant(grant, self._fleet.pickup), HAND)

    def _hex(self) -> str:
        return self._dice.randbytes(16).hex()
