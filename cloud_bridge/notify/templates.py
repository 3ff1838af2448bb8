"""What the messages say, in each language. They hold the link to the codes and never a code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LANGUAGES = ("en", "de")
KINDS = ("ready", "reminder", "collected", "expired")


@dataclass(frozen=True, slots=True)
class Text:
    """A message for one channel family: `subject` and `body` for e-mail, `short` for SMS."""

    subject: str
    body: str
    short: str


_TEXTS: Mapping[tuple[str, str], Text] = {
    ("ready", "en"): Text(
        "Your parcel is waiting in {locker}",
        "Hello {name},\n\nyour parcel {parcel} is in the locker {locker}, {address}.\n\n"
        "Open this page at the locker, it shows your code:\n{link}\n\nPlease collect it by {deadline}.\n",
        "Your parcel {parcel} waits in {locker} until {deadline}. Code: {link}",
    ),
    ("ready", "de"): Text(
        "Ihr Paket liegt in {locker} bereit",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt in der Paketstation {locker}, {address}.\n\n"
        "Öffnen Sie an der Station diese Seite, sie zeigt Ihren Code:\n{link}\n\n"
        "Bitte holen Sie es bis {deadline} ab.\n",
        "Ihr Paket {parcel} liegt bis {deadline} in {locker}. Code: {link}",
    ),
    ("reminder", "en"): Text(
        "Your parcel is still waiting in {locker}",
        "Hello {name},\n\nyour parcel {parcel} still waits in {locker}, {address}, until {deadline}.\n\n{link}\n",
        "Your parcel {parcel} still waits in {locker} until {deadline}: {link}",
    ),
    ("reminder", "de"): Text(
        "Ihr Paket liegt noch in {locker}",
        "Guten Tag {name},\n\nIhr Paket {parcel} liegt noch bis {deadline} in {locker}, {address}.\n\n{link}\n",
        "Ihr Paket {parcel} liegt noch bis {deadline} in {locker}: {link}",
    ),
    ("collected", "en"): Text(
        "Your parcel was collected",
        "Hello {name},\n\nyour parcel {parcel} was taken out of {locker}. If that was not you, please tell us.\n",
        "Your parcel {parcel} was collected from {locker}.",
    ),
    ("collected", "de"): Text(
        "Ihr Paket wurde abgeholt",
        "Guten Tag {name},\n\nIhr Paket {parcel} wurde aus {locker} entnommen. Waren Sie das nicht, melden Sie sich.\n",
        "Ihr Paket {parcel} wurde aus {locker} abgeholt.",
    ),
    ("expired", "en"): Text(
        "Your parcel goes back",
        "Hello {name},\n\nyour parcel {parcel} was not collected from {locker} in time and goes back.\n",
        "Your parcel {parcel} was not collected in time and goes back.",
    ),
    ("expired", "de"): Text(
        "Ihr Paket geht zurück",
        "Guten Tag {name},\n\nIhr Paket {parcel} wurde nicht rechtzeitig aus {locker} abgeholt und geht zurück.\n",
        "Ihr Paket {parcel} wurde nicht rechtzeitig abgeholt und geht zurück.",
    ),
}


def render(kind: str, language: str, facts: Mapping[str, str]) -> Text:
    """Fill a message in; a language without texts falls back to English. Line breaks in facts become spaces."""
    text = _TEXTS[(kind, language if language in LANGUAGES else "en")]
    clean = {name: " ".join(value.split()) for name, value in facts.items()}
    return Text(text.subject.format_map(clean), text.body.format_map(clean), text.short.format_map(clean))
