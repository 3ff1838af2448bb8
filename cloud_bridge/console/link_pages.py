"""The pages behind links: the recipient's or proxy's with its codes and what can be done, and the sender's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from io import BytesIO

import segno

from cloud_bridge.console.words import WORDS, direction
from cloud_bridge.local_words import amount_text, deadline_text
from cloud_bridge.lockers.extensions import Offer
from cloud_bridge.lockers.model import Locker
from cloud_bridge.lockers.pickup_http import DISPUTABLE
from cloud_bridge.lockers.pickups import Pickup, SenderView
from cloud_bridge.lockers.proxies import Proxy
from cloud_bridge.lockers.site_time import time_zone

Words = Mapping[str, str]


def recipient_page(
    pickup: Pickup, language: str, link: str, offer: Offer | None = None, proxies: tuple[tuple[Proxy, str], ...] = ()
) -> bytes:
    """The page with codes and doors while parcels wait, or what became of them. `proxies` come with their URLs."""
    words = WORDS[language]
    parts = [_codes(pickup, words, language) if pickup.state == "waiting" else _told(pickup, words, language)]
    if offer is not None:
        parts.append(_offer(offer, pickup.locker, words, language))
    if pickup.proxy is None and pickup.state in ("waiting", "on_its_way"):
        parts.append(_proxies(proxies, words))
    if pickup.state in DISPUTABLE:
        parts.append(_complaint(pickup, words))
    parts.append(_facts(pickup.locker, [item.parcel_id for item in pickup.parcels], words))
    return _page(words["title"], "\n".join(parts), words, language, link)


def sender_page(view: SenderView, language: str) -> bytes:
    """The code while the parcel is expected, a receipt once it lies there."""
    words, state = WORDS[language], f"d_{view.state}"
    body = f"<h1>{words[state]}</h1><p>{words[state + '_hint']}</p>"
    if view.state == "expected":
        moment = _moment(view.reservation.expires_at_ms, view.locker, words, language)
        body += _qr(view.qr, words["d_qr"]) + f'<p class="deadline">{words["d_until"]} {moment}</p>'
    return _page(
        words["d_title"], body + _facts(view.locker, [view.reservation.parcel_id], words), words, language, ""
    )  # fmt: skip


def _page(title: str, body: str, words: Words, language: str, link: str) -> bytes:
    script = '<script type="module" src="/static/recipient.js"></script>' if link else ""
    said = "".join(f' data-{name.replace("_", "-")}="{escape(words[name])}"' for name in _SAID) if link else ""
    return f"""<!doctype html>
