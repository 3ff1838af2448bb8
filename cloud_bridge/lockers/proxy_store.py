"""The only SQL on proxies: somebody else who may collect once for the recipient. No person stands here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Row, Table, bindparam, insert, or_, select, update

from cloud_bridge.lockers.proxies import Proxy
from cloud_bridge.lockers.tables import ACTIVE, reservations
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

proxies = Table(
    "pickup_proxies",
    metadata,
    Column("proxy_id", Words, primary_key=True),
    Column("pickup_id", Words, nullable=False, index=True),
    Column("jti", Words, nullable=False, unique=True),
    Column("made_at_ms", Whole, nullable=False),
    Column("expires_at_ms", Whole, nullable=False),
    Column("opened_at_ms", Whole, comment="when its one use began"),
    Column("revoked_at_ms", Whole),
)


def insert_proxy(conn: Connection, item: Proxy) -> None:
    conn.execute(insert(proxies).values(
        proxy_id=item.proxy_id, pickup_id=item.pickup_id, jti=item.jti, made_at_ms=item.made_at_ms,
        expires_at_ms=item.expires_at_ms,
    ))  # fmt: skip


def proxy(conn: Connection, proxy_id: str) -> Proxy | None:
    row = conn.execute(select(proxies).where(proxies.c.proxy_id == proxy_id)).one_or_none()
    return None if row is None else _proxy(row)


def proxies_of(conn: Connection, pickup_id: str) -> list[Proxy]:
    """Newest first, revoked ones too."""
    rows = conn.execute(
        select(proxies)
        .where(proxies.c.pickup_id == pickup_id)
        .order_by(proxies.c.made_at_ms.desc(), proxies.c.proxy_id)
    )
    return [_proxy(row) for row in rows]


def revoke(conn: Connection, pickup_id: str, proxy_id: str, now_ms: int) -> bool:
    """Whether the pickup had such a live proxy."""
    mine = (proxies.c.proxy_id == proxy_id) & (proxies.c.pickup_id == pickup_id) & proxies.c.revoked_at_ms.is_(None)
    return conn.execute(update(proxies).where(mine).values(revoked_at_ms=now_ms)).rowcount == 1


def begin_use(conn: Connection, proxy_id: str, now_ms: int) -> bool:
    """The first opening from the phone; False when the one use had begun before."""
    fresh = (proxies.c.proxy_id == proxy_id) & proxies.c.opened_at_ms.is_(None) & proxies.c.revoked_at_ms.is_(None)
    return conn.execute(update(proxies).where(fresh).values(opened_at_ms=now_ms)).rowcount == 1


def begin_use_by_code(conn: Connection, jti: str, at_ms: int) -> None:
    """A visit consumed this code; most codes are no proxy's."""
    _USED_CODE.run(conn, {"code": jti, "at_ms": at_ms})


def take_use_back(conn: Connection, proxy_id: str) -> None:
    """The command was never sent."""
    conn.execute(update(proxies).where(proxies.c.proxy_id == proxy_id).values(opened_at_ms=None))


def end_all(conn: Connection, pickup_id: str, now_ms: int) -> None:
    """Everything of the pickup is collected: its proxies' links lead nowhere."""
    _END_ALL.run(conn, {"pickup": pickup_id, "now_ms": now_ms})


def void_codes(conn: Connection, locker_id: str) -> set[str]:
    """Codes of proxies that are revoked or in use, whose pickups still wait at this locker."""
    return {row.jti for row in _VOID_CODES.all(conn, {"locker": locker_id})}


def _proxy(row: Row[Any]) -> Proxy:
    return Proxy(
        row.proxy_id, row.pickup_id, row.jti, row.made_at_ms, row.expires_at_ms, row.opened_at_ms, row.revoked_at_ms
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_VOID_CODES = Prepared(
    select(proxies.c.jti)
    .join(reservations, reservations.c.pickup_id == proxies.c.pickup_id)
    .where(
        reservations.c.locker_id == bindparam("locker"), ACTIVE,
        or_(proxies.c.revoked_at_ms.is_not(None), proxies.c.opened_at_ms.is_not(None)),
    )
)  # fmt: skip
_USED_CODE = Prepared(
    update(proxies)
    .where(proxies.c.jti == bindparam("code"), proxies.c.opened_at_ms.is_(None))
    .values(opened_at_ms=bindparam("at_ms"))
)
_END_ALL = Prepared(
    update(proxies)
    .where(proxies.c.pickup_id == bindparam("pickup"), proxies.c.revoked_at_ms.is_(None))
    .values(revoked_at_ms=bindparam("now_ms"))
)
