"""Routes of lockers: installations, manifests, parcels, courier grants."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import InvalidData
from cloud_bridge.http.route import JSON, Call, Model, Route
from cloud_bridge.lockers import store
from cloud_bridge.lockers.assignment import Assignment
from cloud_bridge.lockers.manifest import MAX_MANIFEST_BYTES, Finding, read_manifest
from cloud_bridge.lockers.model import Compartment, Locker, Size
from cloud_bridge.lockers.pickups import Pickups
from cloud_bridge.lockers.service import Lockers, ParcelView

Code = Annotated[str, Field(pattern=r"^[a-z0-9_.:-]{1,64}$")]
DeviceId = Annotated[str, Field(pattern=r"^[a-z0-9-]{3,40}$")]
Text = Annotated[str, Field(min_length=1, max_length=200)]
EdgeMm = Annotated[int, Field(ge=1, le=10_000)]


class CompartmentBody(Model):
    no: Annotated[int, Field(ge=1, le=9999, description="The number printed on the door")]
    width_mm: EdgeMm
    height_mm: EdgeMm
    depth_mm: EdgeMm
    sill_mm: Annotated[int, Field(ge=0, le=10_000, description="Height of the sill over the floor")]
    features: Annotated[list[Code], Field(max_length=16)] = []
    module: Code
    channel: Annotated[int, Field(ge=1, le=255)]


class LockerBody(Model):
    name: Text
    address: Text
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "en"
    compartments: Annotated[list[CompartmentBody], Field(max_length=2000)]


class CompartmentReply(Model):
    no: int
    width_mm: int
    height_mm: int
    depth_mm: int
    sill_mm: int
    features: list[str]
    enabled: bool
    door: str
    holds: str | None
    reserved_for: str | None


class LockerReply(Model):
    locker_id: str
    name: str
    address: str
    compartments: list[CompartmentReply]


class LockerRow(Model):
    locker_id: str
    name: str
    address: str


class LockerList(Model):
    lockers: list[LockerRow]


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
    compartment_no: int | None
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


class GrantBody(Model):
    public_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$", description="Raw Ed25519, base64url")]
    locker_ids: Annotated[list[DeviceId], Field(min_length=1, max_length=32)]


class GrantReply(Model):
    grant: str
    expires_at_ms: int


class Done(Model):
    done: bool = True


def routes(lockers: Lockers, pickups: Pickups) -> tuple[Route, ...]:
    """All routes of the context."""
    return (*_locker_routes(lockers), *_parcel_routes(lockers), *_courier_routes(pickups))


def _list_lockers(call: Call, conn: Connection) -> LockerList:
    rows = store.lockers_of(conn, call.principal.tenant)
    return LockerList(lockers=[LockerRow(locker_id=row.locker_id, name=row.name, address=row.address) for row in rows])


def _locker_routes(lockers: Lockers) -> tuple[Route, ...]:
    def get_locker(call: Call, conn: Connection) -> LockerReply:
        locker = lockers.locker_of(conn, call.principal.tenant, call.params["locker_id"])
        return _locker_reply(lockers, conn, locker)

    def put_locker(call: Call, conn: Connection) -> LockerReply:
        body: LockerBody = call.body
        locker = Locker(call.params["locker_id"], call.principal.tenant, body.name, body.address, body.language)
        items = [_compartment(item) for item in body.compartments]
        if len({item.no for item in items}) != len(items):
            raise InvalidData("a number stands twice", where="body.compartments", remedy="Number each door once.")
        lockers.install(conn, locker, items)
        return _locker_reply(lockers, conn, locker)

    return (
        Route("GET", "/v1/lockers", Permission.LOCKERS_READ, _list_lockers, "List lockers", "lockers",
              reply=LockerList),
        Route("GET", "/v1/lockers/{locker_id}", Permission.LOCKERS_READ, get_locker,
              "A locker with its compartments as they stand now", "lockers", reply=LockerReply),
        Route("PUT", "/v1/lockers/{locker_id}", Permission.LOCKERS_WRITE, put_locker, "Install or change a locker",
              "lockers", "write", LockerBody, reply=LockerReply, max_body_bytes=1024 * 1024),
    )  # fmt: skip


def _parcel_routes(lockers: Lockers) -> tuple[Route, ...]:
    def import_manifest(call: Call, conn: Connection) -> ManifestReply:
        manifest = read_manifest(call.body, as_json=call.request.content_type == JSON)
        done, refused = lockers.announce_rows(conn, call.principal.tenant, manifest.rows, call.now_ms)
        findings = sorted((*manifest.findings, *refused), key=lambda item: item.line)
        announced = [
            AnnouncedReply(
                parcel_id=item.parcel_id,
                compartment_no=item.reservation.compartment_no if item.reservation else None,
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
        Route("DELETE", f"{parcel}/recipient", Permission.PARCELS_ERASE, erase, "Forget the recipient for ever",
              "parcels", "write", reply=Done),
    )  # fmt: skip


def _courier_routes(pickups: Pickups) -> tuple[Route, ...]:
    def grant(call: Call, conn: Connection) -> GrantReply:
        public = base64.urlsafe_b64decode(call.body.public_key + "=")
        made = pickups.grant(conn, call.principal, public, tuple(call.body.locker_ids), call.now_ms)
        return GrantReply(grant=pickups.grant_text(made), expires_at_ms=made.expires_at_ms)

    return (
        Route("GET", "/v1/courier/lockers", Permission.COURIER_WORK, _list_lockers, "Lockers a courier may serve",
              "courier", reply=LockerList),
        Route("POST", "/v1/courier/grants", Permission.COURIER_WORK, grant,
              "Certify the courier's own key for a route", "courier", "write", GrantBody, reply=GrantReply,
              status=201),
    )  # fmt: skip


def _locker_reply(lockers: Lockers, conn: Connection, locker: Locker) -> LockerReply:
    rows = [
        CompartmentReply(
            no=view.compartment.no, width_mm=view.compartment.size.width_mm,
            height_mm=view.compartment.size.height_mm, depth_mm=view.compartment.size.depth_mm,
            sill_mm=view.compartment.sill_mm, features=sorted(view.compartment.features), enabled=view.enabled,
            door=view.door, holds=view.holds, reserved_for=view.reserved_for,
        )
        for view in lockers.views(conn, locker.locker_id)
    ]  # fmt: skip
    return LockerReply(locker_id=locker.locker_id, name=locker.name, address=locker.address, compartments=rows)


def _compartment(item: CompartmentBody) -> Compartment:
    size = Size(item.width_mm, item.height_mm, item.depth_mm)
    return Compartment(item.no, size, item.sill_mm, frozenset(item.features), item.module, item.channel)


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
    person = _recipient(call, conn, view, lockers)
    place: Any = fact if fact is not None and fact.state == "deposited" else plan
    return ParcelReply(
        parcel_id=row.parcel_id, carrier=row.carrier, state=view.state.value, width_mm=row.wish.size.width_mm,
        height_mm=row.wish.size.height_mm, depth_mm=row.wish.size.depth_mm, weight_g=row.wish.weight_g,
        features=sorted(row.wish.features), locker_id=place.locker_id if place else row.wanted_locker_id,
        compartment_no=place.compartment_no if place else None, announced_at_ms=row.announced_at_ms,
        deposited_at_ms=fact.deposited_at_ms if fact else None, left_at_ms=fact.left_at_ms if fact else None,
        expires_at_ms=plan.expires_at_ms if plan else None, collect_by_ms=plan.collect_by_ms if plan else None,
        erased=store.data_key(conn, row.parcel_key) is None, recipient=person,
    )  # fmt: skip


def _recipient(call: Call, conn: Connection, view: ParcelView, lockers: Lockers) -> RecipientReply | None:
    """Only in the answer about one parcel, and only to a role that helps people."""
    if "parcel_id" not in call.params or not call.principal.may(Permission.PARCELS_WRITE):
        return None
    person = lockers.recipient(conn, view.row)
    if person is None:
        return None
    return RecipientReply(name=person.name, email=person.email, phone=person.phone, language=person.language)
