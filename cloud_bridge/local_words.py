"""Moments and amounts as people read them, in each language we speak."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.site_time import last_minute

LANGUAGES = ("en", "de", "fr", "es", "pl", "ar")
_MOMENTS: Mapping[str, str] = {
    "en": "{d.day} {month} {d.year}, {d:%H:%M}", "de": "{d:%d.%m.%Y}, {d:%H:%M} Uhr", "fr": "{d:%d/%m/%Y} à {d:%H:%M}",
    "es": "{d:%d/%m/%Y} a las {d:%H:%M}", "pl": "{d:%d.%m.%Y}, {d:%H:%M}", "ar": "{d:%d/%m/%Y} {d:%H:%M}",
}  # fmt: skip
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NO_MINOR = frozenset({"JPY", "KRW", "CLP", "ISK", "VND", "XAF", "XOF", "UGX", "PYG", "RWF"})
_THOUSANDTHS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND", "LYD", "IQD"})


def deadline_text(deadline: int, zone: ZoneInfo, language: str) -> str:
    """A deadline on the site's clock; the end of a day is named by its last minute."""
    moment = last_minute(deadline, zone)
    pattern = _MOMENTS.get(language, _MOMENTS["en"])
    return pattern.format(d=moment, month=_MONTHS[moment.month - 1])


def amount_text(money: Money, language: str) -> str:
    """An amount with its currency's code, exact."""
    places = 0 if money.currency in _NO_MINOR else 3 if money.currency in _THOUSANDTHS else 2
    whole, rest = divmod(money.amount_minor, 10**places)
    mark = "." if language in ("en", "ar") else ","
    digits = f"{whole}{mark}{rest:0{places}d}" if places else str(whole)
    return f"{money.currency} {digits}" if language == "en" else f"{digits} {money.currency}"
