"""Where a locker stands and when people may come to it, and the form in which its hours are stored. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cloud_bridge.lockers.opening_hours import Day, Interval, OpeningHours
from cloud_bridge.lockers.sphere import Point


@dataclass(frozen=True, slots=True)
class Place:
    """`directions`: what an address does not say, such as "behind the station, left of the stairs"."""

    locker_id: str
    point: Point
    hours: OpeningHours = OpeningHours()
    directions: str = ""


def dump_hours(hours: OpeningHours) -> str:
    """The hours as stored text; equal hours give equal texts."""
    exceptions = {day.isoformat(): _pairs(items) for day, items in hours.exceptions.items()}
    return json.dumps({"week": [_pairs(items) for items in hours.week], "exceptions": exceptions}, sort_keys=True)


def load_hours(text: str) -> OpeningHours:
    """The hours that `dump_hours` wrote."""
    found = json.loads(text)
    exceptions = {date.fromisoformat(day): _day(items) for day, items in found["exceptions"].items()}
    return OpeningHours(tuple(_day(items) for items in found["week"]), exceptions)


def _pairs(items: Day) -> list[list[int]]:
    return [[item.opens_minute, item.closes_minute] for item in items]


def _day(pairs: Sequence[Sequence[int]]) -> Day:
    return tuple(Interval(opens, closes) for opens, closes in pairs)
