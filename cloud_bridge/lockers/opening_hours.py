"""When people may come to a locker, by its site's clock: a week, and days that are different. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cloud_bridge.errors import InvalidData
from cloud_bridge.lockers.site_time import local

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Interval:
    """Open from `opens_minute` of a local day up to `closes_minute`; past 1,440 it closes on the next day."""

    opens_minute: int
    closes_minute: int


ALL_DAY = (Interval(0, DAY_MINUTES),)
Day = tuple[Interval, ...]


@dataclass(frozen=True, slots=True)
class OpeningHours:
    """`week[0]` is Monday. `exceptions` replace the week on their dates; an empty one is closed."""

    week: tuple[Day, ...] = (ALL_DAY,) * 7
    exceptions: Mapping[date, Day] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, day: date) -> Day:
        return self.exceptions.get(day, self.week[day.weekday()])


def is_open(hours: OpeningHours, zone: ZoneInfo, at_ms: int) -> bool:
    """Whether somebody who stands there at that moment may come in. Clock changes follow the clock on the wall."""
    moment = local(at_ms, zone)
    today, minute = moment.date(), moment.hour * 60 + moment.minute
    return _covers(hours.of(today), minute) or _covers(hours.of(today - timedelta(days=1)), minute + DAY_MINUTES)


def open_minutes(hours: OpeningHours, day: date) -> int:
    """How many minutes of opening begin on that date."""
    return sum(item.closes_minute - item.opens_minute for item in hours.of(day))


def check_hours(hours: OpeningHours) -> None:
    """Refuse what no wall clock can follow.

    Raises:
        InvalidData: not seven days, an interval that ends before it begins or lasts over a day, or two that overlap.
    """
    if len(hours.week) != 7:
        raise InvalidData("a week has seven days", where="opening_hours.week", remedy="Begin with Monday.")
    named = {f"week[{number}]": day for number, day in enumerate(hours.week)}
    named |= {day.isoformat(): items for day, items in hours.exceptions.items()}
    for where, items in named.items():
        _check_day(items, f"opening_hours.{where}")


def _check_day(items: Sequence[Interval], where: str) -> None:
    end_minute = 0
    for item in items:
        in_a_day = 0 <= item.opens_minute < DAY_MINUTES and item.closes_minute - item.opens_minute <= DAY_MINUTES
        if not in_a_day or item.closes_minute <= item.opens_minute:
            raise InvalidData(f"{item.opens_minute} to {item.closes_minute} is no interval of a day", where=where,
                              remedy="Open before 1440, close later, at most a day later.")  # fmt: skip
        if item.opens_minute < end_minute:
            raise InvalidData("intervals overlap or are out of order", where=where, remedy="Put them in order.")
        end_minute = item.closes_minute


def _covers(items: Day, minute: int) -> bool:
    return any(item.opens_minute <= minute < item.closes_minute for item in items)
