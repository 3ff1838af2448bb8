"""The demo's page: everything at a glance, people's hands, and six ways to break it and watch it heal."""

from __future__ import annotations

import asyncio
import hmac
import json
import resource
import secrets
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from hil.demo import folder as places
from hil.demo.clients import CourierPhone
from hil.demo.folder import DEVICE_ID
from hil.demo.story import Story
from hil.demo.world import DemoWorld, Tell
from hil.errors import RigError, StepFailed

STATIC = Path(__file__).parent / "static"
COOKIE = "demo"
STORY_LINES = 200
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}


class Panel:
    """Serves the page on loopback until SIGINT or SIGTERM."""

    def __init__(self, world: DemoWorld, tell: Tell) -> None:
        self._world, self._tell_terminal = world, tell
        self._login: str | None = secrets.token_urlsafe(24)
        self._cookie = secrets.token_urlsafe(24)
        self._lines: list[str] = []
        self._disk_full = False
        self._jammed: set[int] = set()
        self._phone = CourierPhone()
        self._busy = asyncio.Lock()
        self._story: asyncio.Task[None] | None = None

    async def run(self) -> None:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/", self._file)
        app.router.add_get("/panel/{name}", self._file)
        app.router.add_post("/api/login", self._sign_in)
        app.router.add_get("/api/state", self._state)
        app.router.add_post("/api/do", self._do)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", places.free_port())
            await site.start()
            port = runner.addresses[0][1]
            self._tell_terminal("ready. Open this once (the link signs you in):")
            self._tell_terminal(f"http://127.0.0.1:{port}/#{self._login}")
            await _stop_signal()
        finally:
            if self._story is not None:
                self._story.cancel()
            await runner.cleanup()

    def _tell(self, text: str) -> None:
        self._lines.append(time.strftime("%H:%M:%S  ") + text)
        del self._lines[:-STORY_LINES]
        self._tell_terminal(text)

    # --- serving ---------------------------------------------------------------------------------------------

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        host = request.headers.get("Host", "").rsplit(":", 1)[0]
        origin = request.headers.get("Origin")
        if host not in ("127.0.0.1", "localhost") or (origin and origin != f"http://{request.headers['Host']}"):
            raise web.HTTPForbidden(text="not from this page")
        guarded = request.path.startswith("/api/") and request.path != "/api/login"
        if guarded and not hmac.compare_digest(request.cookies.get(COOKIE, "").encode(), self._cookie.encode()):
            raise web.HTTPUnauthorized(text="Open the link that the terminal shows.")
        response = await handler(request)
        response.headers.update({"Content-Security-Policy": CSP, "X-Content-Type-Options": "nosniff"})
        return response

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = STATIC / request.match_info.get("name", "panel.html")
        if path.parent != STATIC or not path.is_file():
            raise web.HTTPNotFound(text="no such file")
        return web.Response(body=path.read_bytes(), content_type=_TYPES[path.suffix], charset="utf-8")

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        """The link signs in once; after that only the cookie counts."""
        text = (await request.content.read(256)).decode("utf-8", "replace")
        if self._login is None or not hmac.compare_digest(text.encode(), self._login.encode()):
            raise web.HTTPUnauthorized(text="This link was used. Restart the demo for a new one.")
        self._login = None
        response = web.json_response({"ok": True})
        response.set_cookie(COOKIE, self._cookie, httponly=True, samesite="Strict", path="/")
        return response

    async def _do(self, request: web.Request) -> web.StreamResponse:
        body = json.loads((await request.content.read(4096)) or b"{}")
        action = ACTIONS.get(body.get("action"))
        if action is None:
            raise web.HTTPBadRequest(text=f"no action {body.get('action')!r:.40}")
        try:
            async with self._busy:
                answer = await action(self, body.get("value"))
        except (RigError, ConnectionError) as error:
            self._tell(f"did not work: {error}")
            return web.json_response({"error": str(error)}, status=409)
        return web.json_response({"ok": True, "answer": answer})

    # --- what is so now ----------------------------------------------------------------------------------------

    async def _state(self, _request: web.Request) -> web.StreamResponse:
        world = self._world
        doors = await world.hands.ask("doors") if world.processes["boards"].running else []
        return web.json_response(
            {
                "processes": {name: process.running for name, process in world.processes.items()},
                "cable": world.cable.plugged,
                "disk_full": self._disk_full,
                "jammed": sorted(self._jammed),
                "doors": self._doors(doors),
                "cloud": await self._cloud_side(),
                "lines": self._lines[-40:],
                "mails": len(world.mailbox.messages),
                "story": self._story is not None and not self._story.done(),
                "links": {"kiosk": world.screen_url, "console": world.url + "/", "api": world.url + "/docs"},
            }
        )

    def _doors(self, doors: Any) -> list[dict[str, Any]]:
        by_channel = {(door["module"], door["channel"]): door for door in doors}
        return [{**row, "door": by_channel.get((row["module"], row["channel"]))} for row in places.compartments()]

    async def _cloud_side(self) -> dict[str, Any]:
        """What the bridge knows; nothing while it is down."""
        bridge = self._world.bridge
        try:
            async with asyncio.timeout(2):
                events, alarms, parcels = await asyncio.gather(
                    bridge.call("GET", f"/v1/events?device_id={DEVICE_ID}&limit=500&after={self._after}"),
                    bridge.call("GET", "/v1/alarms"),
                    bridge.call("GET", "/v1/parcels?limit=50"),
                )
        except (RigError, OSError, TimeoutError):
            return {"reachable": False}
        if len(events["events"]) == 500:
            self._after = events["events"][-1]["position"]
        shown = [{key: event[key] for key in ("type", "at_ms", "late", "data")} for event in events["events"][-14:]]
        keys = ("parcel_id", "state", "compartment_no")
        return {
            "reachable": True,
            "events": shown,
            "alarms": [alarm for alarm in alarms["alarms"] if not alarm.get("cleared_at_ms")][:10],
            "parcels": [{key: parcel[key] for key in keys} for parcel in parcels["parcels"]],
        }

    _after = 0

    # --- what one can do ---------------------------------------------------------------------------------------

    async def cable(self, plugged: Any) -> None:
        (self._world.cable.plug if plugged else self._world.cable.pull)()
        self._tell("network plugged in again" if plugged else "network cut between locker and broker")

    async def process(self, value: Any) -> None:
        name, up = str(value["name"]), bool(value["up"])
        if name not in self._world.processes:
            raise StepFailed(f"no process {name!r:.40}", where="panel")
        await (self._world.revive(name) if up else self._world.kill(name))
        self._tell(f"{name} started again" if up else f"{name} killed (SIGKILL)")

    async def plug(self, _value: Any) -> None:
        """Power gone in this very moment, back a second later."""
        await self._world.kill("locker")
        self._tell("plug pulled: the locker's controller died where it stood")
        await asyncio.sleep(1)
        await self._world.revive("locker")
        self._limit_disk()
        self._tell("power is back; no door moved, the log goes on where it was")

    async def disk(self, full: Any) -> None:
        """The controller may write nothing more: its files hit their limit, as on a full disk."""
        if self._world.processes["locker"].pid is None:
            raise StepFailed("the locker is not running", where="disk")
        self._disk_full = bool(full)
        self._limit_disk()
        self._tell("disk full: no event can be written, so no door opens" if full else "space is back")

    def _limit_disk(self) -> None:
        pid = self._world.processes["locker"].pid
        if pid is not None:
            hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1 if self._disk_full else hard, hard))

    async def jam(self, value: Any) -> None:
        no, jammed = _compartment(value["no"]), bool(value["jammed"])
        await self._world.jam(no, jammed)
        (self._jammed.add if jammed else self._jammed.discard)(no)
        self._tell(f"door {no} {'jams' if jammed else 'moves freely again'}")

    async def hand(self, value: Any) -> None:
        what, no = str(value["what"]), _compartment(value["no"])
        if what not in ("open", "close", "put", "take", "force"):
            raise StepFailed(f"no hand does {what!r:.20}", where="panel")
        await self._world.hand(what, no)

    async def courier(self, _value: Any) -> None:
        """The courier's phone is held under the scanner."""
        await self._phone.fetch_grant(self._world.courier, [DEVICE_ID])
        await self._scan(self._phone.code(DEVICE_ID))
        self._tell("the courier's code is under the scanner")

    async def label(self, parcel_id: Any) -> None:
        await self._scan(str(parcel_id)[:40])
        self._tell(f"label {str(parcel_id)[:40]} is under the scanner")

    async def _scan(self, text: str) -> None:
        await self._world.kiosk.do("scan", text, lambda view: True)

    async def mail(self, _value: Any) -> str:
        """The link in the newest message."""
        return await self._world.mailbox.link(self._world.url, after=0, timeout_s=1)

    async def story(self, _value: Any) -> None:
        """Plays beside everything else, so that it can be disturbed."""
        if self._story is not None and not self._story.done():
            raise StepFailed("it is playing already", where="story")
        self._story = asyncio.get_running_loop().create_task(self._play())

    async def _play(self) -> None:
        try:
            await Story(self._world, self._tell).play()
            self._tell("the story holds")
        except (RigError, OSError, TimeoutError) as error:
            self._tell(f"the story breaks off: {error}")

    async def sign_in(self, role: Any) -> str:
        """A fresh one-time link into the bridge's own pages."""
        return await self._world.login("courier" if role == "courier" else "operator", "demo")


ACTIONS: dict[Any, Callable[[Panel, Any], Awaitable[Any]]] = {
    "cable": Panel.cable, "process": Panel.process, "plug": Panel.plug, "disk": Panel.disk, "jam": Panel.jam,
    "hand": Panel.hand, "courier": Panel.courier, "label": Panel.label, "mail": Panel.mail, "story": Panel.story,
    "sign_in": Panel.sign_in,
}  # fmt: skip


def _compartment(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= len(places.compartments()):
        raise StepFailed(f"no compartment {value!r:.20}", where="panel")
    return value


async def _stop_signal() -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
