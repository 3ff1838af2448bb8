"""Webhooks: the message as JSON, signed as Standard Webhooks asks, so that its receiver can tell it from a forgery.

The secret is derived from the bridge's own key and the webhook's id: shown once to who made it, and kept nowhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import aiohttp

from cloud_bridge.notify.channels import Tried
from cloud_bridge.notify.model import Contact, Outcome
from cloud_bridge.notify.templates import Text
from cloud_bridge.ports import Clock

_FINAL = (400, 404, 410, 422)
SECRET_PREFIX = "whsec_"


def webhook_secret(key: bytes, webhook_id: str) -> bytes:
    """32 bytes that only the bridge and the webhook's owner know."""
    return hmac.digest(key, b"webhook/v1" + bytes.fromhex(webhook_id), hashlib.sha256)


def secret_text(secret: bytes) -> str:
    """As receivers' libraries take it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of `webhook-signature`: over id, time and body, so that none can be exchanged."""
    signed = b".".join((message_id.encode(), str(timestamp_s).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def webhook_body(text: Text, at_ms: int) -> bytes:
    """What is told, without the person: kind, parcel, locker, deadline and the recipient's link."""
    facts = {name: value for name, value in text.facts.items() if name != "name"}
    return json.dumps({"type": f"parcel.{text.kind}", "at_ms": at_ms, "data": facts}, sort_keys=True).encode()


class WebhookSender:
    """POSTs once; the timestamp is of this try, so a receiver may refuse what is old and still take a retry."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def send(self, message_id: str, contact: Contact, text: Text, at_ms: int) -> Tried:
        hook = contact.webhook
        if hook is None:
            return Tried(Outcome.REFUSED, "no webhook")
        body, timestamp_s = webhook_body(text, at_ms), self._clock.now_ms() // 1000
        headers = {
            "Content-Type": "application/json", "webhook-id": message_id, "webhook-timestamp": str(timestamp_s),
            "webhook-signature": signature(hook.secret, message_id, timestamp_s, body),
        }  # fmt: skip
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with self._session.post(
                hook.url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Tried(Outcome.LATER, type(error).__name__)
        if 200 <= status < 300:
            return Tried(Outcome.TAKEN, str(status))
        return Tried(Outcome.REFUSED if status in _FINAL else Outcome.LATER, str(status))
