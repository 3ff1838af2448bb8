"""Reads the desired document's sections that concern a locker; what it does not know is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.core.locker.desired import Compartment, Desired, Limits, Needs, Reach, Reservation, Unannounced, Zone
from edge.ports import Channel
from edge.wire import canonical
from edge.wire.errors import Malformed
from edge.wire.event_types import CODE, COMPARTMENT, MAX_COMPARTMENT_NO, PARCEL, check_payload
from edge.wire.ids import check_hex_id
from edge.wire.messages import Desired as DesiredMessage

MAX_COMPARTMENTS = 2000
MAX_COLLECT_MS = 90 * 86_400_000
EDGES = ("width_mm", "height_mm", "depth_mm")
# How far the cloud may move each of the device's own limits. The cap on openings holds against the cloud itself.
LIMIT_RANGES: Mapping[str, tuple[int, int]] = {
    "openings_per_minute": (1, 120),
    "tries_per_visit": (1, 3),
    "open_wait_ms": (500, 60_000),
    "opened_grace_ms": (0, 60_000),
    "left_open_ms": (1_000, 3_600_000),
    "left_open_alarm_ms": (1_000, 3_600_000),
    "left_open_block_ms": (1_000, 86_400_000),
    "reopen_grace_ms": (0, 3_600_000),
    "visit_idle_ms": (5_000, 3_600_000),
    "done_ms": (500, 60_000),
}


def read_desired(message: DesiredMessage, sha256: str) -> Desired:
    """The document as a value.

    Raises:
        Malformed: not canonical JSON, or a section with a value out of range; `where` names it. Nothing is applied.
    """
    doc = canonical.parse(message.doc, where="desired")
    return Desired(
        epoch=message.epoch,
        version=message.version,
        sha256=sha256,
        reservations={item.parcel_id: item for item in map(_reservation, _list(doc, "reservations"))},
        revoked=frozenset(check_hex_id(jti, where="desired.revoked") for jti in _list(doc, "revoked")),
        audiences=frozenset(_text(item, "desired.audiences") for item in _list(doc, "audiences")),
        compartments={item.no: item for item in map(_compartment, _list(doc, "compartments"))},
        restore=_restore(doc.get("restore")),
        limits=_limits(doc.get("limits", {})),
        collect_by=_collect_by(doc.get("collect_by", {})),
        retrievals=frozenset(_parcel_id(item, "desired.retrievals") for item in _list(doc, "retrievals")),
        unannounced=_unannounced(doc.get("unannounced", {})),
        zones={item.zone: item for item in map(_zone, _list(doc, "zones"))},
        reach=_reach(doc.get("reach", {})),
    )


def _reservation(item: Any) -> Reservation:
    where = "desired.reservations"
    row = _map(item, where)
    return Reservation(
        reservation_id=check_hex_id(row.get("reservation_id", ""), where=where),
        parcel_id=_parcel_id(row.get("parcel_id"), where),
        pickup_id=check_hex_id(row.get("pickup_id", ""), where=where),
        compartment_no=_whole(row, "compartment_no", where, 1, MAX_COMPARTMENT_NO),
        expires_at_ms=_whole(row, "expires_at_ms", where),
        generation=_whole(row, "generation", where, 0, 2**32 - 1),
        collect_by_ms=_whole(row, "collect_by_ms", where) if "collect_by_ms" in row else None,
        needs=_needs(row, where),
    )


def _needs(row: Mapping[str, Any], where: str) -> Needs:
    """Only a parcel measured on all three edges has a size."""
    measured = all(name in row for name in EDGES)
    return Needs(
        (_edge(row, EDGES[0], where), _edge(row, EDGES[1], where), _edge(row, EDGES[2], where)) if measured else None,
        _flag(row, "accessible", where, default=False),
        tuple(_text(feature, where) for feature in _list(row, "features")),
    )


def _compartment(item: Any) -> Compartment:
    where = "desired.compartments"
    row = _map(item, where)
    return Compartment(
        no=_whole(row, "no", where, 1, MAX_COMPARTMENT_NO),
        channel=Channel(_text(row.get("module"), where), _whole(row, "channel", where, 1, 255)),
        width_mm=_edge(row, "width_mm", where),
        height_mm=_edge(row, "height_mm", where),
        depth_mm=_edge(row, "depth_mm", where),
        sill_mm=_whole(row, "sill_mm", where, 0, 10_000),
        features=tuple(_text(feature, where) for feature in _list(row, "features")),
    )


def _limits(value: Any) -> Limits:
    row = _map(value, "desired.limits")
    return Limits(
        **{name: _whole(row, name, "desired.limits", *LIMIT_RANGES[name]) for name in row if name in LIMIT_RANGES}
    )


def _collect_by(value: Any) -> Mapping[str, int]:
    where = "desired.collect_by"
    row = _map(value, where)
    if len(row) > MAX_COMPARTMENTS:
        raise Malformed(f"more than {MAX_COMPARTMENTS} pickups", where=where)
    return {check_hex_id(pickup_id, where=where): _whole(row, pickup_id, where) for pickup_id in row}


def _unannounced(value: Any) -> Unannounced:
    where = "desired.unannounced"
    row, usual = _map(value, where), Unannounced()
    collect_ms = _whole(row, "collect_ms", where, 60_000, MAX_COLLECT_MS) if "collect_ms" in row else usual.collect_ms
    return Unannounced(_flag(row, "allowed", where, default=usual.allowed), collect_ms)


def _zone(item: Any) -> Zone:
    where = "desired.zones"
    row = _map(item, where)
    if not CODE.check(row.get("zone")):
        raise _wrong("zone", where)
    low_mc = _whole(row, "low_mc", where, -273_150, 200_000)
    return Zone(
        zone=row["zone"],
        compartments=tuple(_number(no, f"{where}.compartments") for no in _list(row, "compartments")),
        low_mc=low_mc,
        high_mc=_whole(row, "high_mc", where, low_mc, 200_000),
        max_s=_whole(row, "max_s", where, 0, 86_400),
    )


def _reach(value: Any) -> Reach:
    where, usual = "desired.reach", Reach()
    row = {"low_mm": usual.low_mm, "high_mm": usual.high_mm, **_map(value, where)}
    low_mm = _whole(row, "low_mm", where, 0, 10_000)
    return Reach(low_mm, _whole(row, "high_mm", where, low_mm, 10_000))


def _restore(value: Any) -> Mapping[str, Any] | None:
    if value is None:
        return None
    row = _map(value, "desired.restore")
    check_hex_id(row.get("stream", ""), where="desired.restore.stream")
    for held in _list(row, "contents"):
        check_payload("compartment_restored", _map(held, "desired.restore.contents"))
    for used in _list(row, "used"):
        check_payload("credential_restored", _map(used, "desired.restore.used"))
    if "wrong_in_row" in row:
        _whole(row, "wrong_in_row", "desired.restore", 0, 10_000)
    return row


def _list(row: Mapping[str, Any], name: str) -> list[Any]:
    value = row.get(name, [])
    if type(value) is not list or len(value) > MAX_COMPARTMENTS:
        raise _wrong(name, "desired")
    return value


def _map(value: Any, where: str) -> dict[str, Any]:
    if type(value) is not dict:
        raise Malformed("not an object", where=where)
    return value


def _parcel_id(value: Any, where: str) -> str:
    if not PARCEL.check(value):
        raise _wrong("parcel_id", where)
    return str(value)


def _number(value: Any, where: str) -> int:
    if not COMPARTMENT.check(value):
        raise Malformed("not a compartment's number", where=where)
    return int(value)


def _flag(row: Mapping[str, Any], name: str, where: str, *, default: bool) -> bool:
    value = row.get(name, default)
    if type(value) is not bool:
        raise _wrong(name, where)
    return value


def _edge(row: Mapping[str, Any], name: str, where: str) -> int:
    return _whole(row, name, where, 1, 10_000)


def _text(value: Any, where: str) -> str:
    if type(value) is not str or not 1 <= len(value) <= 80 or not value.isprintable():
        raise Malformed("not a short text", where=where)
    return value


def _whole(row: Mapping[str, Any], name: str, where: str, low: int = 0, high: int = 2**53 - 1) -> int:
    value = row.get(name)
    if type(value) is not int or not low <= value <= high:
        raise _wrong(name, where)
    return value


def _wrong(name: str, where: str) -> Malformed:
    return Malformed(f"{name} is missing or out of range", where=f"{where}.{name}")
