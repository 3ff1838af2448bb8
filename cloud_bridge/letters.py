"""Joins a notification with its pickup and person at the moment of sending: notify knows neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from cloud_bridge.local_words import amount_text, deadline_text
from cloud_bridge.lockers import drop_off_store, reservation_store, store
from cloud_bridge.lockers.drop_offs import sender_of
from cloud_bridge.lockers.model import Locker, Recipient, Reservation
from cloud_bridge.lockers.pickups import Pickups, unpaid
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.site_time import time_zone
from cloud_bridge.lockers.store import ParcelRow
from cloud_bridge.notify import webhook_store
from cloud_bridge.notify.model import Contact, Hook
from cloud_bridge.notify.store import Message
from cloud_bridge.notify.webhook import webhook_secret
from cloud_bridge.notify.worker import Letter

SENDERS_KINDS = ("drop_off", "dropped")


@dataclass(frozen=True, slots=True)
class Letters:
    """`find` is the worker's lookup; `public_url` is where links lead."""

    lockers: Lockers
    pickups: Pickups
    public_url: str

    def find(self, conn: Connection, message: Message) -> Letter | None:
        """None: nobody is there to be told (any more)."""
        row = store.parcel(conn, message.tenant, message.parcel_id)
        every = reservation_store.reservations_of_pickup(conn, message.pickup_id)
        own = [item for item, _ in every if item.parcel_id == message.parcel_id]
        last = reservation_store.last_for_parcel(conn, row.parcel_key) if row is not None else None
        plan = own[0] if own else last
        locker = store.locker(conn, plan.locker_id) if plan is not None else None
        if row is None or plan is None or locker is None:
            return None
        person = self._person(conn, message, row)
        contact = self._contact(conn, message, person)
        if contact is None:
            return None
        return Letter(contact, self._facts(conn, message, row, plan, locker, contact))

    def _person(self, conn: Connection, message: Message, row: ParcelRow) -> Recipient | None:
        if message.kind not in SENDERS_KINDS:
            return self.lockers.recipient(conn, row)
        dropped = drop_off_store.by_parcel(conn, row.parcel_key)
        return sender_of(conn, dropped) if dropped is not None else None

    def _contact(self, conn: Connection, message: Message, person: Recipient | None) -> Contact | None:
        if not message.via:
            return person and Contact(person.name, person.email, person.phone, person.language)
        hook = webhook_store.live_webhook(conn, message.via.partition(":")[2])
        if hook is None or hook.tenant != message.tenant:
            return None
        secret = webhook_secret(self.pickups.link_key, hook.webhook_id)
        return Contact("", "", "", person.language if person else "en", Hook(hook.url, secret))

    def _facts(
        self, conn: Connection, message: Message, row: ParcelRow, plan: Reservation, locker: Locker, contact: Contact
    ) -> Mapping[str, str]:
        language, zone, due = contact.language, time_zone(locker.time_zone), unpaid(conn, row)
        sending = message.kind in SENDERS_KINDS
        deadline = plan.expires_at_ms if message.kind == "drop_off" else plan.collect_by_ms
        path = f"/d/{self.pickups.sender_link(plan.pickup_id)}" if sending else f"/p/{self.pickups.link(plan)}"
        return {
            "name": contact.name, "parcel": message.parcel_id, "locker": locker.name, "address": locker.address,
            "locker_id": locker.locker_id, "deadline": deadline_text(deadline, zone, language),
            "deadline_ms": str(deadline), "amount": amount_text(due, language) if due is not None else "",
            "link": self.public_url + path,
        }  # fmt: skip


def letter_lookup(
    lockers: Lockers, pickups: Pickups, public_url: str
) -> Callable[[Connection, Message], Letter | None]:  # fmt: skip
    """The worker's `lookup`."""
    return Letters(lockers, pickups, public_url).find
