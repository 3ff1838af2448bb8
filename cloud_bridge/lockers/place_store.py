"""The only SQL on places of lockers: kept by band of latitude and longitude, read from the nearest outwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Row,
    Table,
    bindparam,
    case,
    exists,
    or_,
    select,
)

from cloud_bridge.lockers.custody_store import custody_compartments
from cloud_bridge.lockers.places import Place, dump_hours, load_hours
from cloud_bridge.lockers.sphere import Point, band_of, boxes_around, distance_m
from cloud_bridge.lockers.tables import ACTIVE, compartments, reservations
from cloud_bridge.storage.dialect import upsert
from cloud_bridge.storage.prepared import Prepared
from cloud_bridge.storage.schema import Whole, Words, metadata

FIRST_RING_M = 1000.0
RING_GROWTH = 3
NO_BAND = -1
places = Table(
    "locker_places",
    metadata,
    Column("locker_id", Words, ForeignKey("lockers.locker_id"), primary_key=True),
    Column("tenant", Words, nullable=False),
    Column("band", Whole, nullable=False, comment="of latitude, counted from the south pole"),
    Column("latitude_udeg", Whole, nullable=False),
    Column("longitude_udeg", Whole, nullable=False),
    Column("hours", Words, nullable=False),
    Column("directions", Words, nullable=False),
)
Index("ix_locker_places_band", places.c.tenant, places.c.band, places.c.longitude_udeg)
_CHANGING = ("tenant", "band", "latitude_udeg", "longitude_udeg", "hours", "directions")


@dataclass(frozen=True, slots=True)
class Need:
    """What a locker must have free to be worth a look: a rough view of a wish, which leaves nobody out that serves."""

    volume_mm3: int
    chilled: bool
    frozen: bool
    lowest_sill_mm: int
    highest_sill_mm: int


def put_place(conn: Connection, tenant: str, place: Place) -> None:
    """Say where a locker stands, or that it moved."""
    point = place.point
    values = {
        "locker_id": place.locker_id, "tenant": tenant, "band": band_of(point.latitude_udeg),
        "latitude_udeg": point.latitude_udeg, "longitude_udeg": point.longitude_udeg,
        "hours": dump_hours(place.hours), "directions": place.directions,
    }  # fmt: skip
    upsert(conn, places, values, keys=("locker_id",), change=_CHANGING)


def place_of(conn: Connection, locker_id: str) -> Place | None:
    """None: nobody has said where it stands."""
    row = _PLACE.first(conn, {"locker": locker_id})
    return None if row is None else _place(row)


def nearest_places(
    conn: Connection,
    tenant: str,
    centre: Point,
    radius_m: float,
    first_ring_m: float = FIRST_RING_M,
    need: Need | None = None,
) -> Iterator[tuple[float, Place]]:
    """A tenant's places within `radius_m` with their distances in metres, the nearest first, then by id.

    Read in ever wider rings, so that whoever stops early has read little. `need`: without those that cannot serve it.
    """
    done_m, reach_m = -1.0, min(first_ring_m, radius_m)
    while True:
        ring = []
        for row in _within(conn, tenant, centre, reach_m, need):
            away_m = distance_m(centre, Point(row.latitude_udeg, row.longitude_udeg))
            if done_m < away_m <= reach_m:
                ring.append((away_m, row.locker_id, row))
        for away_m, _, row in sorted(ring, key=lambda item: item[:2]):
            yield away_m, _place(row)
        if reach_m >= radius_m:
            return
        done_m, reach_m = reach_m, min(RING_GROWTH * reach_m, radius_m)


def _within(conn: Connection, tenant: str, centre: Point, radius_m: float, need: Need | None) -> Iterator[Row[Any]]:
    statements, wanted = (_IN_BANDS, {}) if need is None else (_SERVING, _values(need))
    for box in boxes_around(centre, radius_m):
        for start in range(box.south_band, box.north_band + 1, _BANDS_MOST):
            count = min(_BANDS_MOST, box.north_band + 1 - start)
            size = next(size for size in statements if size >= count)
            bands = {f"band_{number}": start + number if number < count else NO_BAND for number in range(size)}
            here = {"owner": tenant, "west_udeg": box.west_udeg, "east_udeg": box.east_udeg}
            yield from statements[size].all(conn, here | bands | wanted)


def _values(need: Need) -> dict[str, Any]:
    return {
        "volume_mm3": need.volume_mm3, "chilled": int(need.chilled), "frozen": int(need.frozen),
        "lowest_mm": need.lowest_sill_mm, "highest_mm": need.highest_sill_mm,
    }  # fmt: skip


def _place(row: Row[Any]) -> Place:
    return Place(row.locker_id, Point(row.latitude_udeg, row.longitude_udeg), _hours(row.hours), row.directions)


_hours = lru_cache(maxsize=1024)(load_hours)  # most sites share a few
_PLACE = Prepared(select(places).where(places.c.locker_id == bindparam("locker")))


def _in_bands(size: int, *conditions: ColumnElement[bool]) -> Prepared:
    """One statement for some bands: each is a look into the index, and the statement itself costs more than they."""
    return Prepared(
        select(places).where(
            places.c.tenant == bindparam("owner"),
            or_(*(places.c.band == bindparam(f"band_{number}") for number in range(size))),
            places.c.longitude_udeg.between(bindparam("west_udeg"), bindparam("east_udeg")),
            *conditions,
        )
    )


def _serves() -> ColumnElement[bool]:
    """A compartment of the right kind is in service, empty and held for nobody."""
    item, fact, hold = compartments.c, custody_compartments.c, reservations.c
    taken = exists().where(
        fact.locker_id == item.locker_id, fact.compartment_no == item.compartment_no,
        or_(fact.enabled == 0, fact.holds != ""),
    )  # fmt: skip
    held = exists().where(hold.locker_id == item.locker_id, hold.compartment_no == item.compartment_no, ACTIVE)
    return exists().where(
        item.locker_id == places.c.locker_id,
        item.width_mm * item.height_mm * item.depth_mm >= bindparam("volume_mm3"),
        item.sill_mm.between(bindparam("lowest_mm"), bindparam("highest_mm")),
        _has(item.features, "chilled") == bindparam("chilled"),
        _has(item.features, "frozen") == bindparam("frozen"),
        ~taken, ~held,
    )  # fmt: skip


def _has(features: ColumnElement[str], name: str) -> ColumnElement[int]:
    return case(((" " + features + " ").like(f"% {name} %"), 1), else_=0)


_BANDS_MOST = 64
_SIZES = (4, 16, _BANDS_MOST)
_IN_BANDS = {size: _in_bands(size) for size in _SIZES}
_SERVING = {size: _in_bands(size, _serves()) for size in _SIZES}