<html lang="{language}" dir="{direction(language)}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{title}</title><link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/pages.css">{script}</head>
<body class="phone"><main id="pickup" data-link="{link}"{said}>
{body}
<p id="said" role="status" class="tag"></p>
</main></body></html>
""".encode()


_SAID = ("opening", "opened", "not_opened", "told", "failed", "proxy_copied")


def _codes(pickup: Pickup, words: Words, language: str) -> str:
    head = words["waiting_many"] if len(pickup.parcels) > 1 else words["waiting"]
    pin = ""
    if pickup.pin:
        grouped = " ".join(pickup.pin[start : start + 3] for start in range(0, len(pickup.pin), 3))
        pin = f'<h2>{words["pin"]}</h2><p class="pin" dir="ltr">{grouped}</p>'
    proxy = f'<p class="hint">{words["proxy_shown"]}</p>' if pickup.proxy is not None else ""
    qr = f"<p>{words['scan']}</p>{_qr(pickup.qr, words['qr'])}" if pickup.qr else ""
    scan = f'{qr}<p class="hint">{words["tip"]}</p>' if qr else ""
    doors = "".join(
        f'<p><button type="button" class="wide" data-open="{no}">{words["open"].format(no=no)}</button></p>'
        for no in pickup.doors
    )
    opening = f'<section>{doors}<p class="hint">{words["open_hint"]}</p></section>' if doors else ""
    moment = _moment(pickup.reservation.collect_by_ms, pickup.locker, words, language)
    return f'<h1>{head}</h1>{proxy}{scan}{pin}<p class="deadline">{words["until"]} {moment}</p>{opening}'


def _told(pickup: Pickup, words: Words, language: str) -> str:
    told = f"<h1>{words[pickup.state]}</h1><p>{words[pickup.state + '_hint']}</p>"
    if pickup.to_pay is None or pickup.state != "to_pay":
        return told
    due = pickup.to_pay
    text = words["pay"].format(amount=amount_text(due, language))
    button = f'<button type="button" class="wide" data-pay="{due.amount_minor}" data-currency="{due.currency}">'
    moment = _moment(pickup.reservation.collect_by_ms, pickup.locker, words, language)
    return f'{told}<p>{button}{escape(text)}</button></p><p class="deadline">{words["until"]} {moment}</p>'


def _offer(offer: Offer, locker: Locker, words: Words, language: str) -> str:
    price = offer.price
    free = words["extend_free"].format(days=offer.days)
    text = free if price is None else words["extend_paid"].format(days=offer.days, amount=amount_text(price, language))
    minor, currency = (price.amount_minor, price.currency) if price is not None else (0, "")
    until = words["extend_until"].format(
        deadline=deadline_text(offer.collect_by_ms, time_zone(locker.time_zone), language)
    )
    return (
        f'<section><h2>{words["more_time"]}</h2><p><button type="button" class="wide plain" data-extend="{minor}" '
        f'data-currency="{currency}">{escape(text)}</button></p><p class="hint">{escape(until)}</p></section>'
    )


def _proxies(proxies: tuple[tuple[Proxy, str], ...], words: Words) -> str:
    rows = "".join(
        f'<div class="card"><label for="proxy-{item.proxy_id}">{words["proxy_link"]}</label>'
        f'<input id="proxy-{item.proxy_id}" dir="ltr" readonly value="{escape(url)}">'
        f'<p><button type="button" data-copy="proxy-{item.proxy_id}">{words["proxy_copy"]}</button> '
        f'<button type="button" class="plain" data-end="{item.proxy_id}">{words["proxy_end"]}</button></p></div>'
        for item, url in proxies
    )
    return (
        f'<section><h2>{words["proxy"]}</h2><p class="hint">{words["proxy_hint"]}</p>{rows}'
        f'<p><button type="button" class="wide plain" data-proxy="new">{words["proxy_make"]}</button></p></section>'
    )


def _complaint(pickup: Pickup, words: Words) -> str:
    rows = []
    for item in pickup.parcels:
        name = f"<p>{escape(item.parcel_id)}</p>" if len(pickup.parcels) > 1 else ""
        buttons = "".join(
            f'<button type="button" class="plain" data-claim="{kind}" data-parcel="{escape(item.parcel_id)}">'
            f"{words[kind]}</button> "
            for kind in ("empty", "damaged")
        )
        rows.append(f"{name}<p>{buttons}</p>")
    hint = f'<p class="hint">{words["wrong_hint"]}</p>'
    return f"<details><summary>{words['wrong']}</summary>{hint}{''.join(rows)}</details>"


def _facts(locker: Locker, parcels: list[str], words: Words) -> str:
    name = words["parcels"] if len(parcels) > 1 else words["parcel"]
    listed = "<br>".join(f'<bdi dir="ltr">{escape(item)}</bdi>' for item in parcels)
    return (
        f"<dl><div><dt>{words['where']}</dt><dd><bdi>{escape(locker.name)}</bdi><br><bdi>{escape(locker.address)}</bdi></dd></div>"
        f"<div><dt>{name}</dt><dd>{listed}</dd></div></dl>"
    )


def _qr(text: str, label: str) -> str:
    return f'<div class="qr" role="img" aria-label="{label}">{qr_svg(text)}</div>'


def qr_svg(text: str) -> str:
    """The code as inline SVG, with the quiet zone of ISO/IEC 18004 (four modules) and black on white."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, light="#fff", dark="#000", omitsize=True
    )
    return out.getvalue().decode()


def _moment(at_ms: int, locker: Locker, words: Words, language: str) -> str:
    """A deadline on the site's clock, and which clock that is."""
    iso = f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}Z"
    shown = deadline_text(at_ms, time_zone(locker.time_zone), language)
    return (
        f'<strong><time datetime="{iso}"><bdi>{shown}</bdi></time></strong> <span class="soft">({words["local_time"]})'
        "</span>"
    )
