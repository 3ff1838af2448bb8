"""A site's clock: deadlines at the end of its local day, and moments as people there read them. Pure.

A local day is 23 or 25 hours long when the clocks change, so days are counted on the calendar and never in hours.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cloud_bridge.errors import InvalidData


def time_zone(name: str) -> ZoneInfo:
    """The zone of that IANA name.

    Raises:
        InvalidData: no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidData(f"no time zone {name!r:.60}", where="time_zone",
                          remedy="Use an IANA name like Europe/Berlin.") from error  # fmt: skip


def day_end_ms(at_ms: int, zone: ZoneInfo) -> int:
    """When the local day of that moment ends: the first moment of the next day, as Unix milliseconds.

    Where the clocks jump over midnight, the next day begins at the jump; where midnight comes twice, at the first.
    """
    tomorrow = local(at_ms, zone).date() + timedelta(days=1)
    return _start_of(tomorrow, zone)


def deadline_ms(from_ms: int, life_ms: int, zone: ZoneInfo | None) -> int:
    """`life_ms` later, on the second (so are QR codes); with a zone, the end of the local day of that moment."""
    end_ms = from_ms + life_ms
    return -(-end_ms // 1000) * 1000 if zone is None else day_end_ms(end_ms, zone)


def extended_ms(deadline: int, days: int, zone: ZoneInfo) -> int:
    """A deadline so many calendar days later, at the same local time of day; the end of a day stays one."""
    moment = local(deadline, zone)
    if deadline == _start_of(moment.date(), zone):
        return _start_of(moment.date() + timedelta(days=days), zone)
    wall = moment.replace(tzinfo=None) + timedelta(days=days)
    return _unix_ms(wall.replace(tzinfo=zone))


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """The moment as the site's clock shows it."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)


def last_minute(deadline: int, zone: ZoneInfo) -> datetime:
    """A deadline as people are told: the end of a day is its last minute, not the next day's midnight."""
    moment = local(deadline, zone)
    if (moment.hour, moment.minute) == (0, 0) or deadline == _start_of(moment.date(), zone):
        return local(deadline - 60_000, zone)
    return moment


def _start_of(day: date, zone: ZoneInfo) -> int:
    return _unix_ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _unix_ms(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp()) * 1000
