"""Serves the kiosk page on loopback and keeps it in step with the machine over one WebSocket."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from edge.screen.requests import MAX_REQUEST_BYTES, Request, parse_request
from edge.screen.sentences import Sentences
from edge.screen.speech import Speech
from edge.wire.errors import WireError

DIST = Path(__file__).parent / "dist"
MAX_PAGES = 8
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}
KEYS = frozenset("0123456789*#")


class Kiosk(Protocol):
    """What the page drives."""

    def view(self) -> dict[str, Any]: ...

    def scan(self, text: str) -> None: ...

    def enter_pin(self, pin: str) -> None: ...

    def press(self, action: str) -> None: ...


class ScreenServer:
    """`changed()` tells every open page that the view may be another one now; `key()` gives them the keypad's keys."""

    def __init__(self, kiosk: Kiosk, host: str, port: int, dist: Path = DIST, speech: Speech | None = None) -> None:
        """`speech`: what reads aloud; espeak-ng where it is installed, unless another is given."""
        self._kiosk = kiosk
        self._speech = speech or Speech(shutil.which("espeak-ng"), Sentences(dist))
        self._host, self._port, self._dist = host, port, dist
        self._change = asyncio.Event()
        self._keys: list[str] = []
        self._pages: set[web.WebSocketResponse] = set()
        self._open_pages = 0  # those that are still shaking hands included
        self.port = port

    def changed(self) -> None:
        self._change.set()

    def key(self, key: str) -> bool:
        """Give one key of the keypad (`0` to `9`, `*`, `#`) to the open pages; False when there is none to take it."""
        if key not in KEYS or not self._pages:
            return False
        self._keys.append(key)
        self._change.set()
        return True

    async def run(self, ready: Callable[[str], None] = lambda url: None) -> None:
        """Serve until cancelled; `ready` gets the page's address."""
        app = web.Application(middlewares=[_guard])
        app.router.add_get("/", self._page)
        app.router.add_get("/assets/{name}", self._asset)
        app.router.add_get("/speech/{language}/{name}", self._sound)
        app.router.add_get("/session", self._session)
        app.on_shutdown.append(self._close_pages)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self._host, self._port)
            await site.start()
            self.port = runner.addresses[0][1]
            ready(f"http://{self._host}:{self.port}/")
            await self._tell_forever()
        finally:
            await runner.cleanup()

    async def _tell_forever(self) -> None:
        while True:
            await self._change.wait()
            self._change.clear()
            keys, self._keys = self._keys, []
            for body in ({"view": self._kiosk.view()}, *({"key": key} for key in keys)):
                await self._tell(json.dumps(body))

    async def _tell(self, text: str) -> None:
        for page in tuple(self._pages):
            try:
                await asyncio.wait_for(page.send_str(text), 2)
            except (ConnectionError, TimeoutError):
                self._pages.discard(page)

    async def _close_pages(self, _app: web.Application) -> None:
        for page in tuple(self._pages):
            await page.close()

    async def _page(self, _request: web.Request) -> web.StreamResponse:
        return self._file("index.html")

    async def _asset(self, request: web.Request) -> web.StreamResponse:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.StreamResponse:
        kind = _TYPES.get(Path(name).suffix)
        path = self._dist / name
        if kind is None or path.parent != self._dist or not path.is_file():
            raise web.HTTPNotFound(text="no such page")
        return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8")

    async def _sound(self, request: web.Request) -> web.StreamResponse:
        key, _, kind = request.match_info["name"].partition(".")
        sound = (
            await self._speech.wav(request.match_info["language"], key, dict(request.query)) if kind == "wav" else None
        )
        if sound is None:
            raise web.HTTPNotFound(text="no such sentence")
        return web.Response(body=sound, content_type="audio/wav")

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if self._open_pages >= MAX_PAGES:
            raise web.HTTPServiceUnavailable(text="too many pages are open")
        page = web.WebSocketResponse(heartbeat=20, max_msg_size=MAX_REQUEST_BYTES)
        self._open_pages += 1
        try:
            await page.prepare(request)
            self._pages.add(page)
            await page.send_json({"view": self._kiosk.view(), "speech": self._speech.available})
            async for message in page:
                if message.type is WSMsgType.TEXT:
                    await self._take(page, message.data)
        finally:
            self._open_pages -= 1
            self._pages.discard(page)
        return page

    async def _take(self, page: web.WebSocketResponse, text: str) -> None:
        try:
            self._do(parse_request(text))
        except WireError as error:
            await page.send_json({"error": {"code": error.code, "detail": str(error)}})

    def _do(self, request: Request) -> None:
        if request.do == "scan":
            self._kiosk.scan(request.value)
        elif request.do == "pin":
            self._kiosk.enter_pin(request.value)
        else:
            self._kiosk.press(request.value)


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


@web.middleware
async def _guard(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Only pages from this very server may talk to it: a foreign Host or Origin is another site's script."""
    host = request.headers.get("Host", "").rsplit(":", 1)[0].strip("[]")
    origin = request.headers.get("Origin")
    if host not in ("127.0.0.1", "localhost", "::1") or (origin and _netloc(origin) != request.headers["Host"]):
        raise web.HTTPForbidden(text="not from this page")
    response = await handler(request)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response
