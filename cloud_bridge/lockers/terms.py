"""The house's terms: how long a compartment waits for its parcel and a parcel for its recipient. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_bridge.lockers.model import Money

DAY_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Terms:
    """`day_end`: a parcel waits until the end of the local day in which `collect_ms` ends, else exactly so long.

    `extension_price` None: it is free. `extensions_most`: how often one pickup may be extended.
    """

    hold_ms: int = 2 * DAY_MS
    collect_ms: int = 3 * DAY_MS
    day_end: bool = True
    remind_ms: int = DAY_MS
    extension_days: int = 2
    extension_price: Money | None = None
    extensions_most: int = 1
