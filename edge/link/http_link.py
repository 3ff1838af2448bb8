"""The link where MQTT is blocked: every envelope is one `POST /v1/ingest`, its answers come back in the reply.

Nothing can reach the device unasked, so commands and desired state wait for its next message; receipts, and with
them the cursor, work as over MQTT.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import aiohttp

from edge.core.sync.rto import full_jitter
from edge.errors import LinkDown
from edge.link.mqtt import LinkListeners
from edge.ports import Random
from edge.wire import cbor
from edge.wire.errors import Malformed, WireError

CBOR = "application/cbor"
UP = "up"
MAX_ANSWER_BYTES = 1024 * 1024
MAX_ANSWERS = 64
_ANSWER_CHANNELS = frozenset({"down", "commands", "desired"})


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """`url`: the bridge's origin. `token`: this device's API token. Times bound a request and the waits between."""

    url: str
    token: str = field(repr=False)
    timeout_s: float = 20.0
    first_retry_ms: int = 10_000
    max_retry_ms: int = 60_000


class HttpLink:
    """A `Bus` over HTTP. Connected as long as the bridge answers; one failed request ends the connection."""

    def __init__(self, settings: HttpSettings, random: Random, listeners: LinkListeners) -> None:
        self._settings = settings
        self._random = random
        self._listeners = listeners
        self._session: aiohttp.ClientSession | None = None
        self._lost = asyncio.Event()

    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        """See `edge.ports.Bus`; what is not for `up` (presence, telemetry) has no way here and is dropped.

        Raises:
            LinkDown: not connected, or the bridge did not take it.
        """
        session = self._session
        if session is None or self._lost.is_set():
            raise LinkDown("not connected", where=self._settings.url, remedy="The link comes back by itself.")
        if channel != UP:
            return
        try:
            answers = await self._post(session, payload)
        except (aiohttp.ClientError, TimeoutError, WireError) as error:
            self._lost.set()
            remedy = "Check the address and the token."
            raise LinkDown(f"not taken: {error}", where=self._settings.url, remedy=remedy) from error
        for answer_channel, answer in answers:
            self._listeners.received(answer_channel, answer, False)

    async def run(self) -> None:
        """Connect when the bridge answers, stay until a request fails, try again with jitter; until cancelled."""
        attempts = 0
        headers = {"Authorization": f"Bearer {self._settings.token}"}
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout_s)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            while True:
                wait = full_jitter(attempts, first_ms=self._settings.first_retry_ms, max_ms=self._settings.max_retry_ms)
                await asyncio.sleep((wait.delay_ms + self._random.fraction() * wait.jitter_ms) / 1000)
                attempts = 0 if await self._connect_once(session) else attempts + 1

    async def _connect_once(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self._settings.url}/healthz") as reply:
                reply.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            self._listeners.failed(str(error) or type(error).__name__)
            return False
        self._lost.clear()
        self._session = session
        self._listeners.connected()
        try:
            await self._lost.wait()
        finally:
            self._session = None
            self._listeners.disconnected()
        return True

    async def _post(self, session: aiohttp.ClientSession, payload: bytes) -> list[tuple[str, bytes]]:
        url = f"{self._settings.url}/v1/ingest"
        async with session.post(url, data=payload, headers={"Content-Type": CBOR}) as reply:
            reply.raise_for_status()
            return read_answers(await reply.content.read(MAX_ANSWER_BYTES + 1))


def read_answers(body: bytes) -> list[tuple[str, bytes]]:
    """The reply's list of `[channel, envelope]`.

    Raises:
        Malformed: anything else; nothing of it is used.
    """
    if len(body) > MAX_ANSWER_BYTES:
        raise Malformed(f"more than {MAX_ANSWER_BYTES} bytes", where="answer")
    value = cbor.decode(body, where="answer")
    if type(value) is not list or len(value) > MAX_ANSWERS:
        raise Malformed("not a list of answers", where="answer")
    for item in value:
        if type(item) is not list or len(item) != 2 or item[0] not in _ANSWER_CHANNELS or type(item[1]) is not bytes:
            raise Malformed("an answer is [channel, envelope]", where="answer")
    return [(channel, envelope) for channel, envelope in value]
