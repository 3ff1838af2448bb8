"""The page's server against strangers: foreign hosts and origins, odd paths, too many pages, bad requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from edge.screen.server import MAX_PAGES, ScreenServer


class Driven:
    """A kiosk that writes down what the page asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def view(self) -> dict[str, Any]:
        return {"step": "idle", "asked": len(self.asked)}

    def scan(self, text: str) -> None:
        self.asked.append(("scan", text))

    def enter_pin(self, pin: str) -> None:
        self.asked.append(("pin", pin))

    def press(self, action: str) -> None:
        self.asked.append(("press", action))


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[str, Driven, aiohttp.ClientSession]]:
    dist = folder / "dist"
    dist.mkdir()
    (dist / "index.html").write_text("<p>kiosk</p>")
    (dist / "notes.txt").write_text("not a page")
    (folder / "secret.css").write_text("secret")
    kiosk = Driven()
    server = ScreenServer(kiosk, "127.0.0.1", 0, dist)
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(server.run(ready.set_result))
    try:
        async with aiohttp.ClientSession() as session:
            yield await ready, kiosk, session
    finally:
        work.cancel()
        await asyncio.wait({work})


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}, {"Origin": "https://evil.example"},
        {"Origin": "null"}, {"Origin": "http://["}, {"Origin": "http://127.0.0.1:1"},
    ],
    ids=["host", "host prefix", "origin", "null origin", "broken origin", "other port"],
)  # fmt: skip
async def test_page_of_another_site_reaches_neither_page_nor_session(tmp_path: Path, headers: dict[str, str]) -> None:
    async with serving(tmp_path) as (url, kiosk, session):
        for path in ("", "session"):
            async with session.get(url + path, headers=headers) as answer:
                assert answer.status == 403
        assert kiosk.asked == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("assets/index.html", 200), ("assets/..%2fsecret.css", 404), ("assets/%2e%2e/secret.css", 404),
     ("assets/notes.txt", 404), ("assets/none.css", 404), ("assets/%00.css", 404), ("etc/passwd", 404)],
    ids=["page", "dots", "encoded dots", "other kind", "missing", "nul", "elsewhere"],
)  # fmt: skip
async def test_asset_comes_from_its_folder_only(tmp_path: Path, path: str, status: int) -> None:
    async with (
        serving(tmp_path) as (url, _, session),
        session.get(aiohttp.client.URL(url + path, encoded=True)) as answer,
    ):
        assert answer.status == status
        assert "secret" not in await answer.text()


async def test_page_says_what_it_may_load_and_is_not_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, _, session), session.get(url) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"


async def test_pages_beyond_the_limit_are_turned_away_and_a_closed_one_makes_room(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, _, session):
        pages = [await session.ws_connect(url + "session") for _ in range(MAX_PAGES)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(url + "session")
        assert refused.value.status == 503
        await pages[0].close()
        async with asyncio.timeout(5):
            await pages[1].receive_json()
        async with session.ws_connect(url + "session") as page:
            assert (await page.receive_json())["view"]["step"] == "idle"


async def test_request_that_is_none_is_answered_and_the_session_goes_on(tmp_path: Path) -> None:
    async with serving(tmp_path) as (url, kiosk, session), session.ws_connect(url + "session") as page:
        await page.receive_json()
        for text in ("{", '{"do":"open","value":"1"}', "[" * 3000):
            await page.send_str(text)
            assert (await page.receive_json())["error"]["code"] == "malformed"
        for do, value in (("scan", "PW001"), ("pin", "123"), ("press", "done")):
            await page.send_json({"do": do, "value": value})
        async with asyncio.timeout(5):
            while len(kiosk.asked) < 3:  # noqa: ASYNC110  the server has no signal for it
                await asyncio.sleep(0.01)
        assert kiosk.asked == [("scan", "PW001"), ("pin", "123"), ("press", "done")]
