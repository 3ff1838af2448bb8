"""Routes of places: where a locker stands, when it is open, and a parcel placed around a point."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import InvalidData
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers.locker_choice import Choice
from cloud_bridge.lockers.opening_hours import Day, Interval, OpeningHours
from cloud_bridge.lockers.places import Place
from cloud_bridge.lockers.placing import Placement, Placing
from cloud_bridge.lockers.sphere import HALF_UDEG, QUARTER_UDEG, Point

LatitudeUdeg = Annotated[int, Field(ge=-QUARTER_UDEG, le=QUARTER_UDEG, description="Millionths of a degree north")]
LongitudeUdeg = Annotated[int, Field(ge=-HALF_UDEG, lt=HALF_UDEG, description="Millionths of a degree east")]
DateText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", description="A local date")]


class IntervalModel(Model):
    opens_minute: Annotated[int, Field(ge=0, lt=1440, description="Of the local day")]
    closes_minute: Annotated[int, Field(ge=1, le=2880, description="Past 1440: on the next day")]


Intervals = Annotated[list[IntervalModel], Field(max_length=12)]


class ExceptionModel(Model):
    date: DateText
    intervals: Intervals = Field(description="Instead of the weekday's; none: closed")


class PlaceBody(Model):
    latitude_udeg: LatitudeUdeg
    longitude_udeg: LongitudeUdeg
    directions: Annotated[str, Field(max_length=300)] = ""
    week: Annotated[list[Intervals] | None, Field(description="From Monday; left out: never closed")] = None
    exceptions: Annotated[list[ExceptionModel], Field(max_length=400)] = []


class PlaceReply(Model):
    locker_id: str
    address: str
    time_zone: str
    latitude_udeg: int
    longitude_udeg: int
    directions: str
    week: list[list[IntervalModel]]
    exceptions: list[ExceptionModel]


class PlacementBody(Model):
    latitude_udeg: LatitudeUdeg
    longitude_udeg: LongitudeUdeg
    radius_m: Annotated[int, Field(ge=1, le=50_000)] = 5000


class TermReply(Model):
    name: str
    cost_m: int
    detail: str


class RankedReply(Model):
    locker_id: str
    cost_m: int = Field(description="The sum of its terms, in metres of walking")
    terms: list[TermReply]


class RefusedReply(Model):
    locker_id: str
    reason: str
    detail: str


class PlacementReply(Model):
    locker_id: str | None = Field(description="None: no locker within the radius serves")
    compartment_no: int | None
    expires_at_ms: int | None
    decision_id: str
    ranked: list[RankedReply]
    refused: list[RefusedReply]


def routes(placing: Placing) -> tuple[Route, ...]:
    def get_place(call: Call, conn: Connection) -> PlaceReply:
        return _reply(placing, call, conn)

    def put_place(call: Call, conn: Connection) -> PlaceReply:
        body: PlaceBody = call.body
        point = Point(body.latitude_udeg, body.longitude_udeg)
        place = Place(call.params["locker_id"], point, _hours(body), body.directions)
        placing.put(conn, call.principal.tenant, place)
        return _reply(placing, call, conn)

    def put_parcel(call: Call, conn: Connection) -> PlacementReply:
        centre = Point(call.body.latitude_udeg, call.body.longitude_udeg)
        made = placing.put_parcel(
            conn, call.principal.tenant, call.params["parcel_id"], centre, call.body.radius_m, call.now_ms
        )
        return _placement(made)

    place = "/v1/lockers/{locker_id}/place"
    return (
        Route("GET", place, Permission.LOCKERS_READ, get_place, "Where a locker stands and when it is open", "lockers",
              reply=PlaceReply),
        Route("PUT", place, Permission.LOCKERS_WRITE, put_place, "Say where a locker stands and when it is open",
              "lockers", "write", PlaceBody, reply=PlaceReply),
        Route("POST", "/v1/parcels/{parcel_id}/placement", Permission.PARCELS_WRITE, put_parcel,
              "Reserve at the locker that serves best around a point", "parcels", "write", PlacementBody,
              reply=PlacementReply, status=201, creates=True),
    )  # fmt: skip


def _reply(placing: Placing, call: Call, conn: Connection) -> PlaceReply:
    site, place = placing.place(conn, call.principal.tenant, call.params["locker_id"])
    exceptions = [
        ExceptionModel(date=day.isoformat(), intervals=_models(items))
        for day, items in sorted(place.hours.exceptions.items())
    ]
    return PlaceReply(
        locker_id=site.locker_id, address=site.address, time_zone=site.time_zone,
        latitude_udeg=place.point.latitude_udeg, longitude_udeg=place.point.longitude_udeg,
        directions=place.directions, week=[_models(items) for items in place.hours.week], exceptions=exceptions,
    )  # fmt: skip


def _hours(body: PlaceBody) -> OpeningHours:
    week = OpeningHours().week if body.week is None else tuple(_day(items) for items in body.week)
    exceptions = {_date(item.date): _day(item.intervals) for item in body.exceptions}
    if len(exceptions) != len(body.exceptions):
        raise InvalidData("a date stands twice", where="body.exceptions", remedy="Put all its intervals together.")
    return OpeningHours(week, exceptions)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidData(f"no date {text}", where="body.exceptions", remedy="Use the calendar.") from error


def _day(items: Sequence[IntervalModel]) -> Day:
    return tuple(Interval(item.opens_minute, item.closes_minute) for item in items)


def _models(items: Day) -> list[IntervalModel]:
    return [IntervalModel(opens_minute=item.opens_minute, closes_minute=item.closes_minute) for item in items]


def _placement(made: Placement) -> PlacementReply:
    held = made.reservation
    return PlacementReply(
        locker_id=held.locker_id if held else None, compartment_no=held.compartment_no if held else None,
        expires_at_ms=held.expires_at_ms if held else None, decision_id=made.decision_id,
        ranked=_ranked(made.choice), refused=_refused(made.choice),
    )  # fmt: skip


def _ranked(choice: Choice) -> list[RankedReply]:
    return [
        RankedReply(
            locker_id=item.locker_id, cost_m=item.cost_m,
            terms=[TermReply(name=term.name, cost_m=term.cost_m, detail=term.detail) for term in item.terms],
        )
        for item in choice.ranked
    ]  # fmt: skip


def _refused(choice: Choice) -> list[RefusedReply]:
    return [RefusedReply(locker_id=it.locker_id, reason=it.reason, detail=it.detail) for it in choice.refused]
