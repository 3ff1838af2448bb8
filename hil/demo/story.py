"""The story: a parcel through a locker, offline and back. Every step is checked, every invariant at the end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from hil.demo.clients import CourierPhone, pin_on
from hil.demo.folder import DEVICE_ID, compartments
from hil.demo.world import DemoWorld, Tell
from hil.errors import StepFailed

MANIFEST = "parcels.csv"
NOT_OPENED = frozenset({"retry", "refused", "closed"})


class Story:
    """One run of the story. `tell` prints what happens; a step that ends wrong raises StepFailed."""

    def __init__(self, world: DemoWorld, tell: Tell) -> None:
        self._world, self._tell = world, tell
        self._phone = CourierPhone()
        self._parcel_id = ""
        self._pin = ""
        self._no = 0
        self._mails = 0

    async def play(self) -> None:
        """All steps, in order."""
        for step in (
            self._announce, self._courier_deposits, self._recipient_is_told, self._network_is_cut,
            self._recipient_collects_offline, self._network_is_back, self._every_event_once, self._refusals,
        ):  # fmt: skip
            await step()

    async def _announce(self) -> None:
        manifest = resources.files("hil.demo").joinpath(MANIFEST).read_bytes()
        answer = await self._world.bridge.call("POST", "/v1/manifests", manifest, "text/csv")
        for finding in answer["findings"]:
            self._tell(f"manifest line {finding['line']}, {finding['column']}: {finding['what']} {finding['remedy']}")
        self._parcel_id = await self._next_parcel()
        parcel = await self._parcel()
        self._no = parcel["compartment_no"]
        self._tell(f"parcel {self._parcel_id} is announced; compartment {self._no} is reserved for it")

    async def _next_parcel(self) -> str:
        """A parcel of the manifest that has not been through the locker yet; a fresh one when all have."""
        page = await self._world.bridge.call("GET", "/v1/parcels?limit=200")
        waiting = [row for row in page["parcels"] if row["state"] == "reserved"]
        if waiting:
            return str(waiting[0]["parcel_id"])
        number = f"PW-DEMO-{1000 + len(page['parcels'])}"
        header = "tracking_number,width_mm,height_mm,depth_mm,weight_g,recipient_name,recipient_email,locker_id\n"
        row = f"{number},300,90,400,900,Ada Example,ada@example.org,{DEVICE_ID}\n"
        await self._world.bridge.call("POST", "/v1/manifests", (header + row).encode(), "text/csv")
        return number

    async def _parcel(self) -> dict[str, Any]:
        found: dict[str, Any] = await self._world.bridge.call("GET", f"/v1/parcels/{self._parcel_id}")
        return found

    async def _courier_deposits(self) -> None:
        world = self._world
        self._mails = len(world.mailbox.messages)
        await world.kiosk.do("", "", lambda view: view["step"] in ("idle", "done", "refused") and view["online"], 30)
        await self._until("the locker knows of the reservation", self._reservation_arrived)
        await self._phone.fetch_grant(world.courier, [DEVICE_ID])
        await world.kiosk.do("scan", self._phone.code(DEVICE_ID), lambda view: view["step"] == "label")
        self._tell("the courier shows a code of her own; the locker asks for the parcel's label")
        await world.kiosk.do("scan", self._parcel_id, lambda view: view["step"] == "door_open", unless=NOT_OPENED)
        self._tell(f"door {self._no} opens")
        await world.hand("put", self._no)
        await world.hand("close", self._no)
        await world.kiosk.do("", "", lambda view: view["message"] == "deposited")
        await world.kiosk.do("press", "done", lambda view: view["step"] in ("done", "idle"))
        self._tell("the parcel is in, the door is shut: the door says so, not the page")

    async def _reservation_arrived(self) -> bool:
        device = await self._world.bridge.call("GET", f"/v1/devices/{DEVICE_ID}")
        return bool(device["desired_version"] == device["reported_version"] and device["desired_version"])

    async def _recipient_is_told(self) -> None:
        link = await self._world.mailbox.link(self._world.url, after=self._mails)
        self._pin = pin_on(await self._world.bridge.page(link))
        self._tell("the recipient has mail with a link; the page shows QR code and PIN")

    async def _network_is_cut(self) -> None:
        self._world.cable.pull()
        await self._world.kiosk.do("", "", lambda view: not view["online"], 30)
        self._tell("the network is cut; the locker goes on alone")

    async def _recipient_collects_offline(self) -> None:
        world = self._world
        await world.kiosk.do("pin", self._pin, lambda view: view["step"] == "door_open", unless=NOT_OPENED)
        await world.hand("take", self._no)
        await world.hand("close", self._no)
        await world.kiosk.do("", "", lambda view: view["step"] in ("done", "idle") and view["visit"] == "")
        if (await self._parcel())["state"] != "deposited":
            raise StepFailed("the cloud knows of the collection before it can", where="offline")
        self._tell(
            f"the recipient types the PIN, door {self._no} opens, the parcel is out; the cloud does not know yet"
        )

    async def _network_is_back(self) -> None:
        self._world.cable.plug()
        await self._until("the cloud hears of the collection", self._collected, 60)
        self._tell("the network is back: the cloud has caught up")

    async def _collected(self) -> bool:
        return bool((await self._parcel())["state"] == "collected")

    async def _every_event_once(self) -> None:
        events = await self._ledger()
        ids = [event["id"] for event in events]
        streams: dict[str, list[int]] = {}
        for event_id in ids:
            _, stream, seq = event_id.split("/")
            streams.setdefault(stream, []).append(int(seq))
        for stream, seqs in streams.items():
            if seqs != list(range(len(seqs))):
                raise StepFailed(f"stream {stream} is not gapless", where="ledger")
        if len(ids) != len(set(ids)):
            raise StepFailed("an event stands twice", where="ledger")
        await self._one_pulse_per_authority(events)
        story = [event["type"] for event in events if event["data"].get("parcel_id") == self._parcel_id]
        if story.count("parcel_deposited") != 1 or story.count("parcel_collected") != 1:
            raise StepFailed(f"the parcel's story is {story}", where="ledger")
        self._tell(f"{len(ids)} events in the ledger, each once, none missing; one pulse for each authority")

    async def _one_pulse_per_authority(self, events: list[dict[str, Any]]) -> None:
        """The oracle: what each lock coil felt since the boards have power, against what was authorised for it."""
        doors = {(row["module"], row["channel"]): row["no"] for row in compartments()}
        trace = await self._world.hands.ask("trace")
        felt = Counter(doors[fact["module"], fact["channel"]] for fact in trace if fact["kind"] == "pulse")
        sent = Counter(
            event["data"]["compartment_no"]
            for event in events
            if (event["type"] == "unlock_finished" and event["data"]["pulse"] != "not_sent")
            or event["type"] == "unlock_unknown"
        )
        if excess := felt - sent:
            raise StepFailed(f"pulses without an authority, by door: {dict(excess)}", where="lock boards")

    async def _ledger(self) -> list[dict[str, Any]]:
        """All events of the locker, page by page."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = await self._world.bridge.call("GET", f"/v1/events?device_id={DEVICE_ID}&limit=500&after={after}")
            found += page["events"]
            if page["next"] is None:
                return found
            after = page["next"]

    async def _refusals(self) -> None:
        """What must not work: the used PIN, a strange code, an unannounced label."""
        world = self._world
        await world.kiosk.do("", "", lambda view: view["step"] == "idle", 20)
        await world.kiosk.do("pin", self._pin, lambda view: view["step"] == "refused")
        await world.kiosk.do("press", "cancel", lambda view: view["step"] == "idle")
        await world.kiosk.do("scan", "PW1:PNOTACODE", lambda view: view["step"] == "refused")
        await world.kiosk.do("press", "cancel", lambda view: view["step"] == "idle")
        self._tell("the used PIN and a forged code open nothing")

    async def _until(self, what: str, check: Callable[[], Awaitable[bool]], timeout_s: float = 30) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while not await check():  # noqa: ASYNC110  the bridge is another process
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            raise StepFailed(f"not within {timeout_s:.0f} s", where=what) from error
