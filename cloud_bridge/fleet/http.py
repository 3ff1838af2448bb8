"""Routes of the fleet: devices, their twins, commands, alarms."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from sqlalchemy import Connection

from cloud_bridge.access.model import Permission
from cloud_bridge.errors import NotFound
from cloud_bridge.fleet import alarms, commands, twins
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.model import Alarm, CommandRecord, Device, Presence
from cloud_bridge.fleet.service import Fleet
from cloud_bridge.http.route import Call, Model, Route
from cloud_bridge.storage.engine import Database

Reason = Annotated[
    str, Field(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*\S[^\x00-\x1f\x7f-\x9f]*$")
]
CommandId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class DeviceReply(Model):
    device_id: str
    kind: str
    site: str
    state: str
    state_reason: str
    online: bool
    seen_at_ms: int | None
    desired_version: int
    reported_version: int
    in_sync: bool
    refused_reason: str


class DevicePage(Model):
    devices: list[DeviceReply]
    next: str | None


class PageQuery(Model):
    after: Annotated[str, Field(pattern="^[a-z0-9-]{0,40}$")] = ""
    limit: Annotated[int, Field(ge=1, le=200)] = 100


class ReasonBody(Model):
    reason: Reason


class OpenBody(Model):
    compartment_no: Annotated[int, Field(ge=1, le=9999)]
    purpose: Literal["inspect", "retrieve", "collect"] = Field(
        "inspect", description="collect: the recipient stands there; retrieve: staff takes the parcel out"
    )
    reason: Reason


class EnableBody(Model):
    compartment_no: Annotated[int, Field(ge=1, le=9999)]
    reason: Reason


class DisableBody(Model):
    compartment_no: Annotated[int, Field(ge=1, le=9999)]
    cause: Literal["dirty", "damaged", "did_not_open", "by_hand"] = Field(
        "by_hand", description="Stands in the log as the reason"
    )
    reason: Reason


class CommandReply(Model):
    command_id: str
    device_id: str
    type: str
    compartment_no: int | None
    actor: str
    reason: str
    state: str
    outcome: str
    issued_at_ms: int
    expires_at_ms: int
    changed_at_ms: int


class CommandList(Model):
    commands: list[CommandReply]


class AlarmReply(Model):
    alarm_no: int
    device_id: str
    alarm: str
    subject: str
    severity: str
    detail: str
    raised_at_ms: int
    repeats: int
    cleared_at_ms: int | None
    acked_at_ms: int | None
    acked_by: str


class AlarmList(Model):
    alarms: list[AlarmReply]


class AlarmQuery(Model):
    active: Literal["true", "false"] = "true"
    limit: Annotated[int, Field(ge=1, le=200)] = 100


def own_device(conn: Connection, tenant: str, device_id: str) -> Device:
    """Raises NotFound when it is none of this tenant's."""
    device = fleet_store.load_device(conn, device_id)
    if device is None or device.tenant != tenant:
        raise NotFound("no such device", where=device_id, remedy="See GET /v1/devices.")
    return device


def own_device_ids(conn: Connection, tenant: str) -> list[str]:
    return [device.device_id for device in fleet_store.list_devices(conn, tenant=tenant, limit=100_000)]


def routes(fleet: Fleet, db: Database) -> tuple[Route, ...]:
    return (*_device_routes(fleet, db), *_command_routes(fleet, db), *_alarm_routes())


async def _check(db: Database, call: Call) -> None:
    await db.read(lambda conn: own_device(conn, call.principal.tenant, call.params["device_id"]))


def _device_routes(fleet: Fleet, db: Database) -> tuple[Route, ...]:
    def list_devices(call: Call, conn: Connection) -> DevicePage:
        rows = fleet_store.list_devices(
            conn, tenant=call.principal.tenant, after=call.query.after, limit=call.query.limit
        )
        seen = fleet_store.list_presence(conn, [row.device_id for row in rows])
        found = [_device(conn, row, seen.get(row.device_id)) for row in rows]
        return DevicePage(devices=found, next=rows[-1].device_id if len(rows) == call.query.limit else None)

    def get_device(call: Call, conn: Connection) -> DeviceReply:
        device = own_device(conn, call.principal.tenant, call.params["device_id"])
        return _device(conn, device, fleet_store.load_presence(conn, device.device_id))

    async def end_quarantine(call: Call) -> DeviceReply:
        await _check(db, call)
        device = await fleet.end_quarantine(
            call.params["device_id"], actor=call.principal.actor, reason=call.body.reason
        )
        return await db.read(lambda conn: _device(conn, device, fleet_store.load_presence(conn, device.device_id)))

    async def retire(call: Call) -> DeviceReply:
        await _check(db, call)
        device_id = call.params["device_id"]
        await fleet.retire(device_id, actor=call.principal.actor, reason=call.body.reason)
        return await db.read(lambda conn: get_device(call, conn))

    device = "/v1/devices/{device_id}"
    return (
        Route("GET", "/v1/devices", Permission.DEVICES_READ, list_devices, "List devices", "devices",
              query=PageQuery, reply=DevicePage),
        Route("GET", device, Permission.DEVICES_READ, get_device, "A device", "devices", reply=DeviceReply),
        Route("POST", f"{device}/end-quarantine", Permission.DEVICES_WRITE, end_quarantine,
              "Let a quarantined device go on", "devices", "serve", ReasonBody, reply=DeviceReply),
        Route("POST", f"{device}/retire", Permission.DEVICES_WRITE, retire,
              "Take nothing more from a device and send it nothing; its history stays", "devices", "serve", ReasonBody,
              reply=DeviceReply),
    )  # fmt: skip


