"""Ingest: every message from a device enters here, over MQTT, HTTP or the simulation alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cloud_bridge.errors import Overloaded
from cloud_bridge.fleet import store as fleet_store
from cloud_bridge.fleet.keys import CloudKeys
from cloud_bridge.fleet.model import Device, DeviceState, Outgoing
from cloud_bridge.ingest.answers import Answers
from cloud_bridge.ingest.batches import BatchIntake
from cloud_bridge.ingest.counters import BadSenderLimit, IngestCounters
from cloud_bridge.ingest.decide import Drop, Sender
from cloud_bridge.ingest.heads import Heads
from cloud_bridge.ingest.hellos import HelloIntake
from cloud_bridge.ingest.hints import HintIntake
from cloud_bridge.ledger.model import Projection
from cloud_bridge.ports import Clock, Random
from cloud_bridge.storage.engine import Database
from edge.wire.envelope import Envelope, Kind, open_envelope
from edge.wire.errors import WireError
from edge.wire.messages import Batch, Hello, Hint

ONLINE = b"online"
OFFLINE = b"offline"
MAX_TELEMETRY_BYTES = 4096
_MAX_DEVICES = 100_000


class Ingest:
    """Judges, stores and answers. Messages of one device must come in order; devices may run side by side.

    Args:
        projections: folded inside the ingest transaction, each in a savepoint (custody, alarms).
        max_in_flight: beyond so many messages at once the next is shed, before anything is promised.
        on_commit: called after each committed batch, to wake followers of the ledger.
    """

    def __init__(
        self,
        db: Database,
        keys: CloudKeys,
        clock: Clock,
        random: Random,
        projections: Sequence[Projection],
        *,
        max_in_flight: int = 256,
        on_commit: Callable[[], None] = lambda: None,
    ) -> None:
        answers = Answers(keys)
        self.counters = IngestCounters()
        self._db = db
        self._fleet = keys.fleet
        self._clock = clock
        self._answers = answers
        self._devices: dict[str, Device] = {}
        heads = Heads()
        self._batches = BatchIntake(
            db, answers, clock, heads, projections, self.counters, on_commit, self.forget_device
        )
        self._hellos = HelloIntake(db, keys, answers, clock, heads, random)
        self._hints = HintIntake(db, clock)
        self._limit = BadSenderLimit()
        self._in_flight = 0
        self._max_in_flight = max_in_flight

    async def receive(self, client_id: str, channel: str, payload: bytes) -> Sequence[Outgoing]:
        """Take one message that the authenticated client `client_id` sent on its own topic's `channel`.

        Returning without a receipt promises nothing: the device sends again.

        Raises:
            StoreFailed: nothing was written.
        """
        if channel == "presence":
            await self._presence(client_id, payload)
            return ()
        if channel == "telemetry":
            self.counters.outcomes["telemetry" if len(payload) <= MAX_TELEMETRY_BYTES else "telemetry_too_large"] += 1
            return ()
        if channel != "up" or self._limit.is_muted(client_id, self._clock.now_ms()):
            self.counters.dropped["channel" if channel != "up" else "muted"] += 1
            return ()
        if self._in_flight >= self._max_in_flight:
            self.counters.dropped["shed"] += 1
            return ()
        self._in_flight += 1
        try:
            return await self._receive_up(client_id, payload)
        except Overloaded:
            self.counters.dropped["shed"] += 1
            return ()
        finally:
            self._in_flight -= 1

    async def _receive_up(self, client_id: str, payload: bytes) -> Sequence[Outgoing]:
        try:
            envelope = open_envelope(payload)
            device = await self._device(client_id)
            if device is None:
                self.counters.dropped["unknown_device"] += 1
                return [self._unknown(client_id)]
            answer = await self._dispatch(envelope, device, client_id)
        except WireError as error:
            answer = Drop(error.code, str(error))
        if isinstance(answer, Drop):
            self._drop(client_id, answer)
            return ()
        return answer

    async def _dispatch(self, envelope: Envelope, device: Device, client_id: str) -> list[Outgoing] | Drop:
        sender = Sender(self._fleet, device.device_id, device.log_public)
        if envelope.kind is Kind.BATCH:
            return await self._batches.receive(device, sender, Batch.parse(envelope.body), client_id)
        if envelope.kind not in (Kind.HELLO, Kind.HINT):
            return Drop("kind", f"a {envelope.kind.value} is no message to the cloud")
        envelope.verify(device.log_public)
        self.counters.outcomes[envelope.kind.value] += 1
        if envelope.kind is Kind.HINT:
            return await self._hints.receive(sender, Hint.parse(envelope.body))
        return await self._hellos.receive(sender, Hello.parse(envelope.body))

    def forget_device(self, device_id: str) -> None:
        """Look the device up again at its next message."""
        self._devices.pop(device_id, None)

    async def _device(self, device_id: str) -> Device | None:
        """From the cache while active; every other state is looked up, so that the end of a quarantine is seen.

        Keys never change under one id; the transaction of a batch or hello looks at the state again, so that a
        quarantine by another worker counts at once.
        """
        device = self._devices.get(device_id)
        if device is None or device.state is not DeviceState.ACTIVE:
            device = await self._db.read(lambda conn: fleet_store.load_device(conn, device_id))
        if device is None:
            return None
        if len(self._devices) >= _MAX_DEVICES:
            self._devices.clear()
        self._devices[device_id] = device
        return device

    async def _presence(self, client_id: str, payload: bytes) -> None:
        """`online` or `offline`: a command waits for the session of the newest connection, and for none offline."""
        if payload not in (ONLINE, OFFLINE):
            self.counters.dropped["presence"] += 1
            return
        if await self._device(client_id) is None:
            self.counters.dropped["unknown_device"] += 1
            return
        online, now_ms = payload == ONLINE, self._clock.now_ms()
        await self._db.write_grouped(
            lambda conn: fleet_store.set_presence(conn, client_id, online=online, now_ms=now_ms)
        )

    def _drop(self, client_id: str, drop: Drop) -> None:
        self.counters.dropped[drop.code] += 1
        if drop.code in _UNAUTHENTICATED:
            self._limit.count(client_id, self._clock.now_ms())

    def _unknown(self, client_id: str) -> Outgoing:
        detail = "this device is not in the registry"
        return self._answers.refusal(client_id, "unknown_device", detail, self._clock.now_ms())


_UNAUTHENTICATED = frozenset(
    ["malformed", "too_large", "bad_signature", "unknown_key", "wrong_origin", "foreign", "kind", "range", "root",
     "tampered"]
)  # fmt: skip
