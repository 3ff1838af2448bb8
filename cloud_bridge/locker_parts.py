"""Wires the context of lockers: its use cases, its routes and the work that its clock brings about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cloud_bridge.fleet import secrets, twins
from cloud_bridge.fleet.service import Fleet
from cloud_bridge.http.route import Route
from cloud_bridge.keyring import Keyring
from cloud_bridge.lockers import http as lockers_http
from cloud_bridge.lockers.deadlines import Deadlines
from cloud_bridge.lockers.drop_offs import DropOffs
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.extensions import Extensions
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.opening import Opening
from cloud_bridge.lockers.passes import Passes
from cloud_bridge.lockers.paying import Paying
from cloud_bridge.lockers.payments import PaymentProvider
from cloud_bridge.lockers.pickup_http import PickupParts
from cloud_bridge.lockers.pickup_link import token_jti
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.proxying import Proxying
from cloud_bridge.lockers.reactions import LockerReactions
from cloud_bridge.lockers.restoration import LockerRestoration
from cloud_bridge.lockers.service import Lockers
from cloud_bridge.lockers.terms import Terms
from cloud_bridge.payment_simulator import PaymentSimulator
from cloud_bridge.ports import Clock, Random
from cloud_bridge.settings import Settings
from cloud_bridge.storage.engine import Database

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class LockerParts:
    """What the rest of the bridge needs of the lockers."""

    lockers: Lockers
    pickups: Pickups
    pages: PickupParts
    reactions: LockerReactions
    restoration: LockerRestoration
    deadlines: Deadlines
    passes: Passes
    drop_offs: DropOffs

    def routes(self, fleet: Fleet) -> tuple[Route, ...]:
        return lockers_http.routes(self.lockers, self.pages, self.passes, self.drop_offs, fleet.command)


def locker_parts(
    db: Database, keyring: Keyring, settings: Settings, clock: Clock, random: Random, fleet: Fleet
) -> LockerParts:  # fmt: skip
    """The context, wired; nothing runs yet."""
    key = keyring.link_key
    lockers = lockers_of(settings, key, random)
    pickups = Pickups(keyring.cloud.fleet, keyring.pickup, key, secrets.pin_key)
    provider: PaymentProvider | None = PaymentSimulator() if settings.payments == "simulator" else None
    duties = Duties(random)
    extensions = Extensions(lockers.bookings, can_charge=provider is not None)
    pages = PickupParts(
        db, pickups, extensions,
        Paying(db, provider, pickups, extensions, lockers.bookings.telling, duties, clock, random),
        Proxying(pickups, lockers.twin, random), Opening(db, pickups, lockers.twin, fleet.command, clock), duties,
        settings.public_url,
    )  # fmt: skip
    return LockerParts(
        lockers, pickups, pages, LockerReactions(lockers, random), LockerRestoration(lockers, secrets.pin_key),
        Deadlines(lockers, random), Passes(keyring.cloud.fleet, keyring.pickup, random),
        DropOffs(lockers, random, key),
    )  # fmt: skip


def lockers_of(settings: Settings, link_key: bytes, random: Random) -> Lockers:
    """The use cases of lockers under the configured terms."""
    return Lockers(
        random, twins.set_sections, terms_of(settings), token_id=partial(token_jti, link_key), contact_key=link_key
    )  # fmt: skip


def terms_of(settings: Settings) -> Terms:
    """The house's terms as they are configured."""
    price = settings.extension_price_minor
    return Terms(
        hold_ms=settings.hold_hours * HOUR_MS, collect_ms=settings.collect_hours * HOUR_MS,
        day_end=settings.collect_until == "day_end", remind_ms=settings.remind_hours * HOUR_MS,
        extension_days=settings.extension_days,
        extension_price=Money(price, settings.extension_currency) if price else None,
        extensions_most=settings.extensions_most,
    )  # fmt: skip