def _command_routes(fleet: Fleet, db: Database) -> tuple[Route, ...]:
    async def open_compartment(call: Call) -> CommandReply:
        return await send(call, "open_compartment", purpose=call.body.purpose)

    async def enable_compartment(call: Call) -> CommandReply:
        return await send(call, "enable_compartment")

    async def disable_compartment(call: Call) -> CommandReply:
        return await send(call, "disable_compartment", reason=call.body.cause)

    async def send(call: Call, type_name: str, **more: Any) -> CommandReply:
        await _check(db, call)
        args = {"compartment_no": call.body.compartment_no, **more}
        actor = f"{call.principal.role.value}:{call.principal.actor}"
        return _command(
            await fleet.command(call.params["device_id"], type_name, args, actor=actor, reason=call.body.reason)
        )

    def list_commands(call: Call, conn: Connection) -> CommandList:
        device = own_device(conn, call.principal.tenant, call.params["device_id"])
        rows = commands.list_commands(conn, device.device_id, call.now_ms)
        return CommandList(commands=[_command(row) for row in rows])

    def get_command(call: Call, conn: Connection) -> CommandReply:
        row = commands.get_command(conn, call.params["command_id"], call.now_ms)
        own_device(conn, call.principal.tenant, row.device_id)
        return _command(row)

    device = "/v1/devices/{device_id}"
    return (
        Route("POST", f"{device}/open", Permission.COMMANDS_SEND, open_compartment, "Open a compartment remotely",
              "commands", "serve", OpenBody, reply=CommandReply, status=201, creates=True),
        Route("POST", f"{device}/enable", Permission.COMMANDS_SEND, enable_compartment,
              "Put a compartment back into service", "commands", "serve", EnableBody, reply=CommandReply, status=201,
              creates=True),
        Route("POST", f"{device}/disable", Permission.COMMANDS_SEND, disable_compartment,
              "Take a compartment out of service", "commands", "serve", DisableBody, reply=CommandReply, status=201,
              creates=True),
        Route("GET", f"{device}/commands", Permission.COMMANDS_READ, list_commands, "A device's commands", "commands",
              reply=CommandList),
        Route("GET", "/v1/commands/{command_id}", Permission.COMMANDS_READ, get_command, "What became of a command",
              "commands", reply=CommandReply),
    )  # fmt: skip


def _alarm_routes() -> tuple[Route, ...]:
    def list_alarms(call: Call, conn: Connection) -> AlarmList:
        own = own_device_ids(conn, call.principal.tenant)
        rows = alarms.list_alarms(conn, device_ids=own, active_only=call.query.active == "true", limit=call.query.limit)
        return AlarmList(alarms=[_alarm(row) for row in rows])

    def acknowledge(call: Call, conn: Connection) -> AlarmReply:
        found = alarms.get_alarm(conn, int(call.params["alarm_id"]))
        own_device(conn, call.principal.tenant, found.device_id)
        return _alarm(alarms.acknowledge(conn, found.alarm_no, actor=call.principal.actor, now_ms=call.now_ms))

    def clear(call: Call, conn: Connection) -> AlarmReply:
        found = alarms.get_alarm(conn, int(call.params["alarm_id"]))
        own_device(conn, call.principal.tenant, found.device_id)
        return _alarm(alarms.clear_by_hand(conn, found.alarm_no, actor=call.principal.actor, now_ms=call.now_ms))

    return (
        Route("GET", "/v1/alarms", Permission.ALARMS_READ, list_alarms, "List alarms", "alarms", query=AlarmQuery,
              reply=AlarmList),
        Route("POST", "/v1/alarms/{alarm_id}/acknowledge", Permission.COMMANDS_SEND, acknowledge,
              "Say that somebody is looking at it", "alarms", "write", reply=AlarmReply),
        Route("POST", "/v1/alarms/{alarm_id}/clear", Permission.DEVICES_WRITE, clear, "End an alarm by hand",
              "alarms", "write", reply=AlarmReply),
    )  # fmt: skip


def _device(conn: Connection, row: Device, seen: Presence | None) -> DeviceReply:
    twin = twins.load_twin(conn, row.device_id)
    return DeviceReply(
        device_id=row.device_id, kind=row.kind, site=row.site, state=row.state.value, state_reason=row.state_reason,
        online=seen is not None and seen.online, seen_at_ms=seen.seen_at_ms if seen else None,
        desired_version=twin.version, reported_version=twin.reported_version, in_sync=twin.in_sync,
        refused_reason=twin.refused_reason,
    )  # fmt: skip


def _command(row: CommandRecord) -> CommandReply:
    no = row.args.get("compartment_no")
    return CommandReply(
        command_id=row.command_id, device_id=row.device_id, type=row.type,
        compartment_no=no if type(no) is int else None, actor=row.actor, reason=row.reason, state=row.state.value,
        outcome=row.outcome, issued_at_ms=row.issued_at_ms, expires_at_ms=row.expires_at_ms,
        changed_at_ms=row.changed_at_ms,
    )  # fmt: skip


def _alarm(row: Alarm) -> AlarmReply:
    return AlarmReply(
        alarm_no=row.alarm_no, device_id=row.device_id, alarm=row.alarm, subject=row.subject,
        severity=row.severity.value, detail=row.detail, raised_at_ms=row.raised_at_ms, repeats=row.repeats,
        cleared_at_ms=row.cleared_at_ms, acked_at_ms=row.acked_at_ms, acked_by=row.acked_by,
    )  # fmt: skip
