"""Twins: what a device should be, by sections, and what it reports. The only SQL on that table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, or_, select, update

from cloud_bridge.errors import InvalidData
from cloud_bridge.fleet.model import Twin
from cloud_bridge.fleet.tables import presence, twins
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.prepared import Prepared
from edge.wire import canonical
from edge.wire.errors import WireError

FIRST_EPOCH = 1
MAX_DOC_BYTES = 96 * 1024


def load_twin(conn: Connection, device_id: str) -> Twin:
    """The device's twin; an empty document of version 0 when nothing was ever wanted."""
    row = _TWIN.first(conn, {"device": device_id})
    return Twin(device_id, FIRST_EPOCH, 0, b"", b"", 0, 0, 0, "") if row is None else _twin(row)


def desired_doc(conn: Connection, device_id: str) -> dict[str, Any]:
    """The device's desired document by sections."""
    doc = load_twin(conn, device_id).doc
    return dict(json.loads(doc)) if doc else {}


def set_desired(conn: Connection, device_id: str, section: str, value: Any) -> Twin:
    """Set one section of the desired document (None removes it), as `set_sections` does."""
    return set_sections(conn, device_id, {section: value})


def set_sections(conn: Connection, device_id: str, sections: Mapping[str, Any]) -> Twin:
    """Set sections of the desired document together (None removes one): at most one new version, and none when the
    document stays the same.

    Raises:
        InvalidData: a value outside the JSON profile, or a document over 96 KiB; nothing is changed then.
    """
    twin = _locked(conn, device_id)
    doc: dict[str, Any] = json.loads(twin.doc) if twin.doc else {}
    doc.update(sections)
    try:
        encoded = canonical.encode({name: value for name, value in doc.items() if value is not None})
    except WireError as error:
        where = f"desired.{'|'.join(sorted(sections))}"
        raise InvalidData(error.what, where=where, remedy="Use the JSON profile of events.") from error
    if len(encoded) > MAX_DOC_BYTES:
        raise InvalidData(f"{len(encoded)} bytes, at most {MAX_DOC_BYTES}", where=f"desired of {device_id}")
    if encoded == twin.doc:
        return twin
    return _write(conn, twin, twin.epoch, twin.version + 1, encoded)


def raise_epoch(conn: Connection, device_id: str, seen_epoch: int, seen_version: int) -> Twin:
    """The device follows a newer document than we know: this store was restored, so a new epoch outranks it."""
    twin = load_twin(conn, device_id)
    if (twin.epoch, twin.version) >= (seen_epoch, seen_version):
        return twin
    return _write(conn, twin, seen_epoch + 1, twin.version + 1, twin.doc or canonical.encode({}))


def _locked(conn: Connection, device_id: str) -> Twin:
    """Serialise writers of one twin: the row exists and is locked afterwards (SQLite has one writer anyway)."""
    row = _LOCKED.first(conn, {"device": device_id})
    if row is None:
        upsert(conn, twins, _blank(device_id), keys=("device_id",), change=())
        row = _LOCKED.all(conn, {"device": device_id})[0]
    return _twin(row)


def _write(conn: Connection, twin: Twin, epoch: int, version: int, doc: bytes) -> Twin:
    written = replace(twin, epoch=epoch, version=version, doc=doc, doc_sha256=hashlib.sha256(doc).digest())
    values = {"epoch": epoch, "version": version, "doc": doc, "doc_sha256": written.doc_sha256}
    _WRITE.run(conn, {"device": twin.device_id, **values})
    return written


def report_applied(conn: Connection, device_id: str, epoch: int, version: int, at_ms: int) -> None:
    """The device says it follows this version; an older report never overwrites a newer one."""
    _report(conn, device_id, _APPLIED, {"at_epoch": epoch, "at_version": version, "reported_at_ms": at_ms})


def report_refused(conn: Connection, device_id: str, epoch: int, version: int, reason: str) -> None:
    """The device refused this version, and why."""
    _report(conn, device_id, _REFUSED, {"at_epoch": epoch, "at_version": version, "refused_reason": reason})


def _report(conn: Connection, device_id: str, statement: Prepared, values: dict[str, Any]) -> None:
    """A device that reports nearly always has its row."""
    if statement.run(conn, {"device": device_id, **values}) == 0:
        upsert(conn, twins, _blank(device_id), keys=("device_id",), change=())
        statement.run(conn, {"device": device_id, **values})


def unpushed(conn: Connection, limit: int = 100) -> list[Twin]:
    """Twins of online devices whose newest version has not been handed to the broker yet."""
    return [_twin(row) for row in _UNPUSHED.all(conn, {"most": limit})]


def mark_pushed(conn: Connection, twin: Twin) -> None:
    """This version was handed over; whether it arrived is told by the welcome, not here."""
    _PUSHED.run(conn, {"device": twin.device_id, "pushed_epoch": twin.epoch, "pushed_version": twin.version})


def _blank(device_id: str) -> dict[str, Any]:
    return {
        "device_id": device_id, "epoch": FIRST_EPOCH, "version": 0, "doc": b"", "doc_sha256": b"",
        "reported_epoch": 0, "reported_version": 0, "reported_at_ms": 0, "refused_reason": "",
        "pushed_epoch": 0, "pushed_version": 0,
    }  # fmt: skip


def _twin(row: Row[Any]) -> Twin:
    return Twin(
        row.device_id, row.epoch, row.version, bytes(row.doc), bytes(row.doc_sha256),
        row.reported_epoch, row.reported_version, row.reported_at_ms, row.refused_reason,
    )  # fmt: skip


# Built once: making such a statement costs more than running it.
_OWN = twins.c.device_id == bindparam("device")
_NEWER = or_(
    twins.c.reported_epoch < bindparam("at_epoch"),
    and_(twins.c.reported_epoch == bindparam("at_epoch"), twins.c.reported_version <= bindparam("at_version")),
)
_SELECT = select(twins).where(_OWN)
_TWIN = Prepared(_SELECT)
_LOCKED = Prepared(_SELECT.with_for_update())
_WRITE = Prepared(
    update(twins).where(_OWN).values({name: bindparam(name) for name in ("epoch", "version", "doc", "doc_sha256")})
)
_APPLIED = Prepared(
    update(twins)
    .where(_OWN, _NEWER)
    .values(
        reported_epoch=bindparam("at_epoch"), reported_version=bindparam("at_version"),
        reported_at_ms=bindparam("reported_at_ms"), refused_reason="",
    )
)  # fmt: skip
_REFUSED = Prepared(update(twins).where(_OWN, _NEWER).values(refused_reason=bindparam("refused_reason")))
_PUSHED = Prepared(
    update(twins).where(_OWN).values({name: bindparam(name) for name in ("pushed_epoch", "pushed_version")})
)
_UNPUSHED = Prepared(
    select(twins)
    .join(presence, presence.c.device_id == twins.c.device_id)
    .where(
        presence.c.online,
        or_(twins.c.pushed_version != twins.c.version, twins.c.pushed_epoch != twins.c.epoch),
        twins.c.version > 0,
    )
    .limit(bindparam("most"))
)
