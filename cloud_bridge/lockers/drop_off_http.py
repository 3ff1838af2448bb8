"""Routes of drop-offs: a shop or carrier gives a sender a compartment and a code, without any label."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.lockers.drop_offs import DropOffs, DropOffWish
from cloud_bridge.lockers.installation_http import Code, DeviceId
from cloud_bridge.lockers.model import Recipient, Size, Wish
from cloud_bridge.lockers.pickups import Pickups

EdgeMm = Annotated[int, Field(ge=1, le=3000)]


class PersonBody(Model):
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]
    email: Annotated[str, Field(max_length=200, pattern=r"^([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+)?$")] = ""
    phone: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14})?$")] = ""
    language: Annotated[str, Field(pattern="^[a-z]{2}$")] = "en"

    @model_validator(mode="after")
    def _reachable(self) -> PersonBody:
        if not self.email and not self.phone:
            raise ValueError("neither e-mail nor phone")
        return self


class DropOffBody(Model):
    locker_id: DeviceId
    carrier: Annotated[str, Field(pattern="^[A-Za-z0-9 .&-]{0,40}$")] = ""
    width_mm: EdgeMm
    height_mm: EdgeMm
    depth_mm: EdgeMm
    weight_g: Annotated[int, Field(ge=1, le=100_000)]
    features: Annotated[list[Code], Field(max_length=16)] = []
    accessible: bool = False
    sender: PersonBody
    receiver: PersonBody | None = Field(
        None, description="Who collects it at the same locker; without: it is a return, and a courier fetches it"
    )


class DropOffReply(Model):
    parcel_id: str
    kind: str
    locker_id: str
    compartment_no: int
    expires_at_ms: int


class SenderLinkReply(Model):
    kind: str
    state: str
    url: str = Field(description="The sender's page with the code; whoever has it can use it")


def routes(drop_offs: DropOffs, pickups: Pickups, public_url: str) -> tuple[Route, ...]:
    def create(call: Call, conn: Connection) -> DropOffReply:
        body: DropOffBody = call.body
        wish = Wish(
            Size(body.width_mm, body.height_mm, body.depth_mm), body.weight_g, accessible=body.accessible,
            features=frozenset(body.features),
        )  # fmt: skip
        receiver = _person(body.receiver) if body.receiver is not None else None
        wanted = DropOffWish(body.locker_id, body.carrier, wish, _person(body.sender), receiver)
        made = drop_offs.create(conn, call.principal.tenant, wanted, call.now_ms)
        return DropOffReply(
            parcel_id=made.parcel_id, kind="return" if receiver is None else "person", locker_id=made.locker_id,
            compartment_no=made.compartment_no, expires_at_ms=made.expires_at_ms,
        )  # fmt: skip

    def link(call: Call, conn: Connection) -> SenderLinkReply:
        found = drop_offs.of_parcel(conn, call.principal.tenant, call.params["parcel_id"])
        shown = pickups.show_sender(conn, found.pickup_id, call.now_ms)
        url = f"{public_url}/d/{pickups.sender_link(found.pickup_id)}"
        return SenderLinkReply(kind=found.kind.value, state=shown.state, url=url)

    return (
        Route("POST", "/v1/drop-offs", Permission.PARCELS_ANNOUNCE, create,
              "Give a sender a compartment and a code, without any label", "parcels", "write", DropOffBody,
              reply=DropOffReply, status=201, creates=True),
        Route("GET", "/v1/parcels/{parcel_id}/drop-off", Permission.PARCELS_ANNOUNCE, link, "A sender's page",
              "parcels", reply=SenderLinkReply),
    )  # fmt: skip


def _person(body: PersonBody) -> Recipient:
    return Recipient(body.name, body.email, body.phone, body.language)
