"""Secrets made for devices: generated here, kept for deriving pickup codes, sent wrapped. The only SQL on them."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, insert, select, update

from cloud_bridge.errors import NotFound
from cloud_bridge.fleet.model import Device
from cloud_bridge.fleet.tables import secrets
from cloud_bridge.ports import Random
from cloud_bridge.storage.prepared import Prepared
from edge.wire.messages import Secret
from edge.wire.secrets import PIN_KEY, PIN_KEY_BYTES, wrap_secret


def pin_key(conn: Connection, device_id: str, version: int | None = None) -> tuple[int, bytes]:
    """A locker's PIN key: (version, key), the newest or that version.

    Raises:
        NotFound: none was made.
    """
    row = (_PIN_KEY if version is None else _PIN_KEY_OF).first(conn, {"device": device_id, "at": version})
    if row is None:
        raise NotFound(f"no PIN key for {device_id}", where="secrets", remedy="Wait for the device's first session.")
    return row.version, bytes(row.secret)


def make_pin_key(conn: Connection, device_id: str, random: Random, now_ms: int) -> int:
    """Make the next version of a locker's PIN key and return the version; it is sent at the next welcome."""
    newest = select(func.max(secrets.c.version)).where(secrets.c.device_id == device_id, secrets.c.name == PIN_KEY)
    version = (conn.execute(newest).scalar() or 0) + 1
    conn.execute(insert(secrets), {
        "device_id": device_id, "name": PIN_KEY, "version": version, "secret": random.token(PIN_KEY_BYTES),
        "made_at_ms": now_ms, "confirmed_at_ms": None,
    })  # fmt: skip
    return version


def ensure_pin_key(conn: Connection, device_id: str, random: Random, now_ms: int) -> None:
    """Make a PIN key when the device has none yet."""
    if _PIN_KEY.first(conn, {"device": device_id}) is None:
        make_pin_key(conn, device_id, random, now_ms)


def unconfirmed(conn: Connection, device: Device) -> list[Secret]:
    """The secrets that the device has not confirmed to hold, wrapped to its key; oldest version first."""
    found = []
    for row in _UNCONFIRMED.all(conn, {"device": device.device_id}):
        wrapped = wrap_secret(
            bytes(row.secret), public=device.wrap_public, device_id=device.device_id, name=row.name, version=row.version
        )
        found.append(Secret(device.device_id, row.name, row.version, wrapped))
    return found


def confirm(conn: Connection, device_id: str, name: str, version: int, at_ms: int) -> None:
    """The device stored it."""
    conn.execute(
        update(secrets)
        .where(
            secrets.c.device_id == device_id, secrets.c.name == name, secrets.c.version == version,
            secrets.c.confirmed_at_ms.is_(None),
        )
        .values(confirmed_at_ms=at_ms)
    )  # fmt: skip


def forget_confirmations(conn: Connection, device_id: str) -> None:
    """The device lost its storage (a new stream after a lost card): send every secret again."""
    conn.execute(update(secrets).where(secrets.c.device_id == device_id).values(confirmed_at_ms=None))


_PIN_KEYS = select(secrets.c.version, secrets.c.secret).where(
    secrets.c.device_id == bindparam("device"), secrets.c.name == PIN_KEY
)
_PIN_KEY = Prepared(_PIN_KEYS.order_by(secrets.c.version.desc()).limit(1))
_PIN_KEY_OF = Prepared(_PIN_KEYS.where(secrets.c.version == bindparam("at")))
_UNCONFIRMED = Prepared(
    select(secrets)
    .where(secrets.c.device_id == bindparam("device"), secrets.c.confirmed_at_ms.is_(None))
    .order_by(secrets.c.name, secrets.c.version)
)
