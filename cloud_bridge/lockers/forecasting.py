"""One locker's forecast from what is stored: classes of its compartments, who lies there, who comes, who may ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.lockers import promise_store
from cloud_bridge.lockers.assignment import Policy, fits, meets
from cloud_bridge.lockers.model import CompartmentView, Size, Wish
from cloud_bridge.lockers.promise import DAY_MS, Demand, Held, Outlook, Promised, Request
from cloud_bridge.lockers.survival import HOUR_MS, Survival, pooled

LEAD_MS = 20 * HOUR_MS
HISTORY_MS = 28 * DAY_MS
CUT_MS = 14 * DAY_MS


@dataclass(frozen=True, slots=True)
class Classes:
    """The sizes of the compartments that offer what a wish needs, the smallest first, and which door has which."""

    sizes: tuple[Size, ...]
    of_no: dict[int, int]
    capacity: tuple[int, ...]
    clearance_mm: int

    def of(self, wish: Wish) -> int | None:
        """The smallest class that a parcel fits in."""
        fitting = (
            number
            for number, size in enumerate(self.sizes)
            if fits(wish.size, size, upright=wish.upright, clearance_mm=self.clearance_mm)
        )
        return next(fitting, None)


def classes_of(views: Sequence[CompartmentView], wish: Wish, policy: Policy) -> Classes:
    """Compartments in service only; one that is occupied counts."""
    items = [view.compartment for view in views if view.enabled and meets(view.compartment, wish, policy)]
    by_volume = sorted({item.size for item in items}, key=lambda size: (size.volume_mm3, size.width_mm, size.height_mm))
    of_no = {item.no: by_volume.index(item.size) for item in items}
    counts = [0] * len(by_volume)
    for number in of_no.values():
        counts[number] += 1
    return Classes(tuple(by_volume), of_no, tuple(counts), policy.clearance_mm)


def outlook_of(conn: Connection, locker_id: str, classes: Classes, now_ms: int) -> Outlook:
    """The locker as a promise sees it; parcels of another kind of compartment do not count."""
    held = tuple(
        Held(classes.of_no[no], carrier, since_ms)
        for no, carrier, since_ms in promise_store.held_at(conn, locker_id)
        if no in classes.of_no
    )
    coming = [
        (classes.of_no.get(item.compartment_no) if item.compartment_no else classes.of(item.wish), item)
        for item in promise_store.coming_to(conn, locker_id, LEAD_MS)
    ]
    promised = tuple(Promised(number, item.carrier, item.drop_at_ms) for number, item in coming if number is not None)
    return Outlook(locker_id, classes.capacity, held, promised, _to_come(conn, locker_id, classes, now_ms))


def request_of(wish: Wish, carrier: str, classes: Classes, now_ms: int) -> Request | None:
    """None: no compartment here is large enough."""
    number = classes.of(wish)
    return None if number is None else Request(number, carrier, now_ms, now_ms + LEAD_MS)


def survivals_of(conn: Connection, tenant: str, request: Request, outlook: Outlook, now_ms: int) -> dict[str, Survival]:
    """How long parcels of each carrier that matters stay, learned from the tenant's newest ones."""
    by_carrier = promise_store.stays_of(conn, tenant, now_ms - HISTORY_MS, now_ms)
    known, everyone = pooled(by_carrier, CUT_MS)
    names = {request.segment, *(item.segment for item in (*outlook.held, *outlook.promised, *outlook.to_come))}
    return {name: known.get(name, everyone) for name in names}


def _to_come(conn: Connection, locker_id: str, classes: Classes, now_ms: int) -> tuple[Demand, ...]:
    """A day's usual requests; half of them, since on average half of the day is over."""
    rates: dict[tuple[int, str], float] = {}
    for carrier, wish, count in promise_store.asked_for(conn, locker_id, now_ms - HISTORY_MS):
        number = classes.of(wish)
        if number is not None:
            key = number, carrier
            rates[key] = rates.get(key, 0.0) + count * DAY_MS / HISTORY_MS / 2
    return tuple(Demand(number, carrier, rate) for (number, carrier), rate in sorted(rates.items()))
