"""A locker agent put together from its ports: the same parts on a real device, in the demo and in virtual time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from edge.agents.authority_clock import AuthorityClock
from edge.agents.trust_anchors import keep_anchors
from edge.core.locker.desired import Compartment, Desired
from edge.core.locker.desired_doc import read_desired
from edge.core.locker.durable import Durable
from edge.core.locker.machine import replay
from edge.core.locker.model import (
    BoardChanged,
    ClockSynced,
    CommandReceived,
    DesiredReceived,
    Input,
    LinkAlarm,
    PinEntered,
    Pressed,
    Scanned,
    SecretStored,
    SensorRead,
    SessionChanged,
    Started,
    TrustChanged,
)
from edge.core.locker.state import LockerState
from edge.core.locker.view import view
from edge.core.sync.verify import Incoming, Refused
from edge.errors import EdgeError
from edge.link.sync_driver import SyncDriver, SyncIdentity, SyncListeners
from edge.ports import Bus, Cursor, EventLog, KeyStore, LockBank, LogHead, Random, SensorReading
from edge.runtime import Pace, Runtime
from edge.wire.errors import WireError
from edge.wire.event import parse_event
from edge.wire.keys import TrustBundle
from edge.wire.messages import Bundle, Command, Secret
from edge.wire.messages import Desired as DesiredMessage

DESIRED, TRUST = "desired.cbor", "trust.cbor"
CLOCK_STEP_WORTH_RECORDING_MS = 2_000


class Documents(Protocol):
    """Where the last desired state and trust bundle are kept."""

    def load(self, name: str) -> bytes | None: ...

    def save(self, name: str, data: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the log says at start: its head, the memory folded from snapshot and tail, what the snapshot covers."""

    head: LogHead
    durable: Durable
    snapshot_size: int = 0

    @classmethod
    def from_log(cls, head: LogHead, snapshot: bytes | None, tail: Sequence[bytes]) -> Rebuilt:
        start = Durable() if snapshot is None else Durable.from_bytes(snapshot)
        state = LockerState("", head.stream, durable=start)
        for raw in tail:
            state = replay(state, parse_event(raw))
        return cls(head, state.durable, head.size - len(tail))


@dataclass(frozen=True, slots=True)
class LockerPorts:
    """Everything the agent touches the world with."""

    log: EventLog
    bus: Bus
    bank: LockBank
    keys: KeyStore
    clock: AuthorityClock
    random: Random
    documents: Documents
    pace: Pace = Pace()
    on_change: Callable[[LockerState], None] = field(default=lambda state: None)
    on_signal: Callable[[str], None] = field(default=lambda pattern: None)
    on_light: Callable[[int | None], None] = field(default=lambda compartment_no: None)


