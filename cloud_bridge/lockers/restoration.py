"""A locker begins a new log (first start, lost card): what its device must know before it opens for the public.

The snapshot goes into the twin's section `restore` in the transaction that stores `stream_started`: what lies in
the compartments, which credentials were used, how many PIN attempts failed. Every pickup's generation is raised,
so that a code seen by whoever has the old card opens nothing, and the counters are chosen here, without
collisions among the locker's codes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.errors import NotFound
from cloud_bridge.ledger.model import StoredEvent
from cloud_bridge.ledger.store import ReplayQuery, replay
from cloud_bridge.lockers import custody_store, reservation_store
from cloud_bridge.lockers.model import Custody, Reservation
from cloud_bridge.lockers.service import Lockers
from edge.wire.pickup_pin import choose_counter, derive_pin
from edge.wire.pickup_token import MAX_TOKEN_LIFE_MS

PinKey = Callable[[Connection, str], tuple[int, bytes]]
_PAGE = 500


class LockerRestoration:
    """A projection inside the ingest transaction. `pin_key(conn, device_id)` gives the locker's newest PIN key."""

    name = "locker_restoration"
    types = frozenset({"stream_started"})

    def __init__(self, lockers: Lockers, pin_key: PinKey) -> None:
        self._lockers = lockers
        self._pin_key = pin_key

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        raised: dict[str, int] = {}
        held = [self._raised(conn, item, raised) for item in custody_store.deposited_at(conn, event.device_id)]
        snapshot = {
            "stream": event.stream,
            "contents": self._with_counters(conn, event.device_id, held),
            "used": _used_credentials(conn, event.device_id, event.record_at_ms),
            "wrong_in_row": _wrong_in_row(conn, event.device_id),
        }
        self._lockers.twin.restore(conn, event.device_id, snapshot)

    def reset(self, conn: Connection) -> None:
        """Nothing to empty: a restored device has moved on."""

    def _raised(self, conn: Connection, item: Custody, raised: dict[str, int]) -> Custody:
        """With the next generation of its pickup, raised once for all parcels of it."""
        if item.pickup_id is None:
            return item
        generation = raised.get(item.pickup_id)
        if generation is None:
            generation = (item.pin_generation or 0) + 1
            found = reservation_store.reservation_of_pickup(conn, item.pickup_id)
            if found is not None:
                generation = max(generation, found[0].generation + 1)
                reservation_store.change_pickup(conn, item.pickup_id, generation=generation)
            raised[item.pickup_id] = generation
        return replace(item, pin_generation=generation, pin_counter=None)

    def _with_counters(self, conn: Connection, device_id: str, held: list[Custody]) -> list[dict[str, Any]]:
        """Contents as `compartment_restored` events; parcels of one pickup share a code."""
        try:
            _, key = self._pin_key(conn, device_id)
        except NotFound:
            key = b""
        live: dict[tuple[str, int], int] = {}
        codes: set[str] = set()
        for item in held:
            code = (item.pickup_id or "", item.pin_generation or 0)
            if key and item.pickup_id is not None and code not in live:
                live[code] = choose_counter(key, *code, codes)
                codes.add(derive_pin(key, *code, live[code]))
        plans = {item.parcel_id: item for item in reservation_store.active_reservations(conn, device_id)}
        return [
            _contents(item, live.get((item.pickup_id or "", item.pin_generation or 0)), plans.get(item.parcel_id))
            for item in held
        ]


def _contents(item: Custody, counter: int | None, plan: Reservation | None) -> dict[str, Any]:
    members = {
        "compartment_no": item.compartment_no,
        "parcel_id": item.parcel_id,
        "pickup_id": item.pickup_id,
        "pin_generation": item.pin_generation,
        "pin_counter": counter,
        "collect_by_ms": plan.collect_by_ms if plan is not None else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def _used_credentials(conn: Connection, device_id: str, now_ms: int) -> list[dict[str, Any]]:
    """Credentials that a visit consumed and that could still be shown again."""
    used: dict[str, int] = {}
    for type_name in ("visit_started", "visit_joined"):
        for event in _all_since(conn, device_id, type_name, now_ms - MAX_TOKEN_LIFE_MS):
            if "jti" in event.data and event.data.get("jti_expires_at_ms", 0) > now_ms:
                used[event.data["jti"]] = event.data["jti_expires_at_ms"]
    return [{"jti": jti, "jti_expires_at_ms": until} for jti, until in sorted(used.items())]


def _all_since(conn: Connection, device_id: str, type_name: str, from_at_ms: int) -> Iterator[StoredEvent]:
    after = 0
    while True:
        query = ReplayQuery(
            device_id=device_id, type=type_name, from_at_ms=from_at_ms, after_position=after, limit=_PAGE
        )  # fmt: skip
        page = replay(conn, query)
        yield from page
        if len(page) < _PAGE:
            return
        after = page[-1].position


def _wrong_in_row(conn: Connection, device_id: str) -> int:
    """PIN attempts since the last one that was accepted, counted as the device counts them."""
    accepted = replay(conn, ReplayQuery(device_id=device_id, type="pin_accepted", limit=1, newest_first=True))
    last = accepted[0].position if accepted else 0
    attempts = ReplayQuery(device_id=device_id, type="pin_attempted", after_position=last, limit=1_000)
    return len(replay(conn, attempts))
