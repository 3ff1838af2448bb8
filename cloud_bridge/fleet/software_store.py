"""What runs on devices: versions, the newest update of each kind, firmware of parts. The only SQL on those tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, select

from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.schema import Whole, Words, metadata

software = Table(
    "device_software",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("product", Words, nullable=False),
    Column("board", Words, nullable=False),
    Column("image", Words, nullable=False, comment="the image's version, or none"),
    Column("agent", Words, nullable=False, comment="the program's version"),
    Column("told_at_ms", Whole, nullable=False),
)
updates = Table(
    "device_updates",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("kind", Words, primary_key=True),
    Column("version", Words, nullable=False),
    Column("attempt", Whole, nullable=False),
    Column("state", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("told_at_ms", Whole, nullable=False),
)
firmware = Table(
    "device_firmware",
    metadata,
    Column("device_id", Words, primary_key=True),
    Column("subject", Words, primary_key=True, comment="a board's module, or scanner"),
    Column("part", Words, nullable=False),
    Column("firmware", Words, nullable=False),
    Column("told_at_ms", Whole, nullable=False),
)
_STATES = {
    "release_installed": "installed", "release_tried": "tried", "release_committed": "committed",
    "release_fell_back": "fell_back", "release_refused": "refused",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Software:
    """What a device last said that it runs."""

    device_id: str
    product: str
    board: str
    image: str
    agent: str
    told_at_ms: int


@dataclass(frozen=True, slots=True)
class DeviceUpdate:
    """The newest update of one kind: `installed`, `tried`, `committed`, `fell_back` or `refused`."""

    device_id: str
    kind: str
    version: str
    attempt: int
    state: str
    reason: str
    told_at_ms: int


@dataclass(frozen=True, slots=True)
class Firmware:
    """The firmware in one part of a device, by the part's own word."""

    subject: str
    part: str
    firmware: str
    told_at_ms: int


class SoftwareProjection:
    """Folds what devices tell of their software."""

    name = "software"
    types = frozenset({"release_reported", "firmware_reported", *_STATES})

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        data: Mapping[str, Any] = event.data
        told = {"device_id": event.device_id, "told_at_ms": event.at_ms}
        if event.type == "release_reported":
            values = {name: data[name] for name in ("product", "board", "image", "agent")}
            _put(conn, software, ("device_id",), {**values, **told})
        elif event.type == "firmware_reported":
            values = {name: data[name] for name in ("subject", "part", "firmware")}
            _put(conn, firmware, ("device_id", "subject"), {**values, **told})
        else:
            values = {name: data[name] for name in ("kind", "version", "attempt")}
            values |= {"state": _STATES[event.type], "reason": data.get("reason", "")}
            _put(conn, updates, ("device_id", "kind"), {**values, **told})

    def reset(self, conn: Connection) -> None:
        for table in (software, updates, firmware):
            conn.execute(delete(table))


def software_of(conn: Connection, device_ids: Sequence[str]) -> dict[str, Software]:
    """What these devices run; those that never said are missing."""
    rows = conn.execute(select(software).where(software.c.device_id.in_(device_ids)))
    return {row.device_id: Software(*row) for row in rows}


def updates_of(conn: Connection, device_ids: Sequence[str]) -> dict[tuple[str, str], DeviceUpdate]:
    """The newest update of each of these devices and each kind."""
    rows = conn.execute(select(updates).where(updates.c.device_id.in_(device_ids)))
    return {(row.device_id, row.kind): DeviceUpdate(*row) for row in rows}


def firmware_of(conn: Connection, device_id: str) -> list[Firmware]:
    """The parts of a device that have told their firmware, by name."""
    rows = conn.execute(select(firmware).where(firmware.c.device_id == device_id).order_by(firmware.c.subject))
    return [Firmware(row.subject, row.part, row.firmware, row.told_at_ms) for row in rows]


def _put(conn: Connection, table: Table, keys: tuple[str, ...], values: Mapping[str, Any]) -> None:
    upsert(conn, table, values, keys=keys, change=[name for name in values if name not in keys])
