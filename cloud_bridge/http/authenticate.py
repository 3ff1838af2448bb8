"""Who makes this request: a bearer token, a browser session, a recipient's link, or a device behind the proxy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from aiohttp import web
from sqlalchemy import Connection

from cloud_bridge.access.model import LINKS, NOBODY, Permission, Principal, Role
from cloud_bridge.access.service import Access
from cloud_bridge.errors import NotAllowed, NotAuthenticated, NotFound
from cloud_bridge.http.route import Route
from edge.wire.errors import WireError
from edge.wire.ids import check_device_id

SESSION_COOKIE = "pw_session"
PROXY_CN_HEADER = "X-Client-CN"
_LOOPBACK = ("127.0.0.1", "::1")
LinkLookup = Callable[[Connection, str, int], Principal | None]


@dataclass(frozen=True, slots=True)
class Authenticator:
    """`link` resolves the link of a recipient, proxy or sender.

    `trust_proxy_cn` believes a TLS proxy on this machine about the client's CN. `public_url` is the origin of the
    pages, e.g. `https://parcels.example`.
    """

    access: Access
    link: LinkLookup
    public_url: str
    trust_proxy_cn: bool = False

    def principal(self, conn: Connection, route: Route, request: web.Request, now_ms: int) -> Principal:
        """The caller, allowed to use the route.

        Raises:
            NotAuthenticated: no credential, or a wrong one.
            NotAllowed: the role lacks the route's permission, or a browser was sent here by another site.
            NotFound: no such link, or one for something else.
        """
        if route.permission is Permission.PUBLIC:
            return NOBODY
        if route.permission in LINKS:
            return self._by_link(conn, route, request, now_ms)
        principal = self._by_credential(conn, request, now_ms)
        if not principal.may(route.permission):
            raise NotAllowed(f"a {principal.role.value} lacks {route.permission.value}", where=route.path,
                             remedy="Ask an operator for another role.")  # fmt: skip
        if principal.by_cookie:
            check_same_origin(request, self.public_url, unsafe=route.method != "GET")
        return principal

    def _by_link(self, conn: Connection, route: Route, request: web.Request, now_ms: int) -> Principal:
        found = self.link(conn, request.match_info["link"], now_ms)
        if found is None or not found.may(route.permission):
            raise NotFound("this link leads nowhere (any more)", remedy="Use the newest message you got.")
        return found

    def _by_credential(self, conn: Connection, request: web.Request, now_ms: int) -> Principal:
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.access.by_token(conn, text.strip(), now_ms)
        cookie = request.cookies.get(SESSION_COOKIE)
        if cookie:
            return self.access.by_session(conn, cookie, now_ms)
        name = request.headers.get(PROXY_CN_HEADER)
        if name and self.trust_proxy_cn and request.remote in _LOOPBACK:
            return _by_proxy(name)
        raise NotAuthenticated("no token and no session", where="Authorization",
                               remedy="Send `Authorization: Bearer …` or open a login link.")  # fmt: skip


def _by_proxy(name: str) -> Principal:
    try:
        return Principal(Role.DEVICE, "", check_device_id(name, where=PROXY_CN_HEADER))
    except WireError as error:
        raise NotAuthenticated("not a device id", where=PROXY_CN_HEADER) from error


def check_same_origin(request: web.Request, public_url: str, *, unsafe: bool) -> None:
    """Refuse what another site makes a signed-in browser send (beside the cookie's SameSite=Strict).

    Raises:
        NotAllowed: the request is cross-site, or its Origin is not ours.
    """
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    ours = {f"{request.scheme}://{request.host}", public_url}
    foreign = site not in (None, "same-origin", "none") or (origin is not None and origin not in ours)
    silent = unsafe and site is None and origin is None
    if foreign or silent:
        raise NotAllowed("sent from another site", where="Origin", remedy="Use our own pages, or an API token.")


def is_https(public_url: str) -> bool:
    return urlsplit(public_url).scheme == "https"
