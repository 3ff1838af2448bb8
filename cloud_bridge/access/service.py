"""Use cases of access: make, check and revoke tokens; login links that become sessions once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.access import store
from cloud_bridge.access.model import TOKEN_ROLES, Principal, Role
from cloud_bridge.access.store import Grant
from cloud_bridge.errors import InvalidData, NotAuthenticated, NotFound
from cloud_bridge.ports import Random

DAY_MS = 24 * 3600 * 1000
LOGIN_LIFE_MS = 15 * 60 * 1000
SESSION_LIFE_MS = 12 * 3600 * 1000
_TOKEN = re.compile(r"pw_([0-9a-f]{16})_([A-Za-z0-9_-]{43})\Z")
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token; `text` is shown once and kept nowhere."""

    token_id: str
    text: str
    grant: Grant


class Access:
    """Every secret has 256 random bits, so a plain SHA-256 at rest cannot be searched backwards."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def make_token(
        self, conn: Connection, *, tenant: str, role: Role, actor: str, now_ms: int, days: int = 90
    ) -> MadeToken:
        """A new API token.

        Raises:
            InvalidData: a name outside a-z 0-9 . _ @ -, a role that no token can have, or not 1 to 366 days.
        """
        _check_names(tenant, actor)
        if role not in TOKEN_ROLES or not 1 <= days <= 366:
            raise InvalidData("no such role, or not 1 to 366 days", where="token",
                              remedy=f"Use one of {', '.join(TOKEN_ROLES)}.")  # fmt: skip
        token_id, secret = self._random.token(8).hex(), _text(self._random.token(32))
        grant = Grant(tenant, role, actor, now_ms + days * DAY_MS)
        store.insert_token(conn, token_id, _hash(secret), grant, now_ms)
        return MadeToken(token_id, f"pw_{token_id}_{secret}", grant)

    def make_login(self, conn: Connection, *, tenant: str, role: Role, actor: str, now_ms: int) -> str:
        """The secret of a one-time login link, good for a quarter of an hour."""
        _check_names(tenant, actor)
        secret = _text(self._random.token(32))
        store.insert_login(conn, _hash(secret), Grant(tenant, role, actor, now_ms + LOGIN_LIFE_MS))
        return secret

    def open_session(self, conn: Connection, login_secret: str, now_ms: int) -> tuple[str, Grant]:
        """Consume a login link: the session's secret and whom it stands for.

        Raises:
            NotAuthenticated: never issued, used before, or too old.
        """
        grant = store.take_login(conn, _hash(login_secret), now_ms)
        if grant is None:
            raise NotAuthenticated("this login link is used up or too old", where="login",
                                   remedy="Ask for a new link.")  # fmt: skip
        secret = _text(self._random.token(32))
        opened = Grant(grant.tenant, grant.role, grant.actor, now_ms + SESSION_LIFE_MS)
        store.insert_session(conn, _hash(secret), opened, now_ms)
        return secret, opened

    def close_session(self, conn: Connection, secret: str) -> None:
        store.delete_session(conn, _hash(secret))

    def revoke_token(self, conn: Connection, tenant: str, token_id: str, now_ms: int) -> None:
        """Raises NotFound when the tenant has no such live token."""
        if not store.revoke_token(conn, tenant, token_id, now_ms):
            raise NotFound("no such live token", where=token_id)

    def by_token(self, conn: Connection, text: str, now_ms: int) -> Principal:
        """Raises NotAuthenticated: malformed, unknown, revoked or expired; which of them is not told."""
        match = _TOKEN.match(text)
        found = store.token(conn, match[1]) if match else None
        if match is None or found is None:
            raise _wrong_token()
        secret_sha256, grant = found
        if not hmac.compare_digest(secret_sha256, _hash(match[2])) or grant.expires_at_ms <= now_ms:
            raise _wrong_token()
        return Principal(grant.role, grant.tenant, grant.actor)

    def by_session(self, conn: Connection, secret: str, now_ms: int) -> Principal:
        """Raises NotAuthenticated: unknown, closed or expired."""
        grant = store.session(conn, _hash(secret))
        if grant is None or grant.expires_at_ms <= now_ms:
            raise NotAuthenticated("the session is over", where="session", remedy="Use a new login link.")
        return Principal(grant.role, grant.tenant, grant.actor, by_cookie=True)


def _check_names(tenant: str, actor: str) -> None:
    for where, name in (("tenant", tenant), ("actor", actor)):
        if not _NAME.match(name):
            raise InvalidData(f"not a name: {name!r:.70}", where=where, remedy="Use a-z, 0-9 and . _ @ -")


def _wrong_token() -> NotAuthenticated:
    return NotAuthenticated("the token is unknown, revoked or expired", where="Authorization",
                            remedy="Make one with `pw-cloud token create`.")  # fmt: skip


def _text(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
