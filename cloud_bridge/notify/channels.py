"""The doors to people: SMTP, and our HTTP port for SMS and webhooks. Each try ends as an `Outcome`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol

import aiohttp
import aiosmtplib

from cloud_bridge.notify.model import Channel, Contact, Outcome
from cloud_bridge.notify.templates import Text


@dataclass(frozen=True, slots=True)
class Tried:
    """`detail` says why, without the address."""

    outcome: Outcome
    detail: str


class Sender(Protocol):
    async def send(self, message_id: str, contact: Contact, text: Text, at_ms: int) -> Tried:
        """Try once. `message_id` is the same at each try, so a receiver can drop a repeat."""
        ...


Senders = Mapping[Channel, Sender]


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """`tls`: `none` (loopback only), `starttls` or `implicit`."""

    host: str
    port: int
    sender: str
    tls: str = "none"
    username: str = ""
    password: str = ""
    timeout_s: int = 20


class SmtpSender:
    """One connection for each message: simple, and a bad one harms no other."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings

    async def send(self, message_id: str, contact: Contact, text: Text, at_ms: int) -> Tried:
        settings = self._settings
        try:
            await aiosmtplib.send(
                self._mail(message_id, contact, text, at_ms), hostname=settings.host, port=settings.port,
                use_tls=settings.tls == "implicit", start_tls=settings.tls == "starttls",
                username=settings.username or None, password=settings.password or None, timeout=settings.timeout_s,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as error:
            worst = max(item.code for item in error.recipients)
            return _by_code(worst, "recipient refused")
        except aiosmtplib.SMTPResponseException as error:
            return _by_code(error.code, type(error).__name__)
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return Tried(Outcome.LATER, type(error).__name__)
        return Tried(Outcome.TAKEN, "250")

    def _mail(self, message_id: str, contact: Contact, text: Text, at_ms: int) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = contact.email
        mail["Subject"] = text.subject
        mail["Date"] = format_datetime(datetime.fromtimestamp(at_ms // 1000, UTC))
        mail["Message-ID"] = f"<{message_id}@{self._settings.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(text.body)
        return mail


def _by_code(code: int, what: str) -> Tried:
    """RFC 5321 section 4.2.1: 5xx is final, 4xx is worth another try. Our own failed sign-in is never the address."""
    final = 500 <= code < 600 and code not in (530, 534, 535, 538)
    return Tried(Outcome.REFUSED if final else Outcome.LATER, f"{code} {what}")


class HttpSender:
    """POSTs JSON to a provider or webhook: 2xx is taken, 400, 404, 410 and 422 are final, all else is for later."""

    def __init__(self, session: aiohttp.ClientSession, url: str, channel: Channel, bearer: str = "") -> None:
        self._session = session
        self._url = url
        self._channel = channel
        self._headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}

    async def send(self, message_id: str, contact: Contact, text: Text, at_ms: int) -> Tried:
        body = {"message_id": message_id, "to": contact.address(self._channel), "text": text.short, "at_ms": at_ms}
        timeout = aiohttp.ClientTimeout(total=20)
        try:
            async with self._session.post(
                self._url, json=body, headers={**self._headers, "Idempotency-Key": message_id}, timeout=timeout,
                allow_redirects=False,
            ) as response:  # fmt: skip
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Tried(Outcome.LATER, type(error).__name__)
        if 200 <= status < 300:
            return Tried(Outcome.TAKEN, str(status))
        return Tried(Outcome.REFUSED if status in (400, 404, 410, 422) else Outcome.LATER, str(status))
