"""What the ledger holds, as values; and what may follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from edge.wire.merkle import Frontier

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of the ledger.

    `position` is its place in the whole ledger (gapless, rising in commit order): what cursors count. `at_ms` is when
    it happened by the device's clock, `record_at_ms` when the cloud stored it; `late` says the two are over 15 min
    apart. `raw` is the event's bytes for ever; `data` its payload, checked against the type's table.
    """

    position: int
    device_id: str
    stream: str
    seq: int
    boot: int
    type: str
    at_ms: int
    record_at_ms: int
    clock: str
    late: bool
    data: Mapping[str, Any]
    raw: bytes

    @property
    def id(self) -> str:
        """The CloudEvents id, unique for ever."""
        return f"{self.device_id}/{self.stream}/{self.seq}"

    @property
    def parcel_id(self) -> str | None:
        value = self.data.get("parcel_id")
        return value if type(value) is str else None

    @property
    def compartment_no(self) -> int | None:
        value = self.data.get("compartment_no")
        return value if type(value) is int else None


@dataclass(frozen=True, slots=True)
class StreamHead:
    """How far the cloud has one stream: `frontier` over every event so far; below `base_size` none are held (a gap).

    `announced_size` is what the device last stated, signed; `mismatches` counts validly signed checkpoints in a row
    whose bytes did not fit; `superseded_at_ms` is set when the device began a newer stream.
    """

    stream_no: int
    device_id: str
    stream: str
    frontier: Frontier
    base_size: int = 0
    receipt: bytes = b""
    announced_size: int = 0
    announced_at_ms: int = 0
    mismatches: int = 0
    opened_at_ms: int = 0
    superseded_at_ms: int | None = None

    @property
    def cursor(self) -> int:
        """The first seq that is not stored."""
        return self.frontier.size


@dataclass(frozen=True, slots=True)
class Gap:
    """Events `first … end − 1` that the ledger will never hold, and why.

    `proof_size` and `proof_root` are the receipt that showed the cloud once had them (0: there was none).
    """

    device_id: str
    stream: str
    first: int
    end: int
    cause: str
    recorded_at_ms: int
    proof_size: int = 0
    proof_root: bytes = b""
    proved_at_ms: int | None = None


class Projection(Protocol):
    """A fold of ledger events into one context's tables.

    Runs inside the ingest transaction in a savepoint of its own (custody, heads, alarms), or follows the ledger by a
    cursor. It must be a function of the events alone, in the order given, so that it can be rebuilt from position 0.
    """

    @property
    def name(self) -> str:
        """Names its cursor and its faults; never changes."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """The event types it wants to see; empty means all."""
        ...

    def apply(self, conn: Connection, event: StoredEvent) -> None:
        """Fold one event in. An exception undoes this event's changes only and is recorded as a fault."""
        ...

    def reset(self, conn: Connection) -> None:
        """Empty its tables, before a rebuild."""
        ...


@runtime_checkable
class BatchFold(Protocol):
    """A projection that folds the events of one batch together, for speed; its result must equal `apply` in turn."""

    def apply_all(self, conn: Connection, events: Sequence[StoredEvent]) -> None: ...


@runtime_checkable
class DeviceRefold(Protocol):
    """A projection whose rows of one device are a function of that device's events alone, and of their order."""

    def reset_device(self, conn: Connection, device_id: str) -> None:
        """Empty this device's rows: its events are folded again from the first on."""
        ...
