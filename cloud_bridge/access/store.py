"""The only SQL of access: API tokens, login links and sessions, each known by the hash of its secret."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, Connection, Row, Table, delete, insert, select, update

from cloud_bridge.access.model import Role
from cloud_bridge.storage.schema import Bytes, Whole, Words, metadata

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_id", Words, primary_key=True),
    Column("secret_sha256", Bytes, nullable=False),
    Column("tenant", Words, nullable=False, index=True),
    Column("role", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("created_at_ms", Whole, nullable=False),
    Column("expires_at_ms", Whole, nullable=False),
    Column("revoked_at_ms", Whole),
)
access_logins = Table(
    "access_logins",
    metadata,
    Column("secret_sha256", Bytes, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("expires_at_ms", Whole, nullable=False),
)
access_sessions = Table(
    "access_sessions",
    metadata,
    Column("secret_sha256", Bytes, primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("expires_at_ms", Whole, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Grant:
    """Whom a secret stands for, until when. Times are Unix milliseconds."""

    tenant: str
    role: Role
    actor: str
    expires_at_ms: int


def insert_token(conn: Connection, token_id: str, secret_sha256: bytes, grant: Grant, now_ms: int) -> None:
    conn.execute(
        insert(access_tokens).values(
            token_id=token_id, secret_sha256=secret_sha256, tenant=grant.tenant, role=grant.role.value,
            actor=grant.actor, created_at_ms=now_ms, expires_at_ms=grant.expires_at_ms,
        )
    )  # fmt: skip


def token(conn: Connection, token_id: str) -> tuple[bytes, Grant] | None:
    """A live token's hash and grant; expiry is the caller's to judge."""
    table = access_tokens.c
    row = conn.execute(
        select(access_tokens).where(table.token_id == token_id, table.revoked_at_ms.is_(None))
    ).one_or_none()
    return None if row is None else (row.secret_sha256, _grant(row))


def tokens(conn: Connection, tenant: str) -> list[tuple[str, Grant, int, int | None]]:
    """(token_id, grant, created, revoked) of a tenant, newest first."""
    table = access_tokens.c
    rows = conn.execute(
        select(access_tokens).where(table.tenant == tenant).order_by(table.created_at_ms.desc(), table.token_id)
    )
    return [(row.token_id, _grant(row), row.created_at_ms, row.revoked_at_ms) for row in rows]


def revoke_token(conn: Connection, tenant: str, token_id: str, now_ms: int) -> bool:
    """Whether such a token stood."""
    table = access_tokens.c
    changed = conn.execute(
        update(access_tokens)
        .where(table.tenant == tenant, table.token_id == token_id, table.revoked_at_ms.is_(None))
        .values(revoked_at_ms=now_ms)
    )
    return changed.rowcount == 1


def insert_login(conn: Connection, secret_sha256: bytes, grant: Grant) -> None:
    conn.execute(insert(access_logins).values(secret_sha256=secret_sha256, **_columns(grant)))


def take_login(conn: Connection, secret_sha256: bytes, now_ms: int) -> Grant | None:
    """Consume a login link; expired ones go on the way. Deleting decides who was first."""
    table = access_logins.c
    conn.execute(delete(access_logins).where(table.expires_at_ms <= now_ms))
    row = conn.execute(
        delete(access_logins).where(table.secret_sha256 == secret_sha256).returning(*table)
    ).one_or_none()
    return None if row is None else _grant(row)


def insert_session(conn: Connection, secret_sha256: bytes, grant: Grant, now_ms: int) -> None:
    conn.execute(delete(access_sessions).where(access_sessions.c.expires_at_ms <= now_ms))
    conn.execute(insert(access_sessions).values(secret_sha256=secret_sha256, **_columns(grant)))


def session(conn: Connection, secret_sha256: bytes) -> Grant | None:
    row = conn.execute(select(access_sessions).where(access_sessions.c.secret_sha256 == secret_sha256)).one_or_none()
    return None if row is None else _grant(row)


def delete_session(conn: Connection, secret_sha256: bytes) -> None:
    conn.execute(delete(access_sessions).where(access_sessions.c.secret_sha256 == secret_sha256))


def _columns(grant: Grant) -> dict[str, object]:
    return {
        "tenant": grant.tenant, "role": grant.role.value, "actor": grant.actor, "expires_at_ms": grant.expires_at_ms
    }  # fmt: skip


def _grant(row: Row[tuple[object, ...]]) -> Grant:
    return Grant(row.tenant, Role(row.role), row.actor, row.expires_at_ms)
