"""The service side: real ingest, fleet, lockers and followers over an in-memory database that outlives crashes."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import starmap
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.errors import CloudError
from cloud_bridge.fleet import secrets, twins
from cloud_bridge.fleet.model import CommandRecord, Device
from cloud_bridge.fleet.projection import FleetProjection
from cloud_bridge.fleet.service import Fleet as FleetService
from cloud_bridge.fleet.store import load_device, load_session, register_device
from cloud_bridge.followers import Followers
from cloud_bridge.ingest.service import Ingest
from cloud_bridge.ledger import store as ledger
from cloud_bridge.lockers.custody_store import CustodyProjection, deposited_at
from cloud_bridge.lockers.manifest import Row
from cloud_bridge.lockers.model import Announcement, Compartment, Custody, Locker, Recipient, Size, Wish
from cloud_bridge.lockers.pickups import Pickup, Pickups
from cloud_bridge.lockers.reactions import LockerReactions
from cloud_bridge.lockers.restoration import LockerRestoration
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.storage.schema import metadata
from tests.cloud_world import cloud_keys
from tests.fleets import Fleet
from tests.simulation.cabinet import MODULE
from tests.simulation.device import SeededRandom
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle
from tests.simulation.parts import Parts
from tests.simulation.weather import Weather
from tests.virtual_loop import VirtualLoop

T0_MS = 1_790_000_000_000
TENANT = "acme"
TICK_EVERY_S = 900


class CloudClock:
    """`cloud_bridge.ports.Clock` in virtual time: true time."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return T0_MS + self._loop.now_ms()


