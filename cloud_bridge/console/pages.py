"""The bridge's pages: shells without inline code, files from `static/`, the recipient's page drawn here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from importlib import resources
from io import BytesIO

import segno
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.console.words import WORDS
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Raw, Route
from cloud_bridge.lockers.pickups import Pickup, Pickups

HTML = "text/html; charset=utf-8"
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}


def routes(pickups: Pickups) -> tuple[Route, ...]:
    def recipient(call: Call, conn: Connection) -> Raw:
        pickup = pickups.show(conn, call.principal.subject, call.now_ms)
        return _html(recipient_page(pickup, language_of(call.request.headers.get("Accept-Language", ""), pickup)))

    def shell(name: str) -> Route:
        path = {"console": "/", "docs": "/docs", "login": "/login", "courier": "/courier"}[name]
        page = _file(f"{name}.html")
        return Route("GET", path, Permission.PUBLIC, lambda _call, _conn: _html(page), f"The {name} page", "pages",
                     reply_type="text/html", hidden=True)  # fmt: skip

    def static(call: Call, _conn: Connection) -> Raw:
        name = call.params["file"]
        return Raw(_file(name), _TYPES[name.rpartition(".")[2]], headers={"Cache-Control": "max-age=300"})

    return (
        Route("GET", "/p/{link}", Permission.PICKUP_LINK, recipient, "The recipient's page", "pages",
              reply_type="text/html"),
        Route("GET", "/static/{file}", Permission.PUBLIC, static, "A file of the pages", "pages", hidden=True),
        *(shell(name) for name in ("console", "docs", "login", "courier")),
    )  # fmt: skip


def language_of(accepted: str, pickup: Pickup) -> str:
    """The first of ours that the browser asks for, else the locker's."""
    for part in accepted.lower().split(","):
        if part.strip()[:2] in WORDS:
            return part.strip()[:2]
    return pickup.locker.language if pickup.locker.language in WORDS else "en"


def recipient_page(pickup: Pickup, language: str) -> bytes:
    """The page with the code while the parcel waits, or what became of it."""
    words = WORDS[language]
    body = _codes(pickup, words, language) if pickup.state == "waiting" else _told(pickup, words)
    locker = pickup.locker
    return f"""<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{words["title"]}</title><link rel="icon" href="/static/icon.svg">
<link rel="stylesheet" href="/static/pages.css"></head>
<body class="phone"><main>
{body}
<dl><div><dt>{words["where"]}</dt><dd>{escape(locker.name)}<br>{escape(locker.address)}</dd></div>
<div><dt>{words["parcel"]}</dt><dd>{escape(pickup.reservation.parcel_id)}</dd></div></dl>
</main></body></html>
""".encode()


def _codes(pickup: Pickup, words: Mapping[str, str], language: str) -> str:
    deadline = _moment(pickup.reservation.collect_by_ms, language)
    pin = ""
    if pickup.pin:
        grouped = " ".join(pickup.pin[start : start + 3] for start in range(0, len(pickup.pin), 3))
        pin = f'<h2>{words["pin"]}</h2><p class="pin">{grouped}</p>'
    return (
        f"<h1>{words['waiting']}</h1><p>{words['scan']}</p>"
        f'<div class="qr" role="img" aria-label="{words["qr"]}">{qr_svg(pickup.qr)}</div>'
        f'<p class="hint">{words["tip"]}</p>{pin}'
        f'<p class="deadline">{words["until"]} <strong>{deadline}</strong></p>'
    )


def _told(pickup: Pickup, words: Mapping[str, str]) -> str:
    return f"<h1>{words[pickup.state]}</h1><p>{words[pickup.state + '_hint']}</p>"


def qr_svg(text: str) -> str:
    """The code as inline SVG, with the quiet zone of ISO/IEC 18004 (four modules) and black on white."""
    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=True, border=4, light="#fff", dark="#000", omitsize=True
    )
    return out.getvalue().decode()


def _moment(at_ms: int, language: str) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    iso = f"{moment:%Y-%m-%dT%H:%M}Z"
    shown = f"{moment:%d.%m.%Y, %H:%M} UTC" if language == "de" else f"{moment:%d %b %Y, %H:%M} UTC"
    return f'<time datetime="{iso}">{shown}</time>'


def _html(page: bytes) -> Raw:
    return Raw(page, HTML)


def _file(name: str) -> bytes:
    """A file of `static/`; its name's grammar has no way out of the folder."""
    try:
        return (resources.files("cloud_bridge.console") / "static" / name).read_bytes()
    except FileNotFoundError as error:
        raise NotFound("no such file", where=name) from error
