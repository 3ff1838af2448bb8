"""Routes of parcels: manifests, reservations, codes, payments on delivery, what came back, people erased."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.http.route import JSON, Call, Model, Route
from cloud_bridge.lockers import store
from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.installation_http import DeviceId
from cloud_bridge.lockers.manifest import MAX_MANIFEST_BYTES, Finding, read_manifest
from cloud_bridge.lockers.model import Money
from cloud_bridge.lockers.paying import Paying
from cloud_bridge.lockers.pickups import unpaid
from cloud_bridge.lockers.service import Lockers, ParcelView

AmountMinor = Annotated[int, Field(ge=1, le=10**9, description="In the currency's smallest unit")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217")]


class RejectionReply(Model):
    compartment_no: int
    reason: str
    detail: str


class AssignmentReply(Model):
    compartment_no: int | None
    rejected: list[RejectionReply]
    passed_over: list[int] = Field(description="Would have served too, but are larger")


class FindingReply(Model):
    line: int = Field(description="Line of the file, or place of the parcel in JSON; 0: the whole file")
    column: str
    what: str
    remedy: str


class AnnouncedReply(Model):
    parcel_id: str
    locker_id: str | None = Field(description="Where a compartment is held: another one nearby when yours is full")
    compartment_no: int | None
    promised: bool = Field(description="No compartment is free yet; one is expected by the time the courier comes")
    assignment: AssignmentReply | None = Field(description="How a compartment was chosen, where one was asked for")


class ManifestReply(Model):
    announced: list[AnnouncedReply]
    findings: list[FindingReply]


class RecipientReply(Model):
    name: str
    email: str
    phone: str
    language: str


class ParcelReply(Model):
    parcel_id: str
    carrier: str
    state: str
    width_mm: int
    height_mm: int
    depth_mm: int
    weight_g: int
    features: list[str]
    locker_id: str | None
    compartment_no: int | None
    announced_at_ms: int
    deposited_at_ms: int | None
    left_at_ms: int | None
    expires_at_ms: int | None
    collect_by_ms: int | None
    origin: str
    cod_minor: int = Field(description="To be paid on delivery in all; 0: nothing")
    cod_due_minor: int = Field(description="Of that, what is not paid yet")
    currency: str
    erased: bool
    recipient: RecipientReply | None = Field(description="For the operator's and support's eyes only")


class ParcelPage(Model):
    parcels: list[ParcelReply]
    next: str | None = Field(description="Give it as `after` for the next page")


class PageQuery(Model):
    after: Annotated[str, Field(pattern="^[A-Z0-9-]{0,40}$")] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ReserveBody(Model):
    locker_id: DeviceId


class ReservationReply(Model):
    reservation_id: str
    locker_id: str
    compartment_no: int
    expires_at_ms: int
    assignment: AssignmentReply


class PaymentBody(Model):
    amount_minor: AmountMinor
    currency: Currency
    reference: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,64}$", description="Your own name for the payment")]


class PaymentReply(Model):
    payment_id: str
    amount_minor: int
    currency: str
    state: str


class Done(Model):
    done: bool = True


def routes(lockers: Lockers, paying: Paying) -> tuple[Route, ...]:
    def import_manifest(call: Call, conn: Connection) -> ManifestReply:
        manifest = read_manifest(call.body, as_json=call.request.content_type == JSON)
        done, refused = lockers.announce_rows(conn, call.principal.tenant, manifest.rows, call.now_ms)
        findings = sorted((*manifest.findings, *refused), key=lambda item: item.line)
        announced = [
            AnnouncedReply(
                parcel_id=item.parcel_id,
                locker_id=item.reservation.locker_id if item.reservation else None,
                compartment_no=item.reservation.compartment_no if item.reservation else None,
                promised=item.promised,
                assignment=_assignment(item.assignment) if item.assignment else None,
            )
            for item in done
        ]
        return ManifestReply(announced=announced, findings=[_finding(item) for item in findings])

    def list_parcels(call: Call, conn: Connection) -> ParcelPage:
        rows = store.parcels_after(conn, call.principal.tenant, call.query.after, call.query.limit)
        views = [_parcel(call, conn, lockers.view(conn, row, call.now_ms), lockers) for row in rows]
        return ParcelPage(parcels=views, next=rows[-1].parcel_id if len(rows) == call.query.limit else None)

    def get_parcel(call: Call, conn: Connection) -> ParcelReply:
        view = lockers.parcel(conn, call.principal.tenant, call.params["parcel_id"], call.now_ms)
        return _parcel(call, conn, view, lockers)

    def reserve(call: Call, conn: Connection) -> ReservationReply:
        reservation, assignment = lockers.reserve(
            conn, call.principal.tenant, call.params["parcel_id"], call.body.locker_id, call.now_ms
        )
        return ReservationReply(
            reservation_id=reservation.reservation_id, locker_id=reservation.locker_id,
            compartment_no=reservation.compartment_no, expires_at_ms=reservation.expires_at_ms,
            assignment=_assignment(assignment),
        )  # fmt: skip

    def release(call: Call, conn: Connection) -> Done:
        lockers.release(conn, call.principal.tenant, call.params["parcel_id"])
        return Done()

    def reissue(call: Call, conn: Connection) -> Done:
        lockers.reissue(conn, call.principal.tenant, call.params["parcel_id"])
        return Done()

    def erase(call: Call, conn: Connection) -> Done:
        lockers.erase(conn, call.principal.tenant, call.params["parcel_id"])
        return Done()

    def pay(call: Call, conn: Connection) -> PaymentReply:
        view = lockers.parcel(conn, call.principal.tenant, call.params["parcel_id"], call.now_ms)
        key = f"booked:{call.principal.tenant}:{call.request.headers['Idempotency-Key']}"
        money = Money(call.body.amount_minor, call.body.currency)
        made = paying.book(conn, view.row, money, key, call.body.reference)
        return PaymentReply(
            payment_id=made.payment_id, amount_minor=made.money.amount_minor, currency=made.money.currency,
            state=made.state.value,
        )  # fmt: skip

    def returned(call: Call, conn: Connection) -> Done:
        lockers.returned(conn, call.principal.tenant, call.params["parcel_id"], call.now_ms)
        return Done()

    parcel = "/v1/parcels/{parcel_id}"
    return (
        Route("POST", "/v1/manifests", Permission.PARCELS_ANNOUNCE, import_manifest,
              "Announce parcels from a CSV or JSON manifest", "parcels", "write", reply=ManifestReply, status=201,
              creates=True, accepts=("text/csv", JSON), max_body_bytes=MAX_MANIFEST_BYTES),
        Route("GET", "/v1/parcels", Permission.PARCELS_READ, list_parcels, "List parcels", "parcels",
              query=PageQuery, reply=ParcelPage),
        Route("GET", parcel, Permission.PARCELS_READ, get_parcel, "A parcel", "parcels", reply=ParcelReply),
        Route("POST", f"{parcel}/reservation", Permission.PARCELS_WRITE, reserve,
              "Reserve the smallest compartment that serves", "parcels", "write", ReserveBody,
              reply=ReservationReply, status=201, creates=True),
        Route("DELETE", f"{parcel}/reservation", Permission.PARCELS_WRITE, release,
              "Give a reservation up before its parcel comes", "parcels", "write", reply=Done),
        Route("POST", f"{parcel}/reissue", Permission.PARCELS_WRITE, reissue,
              "Void the recipient's link and QR code; the next message carries a new one", "parcels", "write",
              reply=Done),
        Route("POST", f"{parcel}/payments", Permission.PAYMENTS_WRITE, pay,
              "Record what was paid elsewhere for a delivery", "parcels", "write", PaymentBody, reply=PaymentReply,
              status=201, creates=True),
        Route("POST", f"{parcel}/returned", Permission.PARCELS_RETURN, returned,
              "A parcel that was taken out is back with its sender or at the depot", "parcels", "write", reply=Done),
        Route("DELETE", f"{parcel}/recipient", Permission.PARCELS_ERASE, erase, "Forget the recipient for ever",
              "parcels", "write", reply=Done),
    )  # fmt: skip


def _assignment(item: Assignment) -> AssignmentReply:
    rejected = [
        RejectionReply(compartment_no=row.compartment_no, reason=row.reason, detail=row.detail) for row in item.rejected
    ]
    return AssignmentReply(
        compartment_no=item.compartment_no, rejected=rejected, passed_over=list(item.passed_over)
    )  # fmt: skip


def _finding(item: Finding) -> FindingReply:
    return FindingReply(line=item.line, column=item.column, what=item.what, remedy=item.remedy)


def _parcel(call: Call, conn: Connection, view: ParcelView, lockers: Lockers) -> ParcelReply:
    row, plan, fact = view.row, view.reservation, view.custody
    person, due = _recipient(call, conn, view, lockers), unpaid(conn, row)
    place: Any = fact if fact is not None and fact.state == "deposited" else plan
    return ParcelReply(
        parcel_id=row.parcel_id, carrier=row.carrier, state=view.state.value, width_mm=row.wish.size.width_mm,
        height_mm=row.wish.size.height_mm, depth_mm=row.wish.size.depth_mm, weight_g=row.wish.weight_g,
        features=sorted(row.wish.features), locker_id=place.locker_id if place else row.wanted_locker_id,
        compartment_no=place.compartment_no if place else None, announced_at_ms=row.announced_at_ms,
        deposited_at_ms=fact.deposited_at_ms if fact else None, left_at_ms=fact.left_at_ms if fact else None,
        expires_at_ms=plan.expires_at_ms if plan else None, collect_by_ms=plan.collect_by_ms if plan else None,
        origin=row.origin.value, cod_minor=row.cod.amount_minor if row.cod else 0,
        cod_due_minor=due.amount_minor if due else 0, currency=row.cod.currency if row.cod else "",
        erased=bool(row.recipient_sealed) and store.data_key(conn, row.parcel_key) is None,
        recipient=person,
    )  # fmt: skip


def _recipient(call: Call, conn: Connection, view: ParcelView, lockers: Lockers) -> RecipientReply | None:
    """Only in the answer about one parcel, and only to a role that helps people."""
    if "parcel_id" not in call.params or not call.principal.may(Permission.PARCELS_WRITE):
        return None
    person = lockers.recipient(conn, view.row)
    if person is None:
        return None
    return RecipientReply(name=person.name, email=person.email, phone=person.phone, language=person.language)
