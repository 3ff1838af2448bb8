"""What people hold in the story: a bridge client, a kiosk page's connection, a courier's phone, a mailbox."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import time
from collections.abc import Callable, Collection
from typing import Any

import aiohttp
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from edge.wire.keys import Ed25519Signer
from edge.wire.pickup_claims import Operation, locker_audience
from edge.wire.pickup_courier import CourierAction, sign_action
from hil.errors import StepFailed

MINUTE_MS = 60_000


class BridgeClient:
    """The bridge's API with one token."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self.url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def call(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """One call; the answer's JSON.

        Raises:
            StepFailed: a status of 400 and up; the problem's own words are quoted.
        """
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {**self._headers, "Content-Type": content_type}
        if method == "POST":
            headers["Idempotency-Key"] = secrets.token_hex(16)
        async with self._session.request(method, self.url + path, data=data, headers=headers) as reply:
            text = await reply.text()
            if reply.status >= 400:
                raise StepFailed(f"{reply.status}: {text[:400]}", where=f"{method} {path}")
            return json.loads(text)

    async def page(self, url: str) -> str:
        """A page as a browser without any login gets it."""
        async with self._session.get(url) as reply:
            if reply.status >= 400:
                raise StepFailed(f"{reply.status}", where=url)
            return await reply.text()


class KioskClient:
    """The kiosk page's own connection: what it shows, and a person's fingers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def do(
        self,
        what: str,
        value: str,
        until: Callable[[dict[str, Any]], bool],
        timeout_s: float = 15,
        unless: Collection[str] = (),
    ) -> Any:
        """Do one thing (`""`: nothing) and wait until the view is as it must be.

        Raises:
            StepFailed: it did not come to that, or to a step of `unless`; the last view is quoted.
        """
        view: dict[str, Any] = {}
        try:
            async with asyncio.timeout(timeout_s), self._session.ws_connect(self._url + "session") as page:
                view = (await page.receive_json())["view"]
                if what:
                    await page.send_json({"do": what, "value": value})
                    view = (await page.receive_json()).get("view", view)
                while not until(view):
                    if view["step"] in unless:
                        raise StepFailed(f"the kiosk shows {_shown(view)}", where=f"{what} at the kiosk")
                    view = (await page.receive_json()).get("view", view)
                return view
        except (TimeoutError, TypeError, aiohttp.ClientError) as error:
            raise StepFailed(f"the kiosk shows {_shown(view)}", where=f"{what} at the kiosk") from error


def _shown(view: dict[str, Any]) -> dict[str, Any]:
    return {key: view.get(key) for key in ("step", "message", "compartment_no", "online")}


class CourierPhone:
    """A courier's own key and grant; makes a code for each visit."""

    def __init__(self) -> None:
        self._signer = Ed25519Signer(secrets.token_bytes(32))
        self._grant = ""

    async def fetch_grant(self, bridge: BridgeClient, locker_ids: list[str]) -> None:
        public = _base64url(self._signer.public)
        answer = await bridge.call("POST", "/v1/courier/grants", {"public_key": public, "locker_ids": locker_ids})
        self._grant = answer["grant"]

    def code(self, locker_id: str) -> str:
        """The QR text that opens a deposit visit at this locker, good for four minutes, offline too."""
        now_ms = int(time.time() * 1000)  # noqa: TID251  a phone has a clock of its own
        action = CourierAction(
            audience=locker_audience(locker_id),
            operation=Operation.DEPOSIT,
            not_before_ms=now_ms - MINUTE_MS // 2,
            expires_at_ms=now_ms + 4 * MINUTE_MS,
            jti=secrets.token_hex(16),
        )
        return sign_action(action, self._grant, self._signer)


class Mailbox:
    """A real SMTP server that keeps what arrives."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._controller: Controller | None = None

    def open(self, port: int) -> None:
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()

    def close(self) -> None:
        """Closing it twice is closing it."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.content or b""
        self.messages.append(content.decode("utf-8", "replace") if isinstance(content, bytes) else content)
        return "250 kept"

    async def link(self, url: str, after: int, timeout_s: float = 20) -> str:
        """The newest pickup link among the messages from number `after` on."""
        pattern = re.compile(re.escape(url) + r"/p/[A-Za-z0-9_-]{43}")
        async with asyncio.timeout(timeout_s):
            while True:
                for text in reversed(self.messages[after:]):
                    if found := pattern.search(_unfold(text)):
                        return found.group(0)
                await asyncio.sleep(0.1)


def pin_on(page: str) -> str:
    """The pickup code as the recipient reads it off the page."""
    found = re.search(r'class="pin"[^>]*>([0-9 ]+)<', page)
    if found is None:
        raise StepFailed("no pickup code on the recipient's page", where="recipient")
    return found.group(1).replace(" ", "")


def _unfold(text: str) -> str:
    """Quoted-printable soft breaks away, so that a link is in one piece."""
    return text.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
