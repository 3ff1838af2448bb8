"""What the tests over the whole stack share: what physically happened, what the ledger says, and waiting for either."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import zxingcpp
from PIL import Image

from hil.demo import folder as places
from hil.demo.clients import CourierPhone, pin_on
from hil.demo.folder import DEVICE_ID
from hil.demo.world import DemoWorld

DEVICE = f"/v1/devices/{DEVICE_ID}"
_STROKE = re.compile(r"([Mmhv])(-?[0-9.]+)(?: (-?[0-9.]+))?")


class StackWorld(DemoWorld):
    """The demo's world with a second bridge name at the broker, for a hand that publishes what it should not."""

    INTRUDER = "bridge.2"

    def _write_configuration(self, root_public: str, device_port: int) -> None:
        super()._write_configuration(root_public, device_port)
        path = self.folder.root / "broker-tokens.json"
        tokens = json.loads(path.read_text())
        path.write_text(json.dumps({**tokens, self.INTRUDER: self.folder.secret("intruder")}))

    def intruder(self) -> mqtt.Client:
        """An MQTT client under that name, not yet connected."""
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=self.INTRUDER, reconnect_on_failure=False)
        client.username_pw_set(self.INTRUDER, self.folder.secret("intruder"))
        return client


async def until(what: str, check: Callable[[], Awaitable[Any]], timeout_s: float = 30) -> Any:
    """The first true answer of `check`; a failure that says what did not come."""
    found: Any = None
    try:
        async with asyncio.timeout(timeout_s):
            while not (found := await check()):  # noqa: ASYNC110  other processes do the work
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {timeout_s:.0f} s: {what}") from None
    return found


async def ready(world: DemoWorld) -> None:
    """The locker has its session and follows the newest desired state."""

    async def check() -> bool:
        device = await world.bridge.call("GET", DEVICE)
        view = await world.kiosk.do("", "", lambda shown: True)
        return bool(device["online"] and device["in_sync"] and view["online"])

    await until("the locker is online and in sync", check, 40)


# --- the ledger ----------------------------------------------------------------------------------------------


async def ledger(world: DemoWorld) -> list[dict[str, Any]]:
    """Every event of the locker, in ledger order."""
    found: list[dict[str, Any]] = []
    after = 0
    while True:
        page = await world.bridge.call("GET", f"/v1/events?device_id={DEVICE_ID}&limit=500&after={after}")
        found += page["events"]
        if page["next"] is None:
            return found
        after = page["next"]


def assert_gapless(events: list[dict[str, Any]]) -> dict[str, int]:
    """Every stream holds 0 … n − 1, each once; the streams' sizes."""
    streams: dict[str, list[int]] = {}
    for event in events:
        _, stream, seq = event["id"].split("/")
        streams.setdefault(stream, []).append(int(seq))
    for stream, seqs in streams.items():
        assert seqs == list(range(len(seqs))), f"stream {stream} is not gapless"
    return {stream: len(seqs) for stream, seqs in streams.items()}


def of_type(events: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] in names]


# --- what physically happened ----------------------------------------------------------------------------------


async def pulses(world: DemoWorld) -> Counter[int]:
    """How often each compartment's coil was driven since the boards have power."""
    by_channel = {(row["module"], row["channel"]): row["no"] for row in places.compartments()}
    trace = await world.hands.ask("trace")
    return Counter(by_channel[fact["module"], fact["channel"]] for fact in trace if fact["kind"] == "pulse")


async def doors(world: DemoWorld) -> dict[int, dict[str, Any]]:
    """Each compartment as a passer-by sees it."""
    seen = {(door["module"], door["channel"]): door for door in await world.hands.ask("doors")}
    return {row["no"]: seen[row["module"], row["channel"]] for row in places.compartments()}


def assert_one_pulse_for_each_authority(felt: Counter[int], events: list[dict[str, Any]]) -> None:
    """No coil was driven without an authority of its own; an authority that was sent drove its coil once."""
    sent = Counter(
        event["data"]["compartment_no"]
        for event in of_type(events, "unlock_finished")
        if event["data"]["pulse"] != "not_sent"
    )
    assert felt == sent


# --- people ----------------------------------------------------------------------------------------------------


async def deposit(world: DemoWorld, parcel_id: str, phone: CourierPhone) -> int:
    """A courier brings a parcel; the compartment's number."""
    await ready(world)
    no = int((await world.bridge.call("GET", f"/v1/parcels/{parcel_id}"))["compartment_no"])
    await world.kiosk.do("scan", phone.code(DEVICE_ID), lambda view: view["step"] == "label")
    await world.kiosk.do("scan", parcel_id, lambda view: view["step"] == "door_open", unless={"retry", "refused"})
    await world.hand("put", no)
    await world.hand("close", no)
    await world.kiosk.do("", "", lambda view: view["message"] == "deposited")
    await world.kiosk.do("press", "done", lambda view: view["step"] == "done")
    return no


async def announce(world: DemoWorld, parcel_id: str) -> None:
    """A small parcel for this locker, by the manifest's door."""
    header = "tracking_number,width_mm,height_mm,depth_mm,weight_g,recipient_name,recipient_email,locker_id\n"
    row = f"{parcel_id},300,90,400,900,Eve Example,eve@example.org,{DEVICE_ID}\n"
    await world.bridge.call("POST", "/v1/manifests", (header + row).encode(), "text/csv")


async def codes(world: DemoWorld, mails_before: int) -> tuple[str, str, str]:
    """Link, PIN and QR code of the newest mail."""
    link = await world.mailbox.link(world.url, after=mails_before)
    page = await world.bridge.page(link)
    return link, pin_on(page), qr_on(page)


def qr_on(page: str) -> str:
    """The page's QR code, drawn and read by a barcode reader."""
    found = re.search(r'<path[^>]*stroke="#000"[^>]* d="([^"]+)"', page)
    assert found is not None, "no QR code on the page"
    read = zxingcpp.read_barcodes(_draw(found.group(1)))
    assert read, "the QR code on the page cannot be read"
    return str(read[0].text)


def _draw(path: str, scale: int = 4, quiet: int = 4) -> Image.Image:
    """Horizontal strokes of one module each, as the page's SVG has them."""
    strokes: list[tuple[int, int, int]] = []
    x = y = 0.0
    for command, first, second in _STROKE.findall(path):
        if command == "M":
            x, y = float(first), float(second)
        elif command == "m":
            x, y = x + float(first), y + float(second or 0)
        elif command == "h":
            strokes.append((int(x), int(y), int(float(first))))
            x += float(first)
    side = max(max(x + length, y + 1) for x, y, length in strokes) + 2 * quiet
    image = Image.new("L", (side * scale, side * scale), 255)
    for x, y, length in strokes:
        box = ((x + quiet) * scale, (y + quiet) * scale, (x + length + quiet) * scale, (y + 1 + quiet) * scale)
        image.paste(0, box)
    return image


def processes_of(folder: Path) -> list[str]:
    """Every process on this machine that was started for this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:
                continue
            if str(folder) in words:
                found.append(f"{entry.name}: {words}")
    return found


def fresh_parcel_id() -> str:
    return f"PW-{secrets.token_hex(4).upper()}"
