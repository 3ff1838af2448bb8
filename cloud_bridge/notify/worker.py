"""Carries the outbox out: lease, send, record. A crash in between sends again; nothing is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from cloud_bridge.notify import store
from cloud_bridge.notify.channels import Senders, Tried
from cloud_bridge.notify.model import Channel, Contact, Progress, State, after_try
from cloud_bridge.notify.store import Message
from cloud_bridge.notify.templates import render
from cloud_bridge.ports import Clock
from cloud_bridge.storage.engine import Database

logger = structlog.get_logger("notify")
LEASE_MS = 120_000
BATCH = 20


@dataclass(frozen=True, slots=True)
class Letter:
    """Whom to tell and with which facts; looked up when sending, so the outbox holds nothing about people."""

    contact: Contact
    facts: Mapping[str, str]


Lookup = Callable[[Connection, Message], Letter | None]


class NotifyWorker:
    """`lookup` gives a message's letter, or None when its person was erased."""

    def __init__(self, db: Database, clock: Clock, senders: Senders, lookup: Lookup) -> None:
        self._db = db
        self._clock = clock
        self._senders = senders
        self._lookup = lookup

    async def run_once(self) -> int:
        """Try every message that is due; how many were tried."""
        now_ms = self._clock.now_ms()
        waiting = await self._db.read(lambda conn: store.due(conn, now_ms, BATCH))
        for message in waiting:
            await self._try(message)
        return len(waiting)

    async def _try(self, message: Message) -> None:
        now_ms = self._clock.now_ms()

        def take(conn: Connection) -> tuple[bool, Letter | None]:
            leased = store.lease(conn, message, now_ms + LEASE_MS)
            return leased, self._lookup(conn, message) if leased else None

        leased, letter = await self._db.write(take)
        if not leased:
            return
        if letter is None:
            await self._record(
                message,
                Progress(State.ERASED, 0, message.progress.tries, 0),
                "",
                "nobody is there to be told (any more)",
            )
            return
        channels = tuple(channel for channel in letter.contact.channels if channel in self._senders)
        if not channels:
            await self._record(message, Progress(State.BOUNCED, 0, 0, 0), "", "no channel reaches this person")
            return
        channel = channels[min(message.progress.place, len(channels) - 1)]
        tried = await self._send(message, letter, channel)
        progress = after_try(message.progress, tried.outcome, len(channels), self._clock.now_ms())
        await self._record(message, progress, channel, tried.detail)

    async def _send(self, message: Message, letter: Letter, channel: Channel) -> Tried:
        text = render(message.kind, letter.contact.language, letter.facts)
        return await self._senders[channel].send(message.message_id, letter.contact, text, message.created_at_ms)

    async def _record(self, message: Message, progress: Progress, channel: str, detail: str) -> None:
        now_ms = self._clock.now_ms()
        await self._db.write(lambda conn: store.record(conn, message.message_id, progress, channel, detail, now_ms))
        logger.info("message tried", message_id=message.message_id, channel=channel, state=progress.state.value,
                    detail=detail)  # fmt: skip
