"""What the device's core needs from the world. Small protocols, owned by their caller; adapters implement them.

Every port has a second, shipped implementation: `firmware_sim` behind a pty for the serial side, in-process
adapters for the fleet simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edge.wire.event import Clock as ClockState
from edge.wire.event import EventDraft
from edge.wire.merkle import Frontier


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of time. `mono_ms` counts since the agent's start; `at_ms` is authority time (Unix ms, UTC)."""

    mono_ms: int
    at_ms: int
    clock: ClockState


class Clock(Protocol):
    def now(self) -> Now:
        """The only reading of any clock on the device."""
        ...


class Random(Protocol):
    def token(self, size_bytes: int) -> bytes:
        """Unpredictable bytes, for ids and nonces."""
        ...

    def fraction(self) -> float:
        """Uniform in [0, 1), for jitter."""
        ...


# --- the event log -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cursor:
    """`size` events of `stream` are durable; the last one has seq `size − 1`."""

    stream: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """Events `first …` that end at a commit boundary, with that commit's signed checkpoint."""

    first: int
    events: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class LogHead:
    """The log as it stands: newest checkpoint, oldest events still held (`base`), newest receipt (or empty)."""

    stream: str
    boot: int
    size: int
    checkpoint: bytes
    base: Frontier
    receipt: bytes
    receipted_size: int


class EventLog(Protocol):
    async def append(self, drafts: Sequence[EventDraft], *, snapshot: bytes | None = None) -> Cursor:
        """Commit all drafts as one unit, durably, before returning; 1 to 500 events and at most 64 KiB.

        `snapshot` is the owner's state after these events, stored in the same transaction.

        Raises:
            StorageFull: nothing was written; fail closed and try again when space is back.
            StorageFailed: the log cannot be written at all; the agent must stop acting.
        """
        ...

    async def read(self, first: int, max_events: int, max_bytes: int) -> StoredBatch | None:
        """The longest run of whole commits from seq `first` within the limits; None at the end.

        `first` must be a commit boundary. One commit is always returned whole.
        """
        ...

    async def head(self) -> LogHead: ...

    async def store_receipt(self, receipt: bytes, size: int) -> None:
        """Keep a verified receipt; events below `size` may be trimmed by age and size from now on."""
        ...

    async def floor(self, at_ms: int) -> None:
        """Persist the authority-time floor (only ever raised, only by signed cloud time)."""
        ...


# --- the cloud link ------------------------------------------------------------------------------------------


class Bus(Protocol):
    async def publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand one message to the broker on the device's own topic `…/{channel}` (QoS 1; telemetry QoS 0).

        Returning means nothing beyond that it was handed over. Raises LinkDown while there is no connection.
        """
        ...


# --- lock boards ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Channel:
    """An output with its door input: `number` counts from 1 on the board called `module` in the configuration."""

    module: str
    number: int


class PulseReply(StrEnum):
    """What the board said to one pulse. `NO_REPLY` may have moved the lock: the door sensor decides, never a retry."""

    ACKED = "acked"
    REFUSED = "refused"
    NO_REPLY = "no_reply"
    FAULT = "fault"


class DoorState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """`occupied` is None where the board has no such sensor."""

    channel: Channel
    door: DoorState
    occupied: bool | None = None


class LockBank(Protocol):
    """All lock boards of a locker, of whatever families, on whatever ports."""

    async def pulse(self, channel: Channel) -> PulseReply:
        """Send exactly one unlock request. Never repeats it, whatever the board answers or does not answer."""
        ...

    async def poll(self) -> Sequence[ChannelReading]:
        """Read every board once; a board that does not answer yields UNKNOWN for its channels."""
        ...


class SerialLine(Protocol):
    """Bytes over a port that may vanish and come back under another name."""

    async def write(self, data: bytes) -> None:
        """Raises LineLost when the port is gone."""
        ...

    async def read(self) -> bytes:
        """Wait for at least one byte. Raises LineLost when the port is gone."""
        ...

    def discard_input(self) -> None:
        """Drop what has arrived and was not read."""
        ...

    async def close(self) -> None: ...


# --- sensors, reader, lights, keypad -------------------------------------------------------------------------


class SensorKind(StrEnum):
    """What is measured, and the unit of its whole-number value."""

    TEMPERATURE = "temperature"  # milli-degrees Celsius of a zone
    AMBIENT = "ambient"  # milli-degrees Celsius around the cabinet
    MAINS = "mains"  # 1 present, 0 gone
    BATTERY = "battery"  # percent
    TAMPER = "tamper"  # 1 the enclosure is open, 0 shut


@dataclass(frozen=True, slots=True)
class SensorReading:
    """One reading of one sensor; `subject` is its zone or name. `value` None: no believable answer (lost, not zero)."""

    kind: SensorKind
    subject: str
    value: int | None


class Sensors(Protocol):
    async def poll(self) -> Sequence[SensorReading]:
        """Read every configured sensor once. A sensor that fails reads None and holds up no other."""
        ...


class Lights(Protocol):
    def show(self, compartment_no: int | None) -> None:
        """Light the lamp of that compartment's door and no other; None puts all out."""
        ...


# --- secrets -------------------------------------------------------------------------------------------------


class KeyStore(Protocol):
    """The device's own secrets; none of them can be read back through this port."""

    @property
    def log_public(self) -> bytes: ...

    def sign(self, message: bytes) -> bytes:
        """Sign with the log key (Ed25519)."""
        ...

    def pin(self, pickup_id: str, generation: int, counter: int) -> str:
        """The pickup PIN of these inputs under the locker's PIN key (docs/reference/wire.md, PIN).

        Raises:
            SecretMissing: no PIN key has been unwrapped yet; collect by QR only.
        """
        ...

    def unwrap(self, name: str, version: int, wrapped: bytes) -> None:
        """Take a secret that the cloud wrapped to this device's key (HPKE) and keep it."""
        ...
