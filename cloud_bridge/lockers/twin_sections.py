"""What a locker's device should know of plans and deadlines: the sections of its twin, nothing about people."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.lockers import proxy_store, reservation_store, store, task_store
from cloud_bridge.lockers.model import Compartment, Reservation, Wish
from cloud_bridge.lockers.zones import Zone

SetSections = Callable[[Connection, str, Mapping[str, Any]], object]
TokenId = Callable[[str, int], str]
PATIENCE_MS = 4 * 3600 * 1000
DEADLINE_MARGIN_MS = 3600 * 1000


class TwinSections:
    """`set_sections(conn, device_id, sections)` writes a twin; `token_id(pickup_id, generation)` is the id of a
    pickup's QR code. Without `token_id` (who raises no generation has no need of it) the list of void codes stays."""

    def __init__(self, set_sections: SetSections, token_id: TokenId | None = None) -> None:
        self._set_sections = set_sections
        self._token_id = token_id

    def write_map(self, conn: Connection, locker_id: str, items: Sequence[Compartment]) -> None:
        """The compartments as they are wired, and whom its codes must be meant for."""
        rows = [_map_row(item) for item in items]
        self._set_sections(conn, locker_id, {"compartments": rows, "audiences": [f"locker:{locker_id}"]})

    def write_zones(self, conn: Connection, locker_id: str, zones: Sequence[Zone]) -> None:
        """Which compartments share a climate, and its limits."""
        rows = [
            {
                "zone": item.zone, "compartments": list(item.compartments), "low_mc": item.low_mc,
                "high_mc": item.high_mc, "max_s": item.max_s,
            }
            for item in zones
        ]  # fmt: skip
        self._set_sections(conn, locker_id, {"zones": rows or None})

    def write(self, conn: Connection, locker_id: str, more: Mapping[str, Any] | None = None) -> None:
        """Reservations, deadlines, parcels to take out, and void QR codes, as they stand now; one new version."""
        store.end_twin_wait(conn, locker_id)
        active = reservation_store.active_reservations(conn, locker_id)
        wishes = store.wishes_on_the_way(conn, locker_id)
        deadlines = {item.pickup_id: item.collect_by_ms for item in active if item.fulfilled}
        sections = {
            "reservations": [_reservation_row(item, wishes.get(item.parcel_key)) for item in active],
            "collect_by": deadlines or None,
            "retrievals": task_store.parcels_to_retrieve(conn, locker_id) or None,
        }
        if self._token_id is not None:
            blocked, made_there = reservation_store.marked_pickups(conn, locker_id)
            void = _void_codes(active, made_there, self._token_id) | proxy_store.void_codes(conn, locker_id)
            void |= {self._token_id(item.pickup_id, item.generation) for item in active if item.pickup_id in blocked}
            sections["revoked"] = sorted(void) or None
        self._set_sections(conn, locker_id, {**sections, **(more or {})})

    def write_later(self, conn: Connection, locker_id: str, now_ms: int) -> None:
        """What the device saw itself it need not be told at once: with the next change, or when its patience ends.

        Never later than an hour before the first deadline, which the device knows only roughly until then.
        """
        first_ms = reservation_store.first_deadline(conn, locker_id)
        due_ms = now_ms + PATIENCE_MS if first_ms is None else min(now_ms + PATIENCE_MS, first_ms - DEADLINE_MARGIN_MS)
        if due_ms <= now_ms:
            self.write(conn, locker_id)
        else:
            store.begin_twin_wait(conn, locker_id, due_ms)

    def write_due(self, conn: Connection, now_ms: int, limit: int) -> int:
        """Write the twins whose patience has ended; how many."""
        due = store.twins_due(conn, now_ms, limit)
        for locker_id in due:
            self.write(conn, locker_id)
        return len(due)

    def restore(self, conn: Connection, locker_id: str, snapshot: dict[str, Any]) -> None:
        """Hand a locker with a new log what it must know before it opens; its reservations follow suit."""
        self.write(conn, locker_id, {"restore": snapshot})


def _void_codes(active: Sequence[Reservation], made_there: Collection[str], token_id: TokenId) -> set[str]:
    """The QR codes of older generations: signed and unexpired, so only this list keeps them from opening a door.

    A device that made a pickup itself began with generation 0, the cloud with 1.
    """
    return {
        token_id(item.pickup_id, generation)
        for item in active
        for generation in range(0 if item.pickup_id in made_there else 1, item.generation)
    }


def _reservation_row(item: Reservation, wish: Wish | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "reservation_id": item.reservation_id, "parcel_id": item.parcel_id, "pickup_id": item.pickup_id,
        "compartment_no": item.compartment_no, "generation": item.generation,
        "expires_at_ms": item.expires_at_ms, "collect_by_ms": item.collect_by_ms,
    }  # fmt: skip
    if wish is None:
        return row
    needs: dict[str, Any] = {"accessible": True} if wish.accessible else {}
    if wish.features:
        needs["features"] = sorted(wish.features)
    size = wish.size
    return row | {"width_mm": size.width_mm, "height_mm": size.height_mm, "depth_mm": size.depth_mm} | needs


def _map_row(item: Compartment) -> dict[str, Any]:
    return {
        "no": item.no, "module": item.module, "channel": item.channel, "width_mm": item.size.width_mm,
        "height_mm": item.size.height_mm, "depth_mm": item.size.depth_mm, "sill_mm": item.sill_mm,
        "features": sorted(item.features),
    }  # fmt: skip
