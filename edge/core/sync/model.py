"""The sync machine's values: its state, what comes in, what goes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from edge.core.sync.rto import Rto
from edge.core.sync.verify import Incoming, Refused
from edge.core.sync.window import Window
from edge.ports import StoredBatch

MAX_PENDING_HINTS = 32


class Phase(StrEnum):
    """Where the conversation with the cloud stands."""

    OFFLINE = "offline"
    KNOCKING = "knocking"
    JUDGING = "judging"
    STREAMING = "streaming"
    REFUSED = "refused"


class Timer(StrEnum):
    """Every wait of the machine; at most one of each runs."""

    ANSWER = "answer"
    RECEIPT = "receipt"
    RETRY = "retry"
    REFRESH = "refresh"


# --- state ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flight:
    """A batch without a receipt yet; `repeated` ones measure no round trip."""

    first: int
    end: int
    checkpoint: bytes
    sent_mono_ms: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class LogView:
    """The log as last seen: events `base … size − 1` are held; a receipt covers all below `cursor`."""

    stream: str = ""
    base: int = 0
    size: int = 0
    cursor: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """The welcome in force; no nonce: none. `opened_at_ms` is its cloud time.

    `judged`: the cloud has answered the hello with this nonce, which it does with the trust bundle. Until then it may
    not have heard it, and would send no command.
    """

    nonce: bytes = b""
    opened_at_ms: int = 0
    judged: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """Position and batches on their way. `reached`: end of the farthest batch sent in this stream.

    `reading` is the position of the one read under way. `rewound` is the last rewind heeded, until a receipt or a
    time-out makes the same one heard again.
    """

    next_seq: int = 0
    reached: int = 0
    reading: int | None = None
    flights: tuple[Flight, ...] = ()
    window: Window = Window()
    rewound: int | None = None


@dataclass(frozen=True, slots=True)
class SyncState:
    """Everything the machine remembers. `attempts`: time-outs and refusals since the last receipt.

    `knocked_mono_ms`: the first knock that waits for a welcome. `floor_at_ms`: newest floor asked for.
    """

    phase: Phase = Phase.OFFLINE
    log: LogView = LogView()
    session: Session = Session()
    sending: Sending = Sending()
    rto: Rto = Rto()
    attempts: int = 0
    knocked_mono_ms: int | None = None
    receipt_at_s: int = 0
    floor_at_ms: int = 0
    alarm: str = ""
    hints: tuple[tuple[int, bytes], ...] = ()
    dropped: int = 0


# --- inputs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """The link is up and subscribed."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The link is down."""


@dataclass(frozen=True, slots=True)
class Received:
    """A verified message of the cloud."""

    message: Incoming


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes from the link that did not pass."""

    refused: Refused


@dataclass(frozen=True, slots=True)
class HeadRead:
    """The log's head as a hello states it; it comes before any answer to that hello."""

    view: LogView


@dataclass(frozen=True, slots=True)
class Appended:
    """`size` events of `stream` are durable now."""

    stream: str
    size: int


@dataclass(frozen=True, slots=True)
class BatchRead:
    """The answer to ReadBatch; None: nothing can be read there."""

    first: int
    batch: StoredBatch | None


@dataclass(frozen=True, slots=True)
class UrgentEvent:
    """A durable event that must not wait behind the backlog."""

    seq: int
    event: bytes


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that was started and not cancelled since."""

    timer: Timer


Input = Connected | Disconnected | Received | Rejected | HeadRead | Appended | BatchRead | UrgentEvent | TimerFired


# --- effects -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendHello:
    """Read the head, give it back as HeadRead, send it. Empty nonce: a knock."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Read from the log and answer with BatchRead."""

    first: int
    max_events: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class SendBatch:
    batch: StoredBatch


@dataclass(frozen=True, slots=True)
class SendHint:
    event: bytes


@dataclass(frozen=True, slots=True)
class StoreReceipt:
    """A receipt over the first `size` events moves the cursor."""

    note: bytes
    size: int


@dataclass(frozen=True, slots=True)
class SyncClock:
    """Signed cloud time: now it is between `at_ms` and `at_ms + waited_ms` in the cloud."""

    at_ms: int
    waited_ms: int


@dataclass(frozen=True, slots=True)
class SetFloor:
    """Signed cloud time that no later authority time may be below."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """(Re)start: fires after `delay_ms` and a uniformly drawn share of `jitter_ms`."""

    timer: Timer
    delay_ms: int
    jitter_ms: int = 0


@dataclass(frozen=True, slots=True)
class CancelTimer:
    timer: Timer


@dataclass(frozen=True, slots=True)
class Deliver:
    """For the agent: a command, desired state, secret or bundle, or an authentic command that is refused."""

    message: Incoming | Refused


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """Commands count from now on if they carry this nonce."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """No command counts any more."""


@dataclass(frozen=True, slots=True)
class RaiseAlarm:
    """Somebody must look; `code` is also what a refusal names."""

    code: str
    detail: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    code: str


Effect = (
    SendHello | ReadBatch | SendBatch | SendHint | StoreReceipt | SyncClock | SetFloor | StartTimer | CancelTimer
    | Deliver | SessionStarted | SessionEnded | RaiseAlarm | ClearAlarm
)  # fmt: skip
