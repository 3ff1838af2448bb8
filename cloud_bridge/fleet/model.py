"""Devices as the cloud sees them: who they are, how they are, what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class DeviceState(StrEnum):
    """Only an active device's batches are stored; only an operator ends a quarantine."""

    ACTIVE = "active"
    QUARANTINED = "quarantined"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Device:
    """A registered device. `log_public` verifies its log (Ed25519), `wrap_public` wraps secrets to it (X25519)."""

    device_id: str
    kind: str
    tenant: str
    site: str
    log_public: bytes
    wrap_public: bytes
    state: DeviceState = DeviceState.ACTIVE
    state_reason: str = ""


OFFER_MS = 60_000


@dataclass(frozen=True, slots=True)
class Session:
    """A connection's nonce. `pending` was sent in a welcome; `nonce` was answered by the device's signed hello.

    `welcome_*` are the stream and head as stored when the pending nonce was made: what a hello is judged against.
    """

    device_id: str
    nonce: bytes
    confirmed_at_ms: int
    pending: bytes
    pending_at_ms: int
    welcome_stream: str
    welcome_cursor: int
    welcome_root: bytes

    def is_open_offer(self, stream: str, cursor: int, root: bytes, seen: Presence | None, now_ms: int) -> bool:
        """Whether one more knock may be welcomed with the pending nonce.

        Only within the connection that it was made for, over the same head, and for a minute: with a nonce for every
        knock, the answers to a device that had to knock twice would void each other.
        """
        known = (self.welcome_stream, self.welcome_cursor, self.welcome_root)
        if not self.pending or known != (stream, cursor, root) or now_ms - self.pending_at_ms >= OFFER_MS:
            return False
        return seen is not None and seen.online and seen.changed_at_ms <= self.pending_at_ms


@dataclass(frozen=True, slots=True)
class Presence:
    """What the device or, as its last will, the broker said; and when anything authentic was last heard."""

    device_id: str
    online: bool
    changed_at_ms: int
    seen_at_ms: int
    agent: str


@dataclass(frozen=True, slots=True)
class Twin:
    """What a device should be (`doc`, canonical JSON) and what it reports to follow. The epoch outlives restores."""

    device_id: str
    epoch: int
    version: int
    doc: bytes
    doc_sha256: bytes
    reported_epoch: int
    reported_version: int
    reported_at_ms: int
    refused_reason: str

    @property
    def in_sync(self) -> bool:
        return (self.epoch, self.version) == (self.reported_epoch, self.reported_version)


class CommandState(StrEnum):
    """`SENT` past its expiry without an event is shown as `EXPIRED`: it cannot be carried out any more."""

    SENT = "sent"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FINISHED = "finished"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command and what became of it."""

    command_id: str
    device_id: str
    type: str
    args: Mapping[str, Any]
    actor: str
    reason: str
    issued_at_ms: int
    expires_at_ms: int
    state: CommandState
    outcome: str
    changed_at_ms: int


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Alarm:
    """A condition somebody must look at; at most one active for each device, alarm and subject."""

    alarm_no: int
    device_id: str
    alarm: str
    subject: str
    severity: Severity
    detail: str
    raised_at_ms: int
    event_id: str
    settled: bool
    repeats: int
    cleared_at_ms: int | None
    cleared_by: str
    acked_at_ms: int | None
    acked_by: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message for one device on its own topic `…/{channel}`."""

    device_id: str
    channel: str
    payload: bytes
    retain: bool = False
