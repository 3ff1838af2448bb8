"""Routes of rollouts, and of the software inventory that they go by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import InvalidData
from cloud_bridge.fleet import software_store as software
from cloud_bridge.fleet.http import Reason, own_device
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.rollouts import store
from cloud_bridge.rollouts.model import Gates, Rollout, Share, Target
from cloud_bridge.rollouts.service import Rollouts
from cloud_bridge.rollouts.view import details, share_of, summary
from edge.wire.release import ReleaseKind, parse_version

Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,39}$")]
VersionText = Annotated[str, Field(pattern=r"^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}(-rc\.[0-9]{1,4})?$")]
Phase = Annotated[str, Field(pattern="^[0-9]{1,6}%?$")]
Permille = Annotated[int, Field(ge=0, le=1000)]
Seconds = Annotated[int, Field(ge=0, le=90 * 86_400)]


class RolloutBody(Model):
    kind: Literal["image", "agent"]
    version: VersionText
    product: Name = "parcelworks-locker"
    board: Name = "rpi-arm64"
    phases: Annotated[list[Phase], Field(min_length=1, max_length=12)] = ["1", "10%", "50%", "100%"]
    max_failed_permille: Permille = Gates().max_failed_permille
    max_silent_permille: Permille = Gates().max_silent_permille
    silent_after_s: Seconds = Gates().silent_after_s
    soak_s: Seconds = Gates().soak_s
    offline_after_s: Seconds = Gates().offline_after_s


class RolloutSummary(Model):
    rollout_id: str
    product: str
    board: str
    kind: str
    version: str
    state: str
    reason: str
    phases: list[str]
    phase_no: int
    round: int
    max_failed_permille: int
    max_silent_permille: int
    silent_after_s: int
    soak_s: int
    offline_after_s: int
    made_by: str
    made_at_ms: int
    changed_at_ms: int


class RolloutDevice(Model):
    device_id: str
    phase_no: int
    attempt: int
    state: str
    reason: str
    asked_at_ms: int
    changed_at_ms: int


class ExcludedDevice(Model):
    device_id: str
    reason: str


class RolloutReply(RolloutSummary):
    eligible: int
    allowed: int
    asked: int
    asked_now: int
    installed_now: int
    tried_now: int
    committed_now: int
    failed_now: int
    devices: list[RolloutDevice]
    excluded: list[ExcludedDevice]


class RolloutList(Model):
    rollouts: list[RolloutSummary]


class UpdateReply(Model):
    kind: str
    version: str
    attempt: int
    state: str
    reason: str
    told_at_ms: int


class FirmwareReply(Model):
    subject: str
    part: str
    firmware: str
    told_at_ms: int


class SoftwareReply(Model):
    product: str
    board: str
    image: str
    agent: str
    pinned: str | None
    updates: list[UpdateReply]
    firmware: list[FirmwareReply]


class PinBody(Model):
    reason: Reason


def routes(rollouts: Rollouts) -> tuple[Route, ...]:
    def make(call: Call, conn: Connection) -> RolloutReply:
        body: RolloutBody = call.body
        target = Target(body.product, body.board, ReleaseKind(body.kind), parse_version(body.version))
        gates = Gates(**{name: getattr(body, name) for name in Gates.__slots__})
        actor, now_ms = call.principal.actor, call.now_ms
        shares = shares_of(body.phases)
        made = rollouts.make(conn, call.principal.tenant, target, shares, gates, actor=actor, now_ms=now_ms)
        return _details(rollouts, conn, made, now_ms)

    def list_all(call: Call, conn: Connection) -> RolloutList:
        rows = store.list_rollouts(conn, call.principal.tenant)
        return RolloutList(rollouts=[RolloutSummary(**summary(row)) for row in rows])

    def get(call: Call, conn: Connection) -> RolloutReply:
        found = store.require_rollout(conn, call.principal.tenant, call.params["rollout_id"])
        return _details(rollouts, conn, found, call.now_ms)

    def doing(work: Callable[[Connection, str, str, int], Rollout]) -> Callable[[Call, Connection], RolloutReply]:
        def handler(call: Call, conn: Connection) -> RolloutReply:
            after = work(conn, call.principal.tenant, call.params["rollout_id"], call.now_ms)
            return _details(rollouts, conn, after, call.now_ms)

        return handler

    def inventory(call: Call, conn: Connection) -> SoftwareReply:
        return _software(conn, own_device(conn, call.principal.tenant, call.params["device_id"]).device_id)

    def pin(call: Call, conn: Connection) -> SoftwareReply:
        device = own_device(conn, call.principal.tenant, call.params["device_id"])
        store.pin(conn, device.device_id, call.body.reason, call.principal.actor, call.now_ms)
        return _software(conn, device.device_id)

    def unpin(call: Call, conn: Connection) -> SoftwareReply:
        device = own_device(conn, call.principal.tenant, call.params["device_id"])
        store.unpin(conn, device.device_id)
        return _software(conn, device.device_id)

    one, device, tag = "/v1/rollouts/{rollout_id}", "/v1/devices/{device_id}", "rollouts"
    write = Permission.ROLLOUTS_WRITE
    steps = (
        ("pause", rollouts.pause, "Ask no more devices; those that were asked go on"),
        ("resume", rollouts.resume, "Go on; after a halt, the failures until now are taken as they are"),
        ("retry", rollouts.retry, "Ask again who failed or said nothing, and go on"),
        ("abort", rollouts.abort, "End it; who has not kept the release gets the former wish back"),
    )
    return (
        Route("POST", "/v1/rollouts", write, make, "Begin a staged rollout", tag, "write", RolloutBody,
              reply=RolloutReply, status=201, creates=True),
        Route("GET", "/v1/rollouts", Permission.DEVICES_READ, list_all, "List rollouts", tag, reply=RolloutList),
        Route("GET", one, Permission.DEVICES_READ, get, "A rollout with its devices", tag, reply=RolloutReply),
        *(
            Route("POST", f"{one}/{word}", write, doing(work), text, tag, "write", reply=RolloutReply)
            for word, work, text in steps
        ),
        Route("GET", f"{device}/software", Permission.DEVICES_READ, inventory,
              "What runs on a device, and in its boards and its scanner", tag, reply=SoftwareReply),
        Route("PUT", f"{device}/pin", write, pin, "Leave a device as it is", tag, "write", PinBody,
              reply=SoftwareReply),
        Route("DELETE", f"{device}/pin", write, unpin, "Let a device be updated again", tag, "write",
              reply=SoftwareReply),
    )  # fmt: skip


def shares_of(texts: list[str]) -> list[Share]:
    """
    Raises:
        InvalidData: not a number of devices, nor a percentage.
    """
    found = [share_of(text) for text in texts]
    wrong = [text for text, share in zip(texts, found, strict=True) if share is None]
    if wrong:
        raise InvalidData(f"{wrong[0]:.20} is no share", where="phases", remedy="Use 5 for devices, 10% for percent.")
    return [share for share in found if share is not None]


def _details(rollouts: Rollouts, conn: Connection, rollout: Rollout, now_ms: int) -> RolloutReply:
    counted, asked = rollouts.census(conn, rollout, now_ms), store.asked_of(conn, rollout.rollout_id)
    return RolloutReply.model_validate(details(rollout, counted, asked))


def _software(conn: Connection, device_id: str) -> SoftwareReply:
    runs = software.software_of(conn, [device_id]).get(device_id)
    told = software.updates_of(conn, [device_id])
    return SoftwareReply(
        product=runs.product if runs else "", board=runs.board if runs else "", image=runs.image if runs else "",
        agent=runs.agent if runs else "", pinned=store.pinned(conn).get(device_id),
        updates=[
            UpdateReply(
                kind=item.kind, version=item.version, attempt=item.attempt, state=item.state, reason=item.reason,
                told_at_ms=item.told_at_ms,
            )
            for _, item in sorted(told.items())
        ],
        firmware=[
            FirmwareReply(
                subject=item.subject, part=item.part, firmware=item.firmware, told_at_ms=item.told_at_ms
            )
            for item in software.firmware_of(conn, device_id)
        ],
    )  # fmt: skip
