"""The fleet's use cases: registering, commanding, ending a quarantine, pushing desired state."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Connection

from cloud_bridge.errors import InvalidData, LinkDown, NotPossibleNow
from cloud_bridge.fleet import alarms, commands, twins
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.fleet.model import Alarm, CommandRecord, CommandState, Device, DeviceState, Outgoing
from cloud_bridge.ports import Clock, Random
from cloud_bridge.storage.engine import Database
from edge.wire.envelope import Kind, seal
from edge.wire.errors import WireError
from edge.wire.messages import MAX_ACTUATION_LIFE_MS, Command, Desired

Publish = Callable[[Outgoing], Awaitable[None]]
COMMAND_LIFE_MS = 30_000
RENEWAL_TRIES, RENEWAL_WAIT_S = 20, 0.25  # a device that has just come back answers its welcome within seconds
QUARANTINE_ALARMS = ("fork", "rollback")


class Fleet:
    """Args:
    publish: hands one message to the broker; raises LinkDown while there is none.
    renewal_wait_s: how long between looks at a session that is being renewed.
    """

    def __init__(
        self, db: Database, keys: CloudKeys, clock: Clock, random: Random, publish: Publish,
        renewal_wait_s: float = RENEWAL_WAIT_S,
    ) -> None:  # fmt: skip
        self._db = db
        self._keys = keys
        self._clock = clock
        self._random = random
        self._publish = publish
        self._renewal_wait_s = renewal_wait_s

    async def register(self, devices: list[Device]) -> int:
        """Add or update devices in one transaction; returns how many are new.

        Raises:
            Conflict: one is known with other keys; none is added.
        """
        now_ms = self._clock.now_ms()
        return await self._db.write(
            lambda conn: sum(fleet_store.register_device(conn, device, now_ms) for device in devices)
        )

    async def command(
        self, device_id: str, type_name: str, args: Mapping[str, Any], *, actor: str, reason: str,
        life_ms: int = COMMAND_LIFE_MS,
    ) -> CommandRecord:  # fmt: skip
        """Sign a command for the device's present session, record it, send it. Its outcome comes as events.

        A session that is being renewed is waited for: what is signed for the old one, the device would refuse.

        Raises:
            NotFound: no such device.
            NotPossibleNow: offline, without a session, quarantined, retired, or the broker is away. Nothing was sent.
            InvalidData: a life over 60 s, or words too long.
        """
        for _ in range(RENEWAL_TRIES):
            if not await self._db.read(lambda conn: fleet_store.session_is_renewing(conn, device_id)):
                break
            await asyncio.sleep(self._renewal_wait_s)
        now_ms = self._clock.now_ms()
        command_id = self._random.token(16).hex()

        def record(conn: Connection) -> Command:
            nonce = self._require_session(conn, device_id)
            command = Command(
                command_id, device_id, nonce, type_name, dict(args), now_ms, now_ms + life_ms, actor, reason
            )
            try:
                Command.parse(command.encode())
            except WireError as error:
                raise InvalidData(error.what, where=error.where, remedy=error.remedy) from error
            commands.record_sent(conn, command)
            return command

        if not 0 < life_ms <= MAX_ACTUATION_LIFE_MS:
            raise InvalidData(f"a life of {life_ms} ms, at most {MAX_ACTUATION_LIFE_MS}", where="command")
        command = await self._db.write(record)
        envelope = seal(Kind.COMMAND, command.encode(), self._keys.commands)
        try:
            await self._publish(Outgoing(device_id, "commands", envelope))
        except LinkDown as error:
            await self._db.write(
                lambda conn: commands.record_outcome(
                    conn, device_id, command_id, CommandState.REFUSED, "not_sent", now_ms
                )
            )
            raise NotPossibleNow(
                "the broker cannot be reached", where=device_id, remedy="Try again shortly."
            ) from error
        return await self._db.read(lambda conn: commands.get_command(conn, command_id, now_ms))

    async def push_desired(self) -> int:
        """Send every online device its newest desired document once; the welcome repairs what gets lost."""
        pending = await self._db.read(twins.unpushed)
        for twin in pending:
            body = Desired(twin.device_id, twin.epoch, twin.version, twin.doc).encode()
            await self._publish(Outgoing(twin.device_id, "desired", seal(Kind.DESIRED, body, self._keys.desired), True))
            await self._db.write(lambda conn, twin=twin: twins.mark_pushed(conn, twin))  # type: ignore[misc]
        return len(pending)

    async def end_quarantine(self, device_id: str, *, actor: str, reason: str) -> Device:
        """An operator takes responsibility: the device may go on, from its next hello, which is judged anew.

        Raises:
            InvalidData: no reason given.
            NotPossibleNow: the device is not quarantined.
        """
        if not reason.strip():
            raise InvalidData("a reason is needed", where="reason", remedy="Say what was found and done.")
        now_ms = self._clock.now_ms()

        def end(conn: Connection) -> Device:
            device = fleet_store.require_device(conn, device_id)
            if device.state is not DeviceState.QUARANTINED:
                raise NotPossibleNow(f"it is {device.state.value}, not quarantined", where=device_id)
            fleet_store.set_state(conn, device_id, DeviceState.ACTIVE, actor=actor, reason=reason, now_ms=now_ms)
            for alarm in QUARANTINE_ALARMS:
                alarms.clear_alarm(conn, device_id, alarm, at_ms=now_ms)
            return fleet_store.require_device(conn, device_id)

        return await self._db.write(end)

    async def retire(self, device_id: str, *, actor: str, reason: str) -> None:
        """Nothing more is taken from or sent to this device; its history and receipts stay."""
        now_ms = self._clock.now_ms()

        def retire(conn: Connection) -> None:
            fleet_store.require_device(conn, device_id)
            fleet_store.set_state(conn, device_id, DeviceState.RETIRED, actor=actor, reason=reason, now_ms=now_ms)
            fleet_store.end_session(conn, device_id)

        await self._db.write(retire)

    async def acknowledge(self, alarm_no: int, *, actor: str) -> Alarm:
        """See `alarms.acknowledge`."""
        now_ms = self._clock.now_ms()
        return await self._db.write(lambda conn: alarms.acknowledge(conn, alarm_no, actor=actor, now_ms=now_ms))

    async def clear_alarm(self, alarm_no: int, *, actor: str) -> Alarm:
        """See `alarms.clear_by_hand`."""
        now_ms = self._clock.now_ms()
        return await self._db.write(lambda conn: alarms.clear_by_hand(conn, alarm_no, actor=actor, now_ms=now_ms))

    def _require_session(self, conn: Connection, device_id: str) -> bytes:
        device = fleet_store.require_device(conn, device_id)
        if device.state is not DeviceState.ACTIVE:
            raise NotPossibleNow(f"the device is {device.state.value}", where=device_id, remedy=device.state_reason)
        if fleet_store.session_is_renewing(conn, device_id):
            raise NotPossibleNow("the device's session is being renewed", where=device_id, remedy="Try again shortly.")
        presence = fleet_store.load_presence(conn, device_id)
        session = fleet_store.load_session(conn, device_id)
        if presence is None or not presence.online or session is None or not session.nonce:
            raise NotPossibleNow("the device is offline", where=device_id, remedy="Try again when it is online.")
        return session.nonce
