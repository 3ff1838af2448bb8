"""Climate zones of a locker: which compartments share one, and how long it may leave its limits. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cloud_bridge.errors import InvalidData


@dataclass(frozen=True, slots=True)
class Zone:
    """Thousandths of a degree Celsius, both limits included; `max_s`: how long outside until it spoils."""

    zone: str
    compartments: tuple[int, ...]
    low_mc: int
    high_mc: int
    max_s: int


def check_zones(zones: Sequence[Zone], numbers: Collection[int]) -> None:
    """Refuse what no locker can obey.

    Raises:
        InvalidData: a zone stands twice, holds a door of another or none, or its limits are upside down.
    """
    where = "body.zones"
    if len({item.zone for item in zones}) != len(zones):
        raise InvalidData("a zone stands twice", where=where, remedy="Name each zone once.")
    seen: set[int] = set()
    for item in zones:
        doors = set(item.compartments)
        if len(doors) != len(item.compartments) or not doors <= set(numbers) or doors & seen:
            raise InvalidData(f"{item.zone} names a door twice, or one that is not there", where=where,
                              remedy="Give each compartment at most one zone.")  # fmt: skip
        if item.low_mc >= item.high_mc:
            raise InvalidData(f"{item.zone}: low_mc is not below high_mc", where=where, remedy="Swap the limits.")
        seen |= doors