class LockerAgent:
    """Runtime and cloud link of one locker, wired together."""

    runtime_type: ClassVar[type[Runtime]] = Runtime
    sync_type: ClassVar[type[SyncDriver]] = SyncDriver

    def __init__(
        self,
        identity: SyncIdentity,
        ports: LockerPorts,
        rebuilt: Rebuilt,
        trust: TrustBundle,
        layout: Mapping[int, Compartment],
    ) -> None:
        self._ports = ports
        self._identity = identity
        self._synced_once = False
        self._stored_desired = (0, 0)
        state = LockerState(identity.device_id, rebuilt.head.stream, durable=rebuilt.durable, layout=layout)
        self.runtime = self.runtime_type(
            state,
            log=ports.log,
            bank=ports.bank,
            keys=ports.keys,
            clock=ports.clock,
            random=ports.random,
            size=rebuilt.head.size,
            snapshot_size=rebuilt.snapshot_size,
            pace=ports.pace,
            on_commit=self._committed,
            on_change=ports.on_change,
            on_signal=ports.on_signal,
            on_light=ports.on_light,
        )
        listeners = SyncListeners(
            deliver=self._delivered,
            session=lambda nonce: self.runtime.feed(SessionChanged(nonce)),
            clock=self._clock_signed,
            alarm=lambda code, detail, raised: self.runtime.feed(LinkAlarm(code, detail, raised)),
            desired_version=self._desired_version,
        )
        self.sync = self.sync_type(
            identity, ports.log, ports.bus, ports.keys, ports.clock, ports.random, trust, listeners
        )
        self._boot(trust)

    def _boot(self, trust: TrustBundle) -> None:
        self.runtime.feed(TrustChanged(trust))
        self.runtime.feed(Started(self._identity.agent, "boot"))
        stored = self._ports.documents.load(DESIRED)
        if stored is None:
            return
        try:
            message = DesiredMessage.parse(stored)
        except WireError as error:  # the cloud sends it again with the next session
            self.runtime.feed(LinkAlarm("desired_unreadable", str(error), raised=True))
            return
        self._stored_desired = (message.epoch, message.version)
        self._desired_arrived(message, store=False)

    async def run(self) -> None:
        """Run both halves until cancelled; a failing log ends them with the log's own error."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.runtime.run())
            group.create_task(self.sync.run())

    # --- the kiosk and the boards ----------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """What the kiosk page shows now."""
        return view(self.runtime.state, self._ports.clock.now())

    def _mono_ms(self) -> int:
        return self._ports.clock.now().mono_ms

    def scan(self, text: str) -> None:
        self.runtime.feed(Scanned(text, self.runtime.fresh_id(), self._mono_ms()))

    def enter_pin(self, pin: str) -> None:
        self.runtime.feed(PinEntered(pin, self.runtime.fresh_id(), self._mono_ms()))

    def press(self, action: str) -> None:
        self.runtime.feed(Pressed(action, self.runtime.fresh_id(), self._mono_ms()))

    def reading(self, reading: SensorReading) -> None:
        self.runtime.feed(SensorRead(reading.kind, reading.subject, reading.value))

    def board(self, module: str, answers: bool) -> None:
        self.runtime.feed(BoardChanged(module, answers))

    # --- what the link brings --------------------------------------------------------------------------------

    def _committed(self, size: int, urgent_first: int | None, patient: bool) -> None:
        self.sync.appended(Cursor(self.runtime.state.stream, size), urgent_first, patient=patient)

    def _clock_signed(self, at_ms: int, _waited_ms: int) -> None:
        step_ms = self._ports.clock.signed(at_ms)
        if not self._synced_once or abs(step_ms) >= CLOCK_STEP_WORTH_RECORDING_MS:
            self.runtime.feed(ClockSynced(step_ms))
        self._synced_once = True

    def _desired_version(self) -> tuple[int, int]:
        desired = self.runtime.state.desired
        return desired.epoch, desired.version

    def _delivered(self, message: Incoming | Refused) -> None:
        if isinstance(message, Refused):
            if message.command is not None:
                self._command(message.command, message.reason.value)
        elif isinstance(message, Command):
            self._command(message, None)
        elif isinstance(message, DesiredMessage):
            self._desired_arrived(message, store=True)
        elif isinstance(message, Secret):
            self._secret(message)
        elif isinstance(message, Bundle):
            self._trust_arrived(message)

    def _trust_arrived(self, message: Bundle) -> None:
        """In force at once; what cannot be kept comes again with the next session."""
        self.runtime.feed(TrustChanged(message.bundle))
        try:
            self._ports.documents.save(TRUST, message.encode())
            keep_anchors(self._ports.documents, message.bundle, self._ports.clock.now().at_ms)
        except EdgeError as error:
            self.runtime.feed(LinkAlarm("trust_not_kept", str(error), raised=True))
            return
        self.runtime.feed(LinkAlarm("trust_not_kept", "", raised=False))

    def _command(self, command: Command, problem: str | None) -> None:
        self.runtime.feed(CommandReceived(command, problem, self.runtime.fresh_id()))

    def _desired_arrived(self, message: DesiredMessage, *, store: bool) -> None:
        sha256 = hashlib.sha256(message.doc).hexdigest()
        event: Input
        try:
            event = DesiredReceived(read_desired(message, sha256))
            if store:
                self._store(message)
        except WireError:
            event = DesiredReceived(Desired(message.epoch, message.version, sha256), "malformed")
        except EdgeError as error:
            event = DesiredReceived(Desired(message.epoch, message.version, sha256), error.code)
        self.runtime.feed(event)

    def _store(self, message: DesiredMessage) -> None:
        """Keep the newest for the next start; an older one that arrives late must not take its place."""
        order = (message.epoch, message.version)
        if order < self._stored_desired:
            return
        self._ports.documents.save(DESIRED, message.encode())
        self._stored_desired = order
        self.runtime.feed(LinkAlarm("desired_unreadable", "", raised=False))

    def _secret(self, message: Secret) -> None:
        try:
            self._ports.keys.unwrap(message.name, message.version, message.wrapped)
        except (WireError, EdgeError) as error:
            self.runtime.feed(LinkAlarm("secret_refused", str(error), raised=True))
            return
        self.runtime.feed(LinkAlarm("secret_refused", "", raised=False))
        self.runtime.feed(SecretStored(message.name, message.version))
