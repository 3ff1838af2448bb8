"""Joins a notification with its pickup and person at the moment of sending: notify knows neither."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from cloud_bridge.lockers import store
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.notify.model import Contact
from cloud_bridge.notify.store import Message
from cloud_bridge.notify.worker import Letter


def letter_lookup(
    lockers: Lockers, pickups: Pickups, public_url: str
) -> Callable[[Connection, Message], Letter | None]:
    """The worker's `lookup`."""

    def lookup(conn: Connection, message: Message) -> Letter | None:
        found = store.reservation_of_pickup(conn, message.pickup_id)
        row = store.parcel(conn, message.tenant, message.parcel_id)
        if found is None or row is None:
            return None
        reservation, _ = found
        person = lockers.recipient(conn, row)
        locker = store.locker(conn, reservation.locker_id)
        if person is None or locker is None:
            return None
        facts = {
            "name": person.name, "parcel": message.parcel_id, "locker": locker.name, "address": locker.address,
            "deadline": _date(reservation.collect_by_ms, person.language),
            "link": f"{public_url}/p/{pickups.link(reservation)}",
        }  # fmt: skip
        return Letter(Contact(person.name, person.email, person.phone, person.language), facts)

    return lookup


def _date(at_ms: int, language: str) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%d.%m.%Y %H:%M} UTC" if language == "de" else f"{moment:%d %b %Y %H:%M} UTC"
