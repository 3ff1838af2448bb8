"""The bridge's pages: shells without inline code, files from `static/`, and the pages behind links."""

from __future__ import annotations

from importlib import resources

from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.console.link_pages import recipient_page, sender_page
from cloud_bridge.console.words import language_of
from cloud_bridge.errors import NotFound
from cloud_bridge.http.route import Call, Raw, Route
from cloud_bridge.lockers import proxy_store
from cloud_bridge.lockers.pickup_http import PickupParts

HTML = "text/html; charset=utf-8"
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_SHELLS = {"console": "/", "docs": "/docs", "login": "/login", "courier": "/courier"}


def routes(parts: PickupParts) -> tuple[Route, ...]:
    def recipient(call: Call, conn: Connection) -> Raw:
        pickup = parts.pickups.show_to(conn, call.principal, call.now_ms)
        offer = parts.extensions.offer(conn, pickup, call.now_ms)
        live = [
            (item, f"{parts.public_url}/p/{parts.pickups.proxy_link(item.proxy_id)}")
            for item in proxy_store.proxies_of(conn, pickup.reservation.pickup_id)
            if item.live(call.now_ms)
        ]
        language = _language(call, pickup.locker.language)
        return _html(recipient_page(pickup, language, call.params["link"], offer, tuple(live)))

    def sender(call: Call, conn: Connection) -> Raw:
        view = parts.pickups.show_sender(conn, call.principal.subject, call.now_ms)
        return _html(sender_page(view, _language(call, view.locker.language)))

    return (
        Route("GET", "/p/{link}", Permission.PICKUP_LINK, recipient, "The recipient's or a proxy's page", "pages",
              reply_type="text/html"),
        Route("GET", "/d/{link}", Permission.DROP_OFF_LINK, sender, "The sender's page", "pages",
              reply_type="text/html"),
        Route("GET", "/static/{file}", Permission.PUBLIC, _static, "A file of the pages", "pages", hidden=True),
        *(_shell(name, path) for name, path in _SHELLS.items()),
    )  # fmt: skip


def _language(call: Call, fallback: str) -> str:
    return language_of(call.request.headers.get("Accept-Language", ""), fallback)


def _shell(name: str, path: str) -> Route:
    page = _file(f"{name}.html")
    return Route("GET", path, Permission.PUBLIC, lambda _call, _conn: _html(page), f"The {name} page", "pages",
                 reply_type="text/html", hidden=True)  # fmt: skip


def _static(call: Call, _conn: Connection) -> Raw:
    name = call.params["file"]
    return Raw(_file(name), _TYPES[name.rpartition(".")[2]], headers={"Cache-Control": "max-age=300"})


def _html(page: bytes) -> Raw:
    return Raw(page, HTML)


def _file(name: str) -> bytes:
    """A file of `static/`; its name's grammar has no way out of the folder."""
    try:
        return (resources.files("cloud_bridge.console") / "static" / name).read_bytes()
    except FileNotFoundError as error:
        raise NotFound("no such file", where=name) from error
