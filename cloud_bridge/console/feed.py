"""The live feed: one WebSocket per tab, every event of the tenant's devices with `seq`; `after` resumes."""

from __future__ import annotations

import asyncio
from typing import Annotated

from aiohttp import WSCloseCode, web
from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotPossibleNow
from cloud_bridge.fleet.http import own_device_ids
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.ledger import store
from cloud_bridge.ledger.http import EventReply, event_reply
from cloud_bridge.ledger.store import ReplayQuery
from cloud_bridge.storage.engine import Database

PAGE = 200
MAX_SOCKETS = 500
HEARTBEAT_S = 20
_IDLE_S = 5.0


class FeedQuery(Model):
    after: (
        Annotated[int, Field(ge=0, le=2**53 - 1, description="The last `seq` you have; without: from now on")] | None
    ) = None


class Feed:
    """`wake` after each commit; a socket that cannot keep up simply reads the ledger later, nothing is queued."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._sockets: set[web.WebSocketResponse] = set()
        self._news = asyncio.Event()

    def wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def close(self) -> None:
        """End every socket; clients come back with their `seq`."""
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"restart")

    def routes(self) -> tuple[Route, ...]:
        return (
            Route("GET", "/v1/feed", Permission.FEED_READ, self._serve, "Live events (WebSocket)", "ledger", "serve",
                  query=FeedQuery, hidden=True),
        )  # fmt: skip

    async def _serve(self, call: Call) -> web.WebSocketResponse:
        if len(self._sockets) >= MAX_SOCKETS:
            raise NotPossibleNow("too many open feeds", where="feed", remedy="Close a tab.")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=1024)
        await socket.prepare(call.request)
        self._sockets.add(socket)
        try:
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(self._send(socket, call))
                group.create_task(_until_closed(socket, sending))
        finally:
            self._sockets.discard(socket)
        return socket

    async def _send(self, socket: web.WebSocketResponse, call: Call) -> None:
        seq = call.query.after
        if seq is None:
            seq = await self._db.read(store.last_position)
        await socket.send_json({"seq": seq, "hello": True})
        while not socket.closed:
            news = self._news
            page = await self._db.read(lambda conn, seq=seq: self._page(conn, call.principal.tenant, seq))
            for event in page:
                await socket.send_str(f'{{"seq":{event.position},"event":{event.model_dump_json()}}}')
                seq = event.position
            if not page:
                await _first(news, _IDLE_S)

    @staticmethod
    def _page(conn: Connection, tenant: str, after: int) -> list[EventReply]:
        query = ReplayQuery(after_position=after, limit=PAGE)
        return [event_reply(row) for row in store.replay(conn, query, own_device_ids(conn, tenant))]


async def _until_closed(socket: web.WebSocketResponse, sending: asyncio.Task[None]) -> None:
    async for _message in socket:  # nothing is expected from the client; reading notices that it left
        pass
    sending.cancel()


async def _first(news: asyncio.Event, limit_s: float) -> None:
    try:
        async with asyncio.timeout(limit_s):
            await news.wait()
    except TimeoutError:
        return
