"""Routes of installations: lockers with their compartments and climate zones."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import InvalidData
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import store, upkeep_store, zone_store
from cloud_bridge.lockers.model import Compartment, Locker, Size
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.site_time import time_zone
from cloud_bridge.lockers.zones import Zone, check_zones

Code = Annotated[str, Field(pattern=r"^[a-z0-9_.:-]{1,64}$")]
DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9-]{3,40}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
EdgeMm = Annotated[int, Field(ge=1, le=10_000)]
CompartmentNo = Annotated[int, Field(ge=1, le=9999, description="The number printed on the door")]
TemperatureMc = Annotated[int, Field(ge=-60_000, le=100_000, description="Thousandths of a degree Celsius")]


class CompartmentBody(Model):
    no: CompartmentNo
    width_mm: EdgeMm
    height_mm: EdgeMm
    depth_mm: EdgeMm
    sill_mm: Annotated[int, Field(ge=0, le=10_000, description="Height of the sill over the floor")]
    features: Annotated[list[Code], Field(max_length=16)] = []
    module: Code
    channel: Annotated[int, Field(ge=1, le=255)]


class ZoneModel(Model):
    zone: Code
    compartments: Annotated[list[CompartmentNo], Field(min_length=1, max_length=2000)]
    low_mc: TemperatureMc
    high_mc: TemperatureMc
    max_s: Annotated[int, Field(ge=1, le=86_400, description="How long outside before what lies there is spoiled")]


class LockerBody(Model):
    name: Text
    address: Text
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "en"
    time_zone: Annotated[str, Field(pattern=r"^[A-Za-z0-9_+/-]{1,64}$", description="IANA name")] = "UTC"
    compartments: Annotated[list[CompartmentBody], Field(max_length=2000)]
    zones: Annotated[list[ZoneModel], Field(max_length=100)] = []


class CompartmentReply(Model):
    no: int
    width_mm: int
    height_mm: int
    depth_mm: int
    sill_mm: int
    features: list[str]
    enabled: bool
    door: str
    holds: str | None
    reserved_for: str | None


class LockerReply(Model):
    locker_id: str
    name: str
    address: str
    time_zone: str
    compartments: list[CompartmentReply]
    zones: list[ZoneModel]
    leaving: str = Field(description="requested, started or decommissioned; empty: in service")


class LockerRow(Model):
    locker_id: str
    name: str
    address: str


class LockerList(Model):
    lockers: list[LockerRow]


def list_lockers(call: Call, conn: Connection) -> LockerList:
    rows = store.lockers_of(conn, call.principal.tenant)
    return LockerList(lockers=[LockerRow(locker_id=row.locker_id, name=row.name, address=row.address) for row in rows])


def routes(lockers: Lockers) -> tuple[Route, ...]:
    def get_locker(call: Call, conn: Connection) -> LockerReply:
        locker = lockers.locker_of(conn, call.principal.tenant, call.params["locker_id"])
        return _locker_reply(lockers, conn, locker)

    def put_locker(call: Call, conn: Connection) -> LockerReply:
        body: LockerBody = call.body
        time_zone(body.time_zone)
        locker = Locker(
            call.params["locker_id"], call.principal.tenant, body.name, body.address, body.language, body.time_zone
        )  # fmt: skip
        items = [_compartment(item) for item in body.compartments]
        if len({item.no for item in items}) != len(items):
            raise InvalidData("a number stands twice", where="body.compartments", remedy="Number each door once.")
        zones = [
            Zone(item.zone, tuple(item.compartments), item.low_mc, item.high_mc, item.max_s) for item in body.zones
        ]
        check_zones(zones, {item.no for item in items})
        lockers.install(conn, locker, items, zones)
        upkeep_store.begin_upkeep(conn, locker.locker_id, call.now_ms)
        return _locker_reply(lockers, conn, locker)

    return (
        Route("GET", "/v1/lockers", Permission.LOCKERS_READ, list_lockers, "List lockers", "lockers",
              reply=LockerList),
        Route("GET", "/v1/lockers/{locker_id}", Permission.LOCKERS_READ, get_locker,
              "A locker with its compartments as they stand now", "lockers", reply=LockerReply),
        Route("PUT", "/v1/lockers/{locker_id}", Permission.LOCKERS_WRITE, put_locker, "Install or change a locker",
              "lockers", "write", LockerBody, reply=LockerReply, max_body_bytes=1024 * 1024),
    )  # fmt: skip


def _locker_reply(lockers: Lockers, conn: Connection, locker: Locker) -> LockerReply:
    rows = [
        CompartmentReply(
            no=view.compartment.no, width_mm=view.compartment.size.width_mm,
            height_mm=view.compartment.size.height_mm, depth_mm=view.compartment.size.depth_mm,
            sill_mm=view.compartment.sill_mm, features=sorted(view.compartment.features), enabled=view.enabled,
            door=view.door, holds=view.holds, reserved_for=view.reserved_for,
        )
        for view in lockers.deciding.views(conn, locker.locker_id)
    ]  # fmt: skip
    zones = [
        ZoneModel(
            zone=item.zone, compartments=list(item.compartments), low_mc=item.low_mc, high_mc=item.high_mc,
            max_s=item.max_s,
        )
        for item in zone_store.zones_of(conn, locker.locker_id)
    ]  # fmt: skip
    upkeep = upkeep_store.upkeep_of(conn, locker.locker_id)
    return LockerReply(
        locker_id=locker.locker_id, name=locker.name, address=locker.address, time_zone=locker.time_zone,
        compartments=rows, zones=zones, leaving=upkeep.leaving.value if upkeep else "",
    )  # fmt: skip


def _compartment(item: CompartmentBody) -> Compartment:
    size = Size(item.width_mm, item.height_mm, item.depth_mm)
    return Compartment(item.no, size, item.sill_mm, frozenset(item.features), item.module, item.channel)