class SimCloud:
    """`up` is False between a crash and the next start; messages that arrive meanwhile are lost."""

    def __init__(
        self, fleet: Fleet, weather: Weather, loop: VirtualLoop, dice: random.Random, network: Network, oracle: Oracle,
        parts: Parts,
    ) -> None:  # fmt: skip
        self._fleet, self._weather, self._loop, self._dice = fleet, weather, loop, dice
        self._network, self._oracle = network, oracle
        self._random = SeededRandom(random.Random(dice.random()))
        self._inbox: deque[tuple[str, str, bytes]] = deque()
        self._wake = asyncio.Event()
        self._tick_due = False
        self._expire_at_ms = 0
        self._tick_timer: asyncio.TimerHandle | None = None
        self.clock = CloudClock(loop)
        self.db = parts.database()
        self.up = True
        self.calm = False
        self.on_crash: Callable[[], None] = lambda: None
        network.to_cloud = self._arrived
        self.db.write_now(self._install)
        self._start()

    def _install(self, conn: Connection) -> None:
        metadata.create_all(conn)
        ledger.start_clock(conn)
        lockers = Lockers(self._random, twins.set_sections)
        for device in self._fleet.devices.values():
            entry = Device(device.device_id, "locker", TENANT, "site", device.log_public, device.wrap_public)
            register_device(conn, entry, self.clock.now_ms())
            items = [
                Compartment(no, Size(400, 100 + 50 * no, 500), 800, frozenset(), MODULE, no)
                for no in range(1, self._weather.compartments + 1)
            ]
            lockers.install(conn, Locker(device.device_id, TENANT, device.device_id, "1 Example Street"), items)

    def _start(self) -> None:
        """Everything that lives in memory, made anew."""
        keys = cloud_keys(self._fleet)
        self.lockers = Lockers(self._random, twins.set_sections)
        self.pickups = Pickups(self._fleet.name, self._fleet.pickup, b"k" * 32, secrets.pin_key)
        projections = (CustodyProjection(), FleetProjection(), LockerRestoration(self.lockers, secrets.pin_key))
        self.ingest = Ingest(self.db, keys, self.clock, self._random, projections, on_commit=self._committed)
        self.fleet = FleetService(self.db, keys, self.clock, self._random, self._network.publish)
        self.followers = Followers(self.db, self.clock, (LockerReactions(self.lockers, self._random),))
        self.up = True
        self.tick_soon()

    def crash(self, why: str) -> None:
        self._oracle.note("bridge", "KILLED", why)
        self._oracle.stats["bridge crashes"] += 1
        self._inbox.clear()
        self.up = False
        if hasattr(self.db, "crash"):
            self.db.crash()
        self.on_crash()
        self._loop.call_later(self._dice.uniform(1, 120), self._start)

    # --- work ------------------------------------------------------------------------------------------------

    def _arrived(self, device_id: str, channel: str, payload: bytes) -> None:
        if self.up:
            self._inbox.append((device_id, channel, payload))
            self._wake.set()

    def _committed(self) -> None:
        self.tick_soon()

    def tick_soon(self) -> None:
        if self._tick_timer is None:
            self._tick_timer = self._loop.call_later(self._weather.tick_s, self._ask_tick)

    def _ask_tick(self) -> None:
        self._tick_timer = None
        self._tick_due = True
        self._wake.set()

    async def run(self) -> None:
        self._loop.call_later(TICK_EVERY_S, self._tick_again)
        while True:
            while self._inbox and self.up:
                await self._take(*self._inbox.popleft())
            if self._tick_due and self.up:
                self._tick_due = False
                await self._tick()
            self._wake.clear()
            await self._wake.wait()

    def _tick_again(self) -> None:
        self._ask_tick()
        self._loop.call_later(TICK_EVERY_S, self._tick_again)

    async def _take(self, device_id: str, channel: str, payload: bytes) -> None:
        answers = await self.ingest.receive(device_id, channel, payload)
        if not self.calm and self._dice.random() < self._weather.bridge_crash_at_await:
            self.crash("before it answered")
            return
        for answer in answers:
            try:
                await self._network.publish(answer)
            except CloudError:
                return

    async def _tick(self) -> None:
        now_ms = self.clock.now_ms()
        try:
            await self.followers.run_once()
            if now_ms >= self._expire_at_ms:
                self._expire_at_ms = now_ms + TICK_EVERY_S * 1000
                await self.db.write(lambda conn: self.lockers.expire(conn, now_ms))
            await self.fleet.push_desired()
        except CloudError as error:
            self._oracle.note("bridge", "work failed", error)

    # --- for people ------------------------------------------------------------------------------------------

    def announce(self, parcel_ids: Sequence[str], locker_id: str) -> list[str]:
        """A round's parcels together; which of them have a place reserved."""
        wish, now_ms = Wish(Size(200, 80, 200), 500, upright=True), self.clock.now_ms()
        recipient = Recipient("Ann Example", "ann@example.org")

        def write(conn: Connection) -> list[str]:
            items = (Announcement(parcel_id, "Carrier", wish, recipient, locker_id) for parcel_id in parcel_ids)
            done, _ = self.lockers.announce_rows(conn, TENANT, tuple(starmap(Row, enumerate(items, 2))), now_ms)
            return [item.parcel_id for item in done if item.reservation is not None]

        placed = self.db.write_now(write)
        self.tick_soon()
        return placed

    def pickup(self, parcel_id: str) -> Pickup | None:
        """What the recipient's page shows; None when the parcel has no active reservation."""
        now_ms = self.clock.now_ms()

        def show(conn: Connection) -> Pickup | None:
            view = self.lockers.parcel(conn, TENANT, parcel_id, now_ms)
            if view.reservation is None:
                return None
            return self.pickups.show(conn, view.reservation.pickup_id, now_ms)

        return self.db.write_now(show) if self.up else None

    async def open_compartment(self, device_id: str, no: int, purpose: str, life_ms: int) -> CommandRecord | None:
        if not self.up:
            return None
        args = {"compartment_no": no, "purpose": purpose}
        try:
            return await self.fleet.command(
                device_id, "open_compartment", args, actor="ops", reason="simulation", life_ms=life_ms
            )
        except CloudError:
            return None

    # --- for the oracle --------------------------------------------------------------------------------------

    def ask(self, fn: Callable[[Connection], Any]) -> Any:
        return self.db.write_now(fn)

    def stored_size(self, device_id: str, stream: str) -> int:
        """By the driver's own connection: asked at every receipt, it must not count as work of the service."""
        query = "SELECT size FROM streams WHERE device_id = ? AND stream = ?"
        row = self.db.driver_connection.execute(query, (device_id, stream)).fetchone()
        return 0 if row is None else int(row[0])

    def stored_raws(self, device_id: str, stream: str) -> tuple[bytes, ...]:
        head = self.ask(lambda conn: ledger.load_head(conn, device_id, stream))
        return () if head is None else self.ask(lambda conn: ledger.stored_raws(conn, head.stream_no, 0, 10**9))

    def deposited(self, device_id: str) -> list[Custody]:
        return self.ask(lambda conn: deposited_at(conn, device_id))

    def state_of(self, device_id: str) -> tuple[str, str]:
        device = self.ask(lambda conn: load_device(conn, device_id))
        return device.state.value, device.state_reason

    def nonce_of(self, device_id: str) -> bytes:
        session = self.ask(lambda conn: load_session(conn, device_id))
        return b"" if session is None else session.nonce

    def faults(self) -> int:
        return sum(
            self.ask(lambda conn, name=name: ledger.fault_count(conn, name))
            for name in ("custody", "fleet", "locker_restoration", "locker_reactions")
        )
