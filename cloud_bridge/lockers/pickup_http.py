"""Routes of recipients and their proxies, behind a link: see, open, extend, pay, send somebody, complain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import Conflict
from cloud_bridge.fleet.model import CommandRecord
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers import proxy_store
from cloud_bridge.lockers.claims import ClaimKind
from cloud_bridge.lockers.duties import Duties
from cloud_bridge.lockers.extensions import Extensions
from cloud_bridge.lockers.installation_http import CompartmentNo
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.opening import Opening
from cloud_bridge.lockers.parcel_http import AmountMinor, Currency, Done
from cloud_bridge.lockers.paying import Paying
from cloud_bridge.lockers.pickups import Pickup, Pickups
from cloud_bridge.lockers.proxying import Proxying
from cloud_bridge.storage.engine import Database

DISPUTABLE = ("waiting", "collected")


class OfferReply(Model):
    days: int
    price_minor: int
    currency: str
    collect_by_ms: int


class ProxyReply(Model):
    proxy_id: str
    state: str
    expires_at_ms: int
    url: str = Field(description="To be forwarded; empty once it leads nowhere")


class PickupParcelReply(Model):
    parcel_id: str
    compartment_no: int | None
    state: str


class PickupReply(Model):
    state: str
    locker_id: str
    locker: str
    address: str
    time_zone: str
    collect_by_ms: int
    parcels: list[PickupParcelReply]
    doors: list[int] = Field(description="Doors that may be opened from the phone now")
    to_pay_minor: int
    currency: str
    offers: list[OfferReply] = Field(description="More time that can be had now")
    proxies: list[ProxyReply]


class OpenBody(Model):
    compartment_no: CompartmentNo


class OpeningReply(Model):
    command_id: str
    compartment_no: int
    state: str
    outcome: str


class ExtendBody(Model):
    price_minor: Annotated[int, Field(ge=0, le=10**9, description="As it was offered; 0: free")]
    currency: Annotated[str, Field(pattern="^([A-Z]{3})?$")] = ""


class PayBody(Model):
    amount_minor: AmountMinor
    currency: Currency


class TermsReply(Model):
    """What a kept answer may hold: no link and no code."""

    state: str
    collect_by_ms: int


class ClaimBody(Model):
    parcel_id: Annotated[str, Field(pattern="^[A-Z0-9-]{4,40}$")]
    kind: Literal["empty", "damaged"]


class ClaimMade(Model):
    claim_id: str
    state: str


@dataclass(frozen=True, slots=True)
class PickupParts:
    """What the routes work with; `public_url` is where links lead."""

    db: Database
    pickups: Pickups
    extensions: Extensions
    paying: Paying
    proxying: Proxying
    opening: Opening
    duties: Duties
    public_url: str


def routes(parts: PickupParts) -> tuple[Route, ...]:
    return (*_open_routes(parts), *_money_routes(parts), *_people_routes(parts))


def _open_routes(parts: PickupParts) -> tuple[Route, ...]:
    def get(call: Call, conn: Connection) -> PickupReply:
        return _reply(parts, conn, parts.pickups.show_to(conn, call.principal, call.now_ms), call.now_ms)

    async def open_door(call: Call) -> OpeningReply:
        return _opening(await parts.opening.open(call.principal, call.body.compartment_no))

    def outcome(call: Call, conn: Connection) -> OpeningReply:
        return _opening(parts.opening.outcome(conn, call.principal, call.params["command_id"], call.now_ms))

    link, tag, pickup = Permission.PICKUP_LINK, "pickups", "/v1/pickups/{link}"
    return (
        Route("GET", pickup, link, get, "A pickup, for who holds its link", tag, reply=PickupReply),
        Route("POST", f"{pickup}/openings", link, open_door, "Open a door from the phone", tag, "serve", OpenBody,
              reply=OpeningReply, status=201, creates=True),
        Route("GET", f"{pickup}/openings/{{command_id}}", link, outcome, "What became of an opening", tag,
              reply=OpeningReply),
    )  # fmt: skip


def _money_routes(parts: PickupParts) -> tuple[Route, ...]:
    async def extend(call: Call) -> TermsReply:
        body: ExtendBody = call.body
        agreed = Money(body.price_minor, body.currency) if body.price_minor else None
        return _terms(await parts.paying.extend(call.principal.subject, agreed, _key(call)))

    async def pay(call: Call) -> TermsReply:
        money = Money(call.body.amount_minor, call.body.currency)
        return _terms(await parts.paying.pay_on_delivery(call.principal.subject, money, _key(call)))

    own, tag, pickup = Permission.PICKUP_OWN, "pickups", "/v1/pickups/{link}"
    return (
        Route("POST", f"{pickup}/extend", own, extend, "Take more time, at the price offered", tag, "serve",
              ExtendBody, reply=TermsReply, status=201, creates=True),
        Route("POST", f"{pickup}/pay", own, pay, "Pay on delivery; the code is given out then", tag, "serve", PayBody,
              reply=TermsReply, status=201, creates=True),
    )  # fmt: skip


def _people_routes(parts: PickupParts) -> tuple[Route, ...]:
    def make_proxy(call: Call, conn: Connection) -> PickupReply:
        pickup = parts.pickups.show_to(conn, call.principal, call.now_ms)
        parts.proxying.make(conn, pickup, call.now_ms)
        return _reply(parts, conn, pickup, call.now_ms)

    def revoke_proxy(call: Call, conn: Connection) -> Done:
        pickup = parts.pickups.show_to(conn, call.principal, call.now_ms)
        parts.proxying.revoke(conn, pickup, call.params["proxy_id"], call.now_ms)
        return Done()

    def complain(call: Call, conn: Connection) -> ClaimMade:
        pickup = parts.pickups.show_to(conn, call.principal, call.now_ms)
        about = next((item for item in pickup.parcels if item.parcel_id == call.body.parcel_id), None)
        if about is None or pickup.state not in DISPUTABLE:
            raise Conflict("this parcel was not handed out", where="parcel_id", remedy="Collect it first.")
        made = parts.duties.dispute(
            conn, call.principal.tenant, ClaimKind(call.body.kind), pickup.locker.locker_id, about.parcel_id,
            call.principal.subject, call.now_ms, compartment_no=about.compartment_no, source="page",
        )  # fmt: skip
        return ClaimMade(claim_id=made.claim_id, state=made.state.value)

    own, tag, pickup = Permission.PICKUP_OWN, "pickups", "/v1/pickups/{link}"
    return (
        Route("POST", f"{pickup}/proxies", own, make_proxy, "A one-time link for somebody who collects for you", tag,
              "write", reply=PickupReply, status=201),
        Route("DELETE", f"{pickup}/proxies/{{proxy_id}}", own, revoke_proxy, "Take such a link back", tag, "write",
              reply=Done),
        Route("POST", f"{pickup}/claims", Permission.PICKUP_LINK, complain, "Say that it was empty or damaged", tag,
              "write", ClaimBody, reply=ClaimMade, status=201),
    )  # fmt: skip


def _key(call: Call) -> str:
    """One wish to pay: asked twice with the same header it is one payment."""
    return f"{call.principal.subject}:{call.request.path.rpartition('/')[2]}:{call.request.headers['Idempotency-Key']}"


def _terms(pickup: Pickup) -> TermsReply:
    return TermsReply(state=pickup.state, collect_by_ms=pickup.reservation.collect_by_ms)


def _reply(parts: PickupParts, conn: Connection, pickup: Pickup, now_ms: int) -> PickupReply:
    offer = parts.extensions.offer(conn, pickup, now_ms)
    locker, due = pickup.locker, pickup.to_pay
    price = offer.price if offer is not None else None
    offers = [] if offer is None else [
        OfferReply(
            days=offer.days, price_minor=price.amount_minor if price else 0, currency=price.currency if price else "",
            collect_by_ms=offer.collect_by_ms,
        )
    ]  # fmt: skip
    parcels = [
        PickupParcelReply(parcel_id=item.parcel_id, compartment_no=item.compartment_no, state=item.state.value)
        for item in pickup.parcels
    ]
    return PickupReply(
        state=pickup.state, locker_id=locker.locker_id, locker=locker.name, address=locker.address,
        time_zone=locker.time_zone, collect_by_ms=pickup.reservation.collect_by_ms, parcels=parcels,
        doors=list(pickup.doors), to_pay_minor=due.amount_minor if due else 0, currency=due.currency if due else "",
        offers=offers, proxies=_proxies(parts, conn, pickup, now_ms),
    )  # fmt: skip


def _proxies(parts: PickupParts, conn: Connection, pickup: Pickup, now_ms: int) -> list[ProxyReply]:
    """For the recipient's eyes alone."""
    if pickup.proxy is not None:
        return []
    return [
        ProxyReply(
            proxy_id=item.proxy_id, state="live" if item.live(now_ms) else "ended", expires_at_ms=item.expires_at_ms,
            url=f"{parts.public_url}/p/{parts.pickups.proxy_link(item.proxy_id)}" if item.live(now_ms) else "",
        )
        for item in proxy_store.proxies_of(conn, pickup.reservation.pickup_id)
    ]  # fmt: skip


def _opening(row: CommandRecord) -> OpeningReply:
    return OpeningReply(
        command_id=row.command_id, compartment_no=row.args["compartment_no"], state=row.state.value,
        outcome=row.outcome,
    )  # fmt: skip
