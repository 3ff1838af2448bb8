"""The sending side: knocks, reads, batches on their way, and their timers."""

from __future__ import annotations

from edge.core.replacement import replace
from edge.core.sync.model import (
    BatchRead,
    CancelTimer,
    Effect,
    Flight,
    Phase,
    ReadBatch,
    SendBatch,
    SendHello,
    Sending,
    StartTimer,
    SyncState,
    Timer,
)
from edge.core.sync.rto import Wait, full_jitter
from edge.ports import Now, StoredBatch
from edge.wire.messages import MAX_BATCH_BYTES, MAX_BATCH_EVENTS

BACK_OFF_FIRST_MS = 2_000
BACK_OFF_MIN_MS = 1_000
REFRESH_MS = 6 * 3_600_000
REFRESH_JITTER_MS = 3_600_000

Effects = tuple[Effect, ...]
Outcome = tuple[SyncState, Effects]


def start(timer: Timer, wait: Wait) -> StartTimer:
    return StartTimer(timer, wait.delay_ms, wait.jitter_ms)


def knock(state: SyncState, now: Now, before: Effects = ()) -> Outcome:
    """Ask for a welcome. The session in force stays until the welcome replaces it.

    The round trip is measured from the first knock. After a repeat that may be too long, as Karn's rule has it; but the
    measure of a quiet hour would send everything several times just when the cloud is behind.
    """
    first_mono_ms = state.knocked_mono_ms if state.phase is Phase.KNOCKING else None
    state = replace(
        state,
        phase=Phase.KNOCKING,
        sending=replace(state.sending, flights=(), rewound=None),
        knocked_mono_ms=now.mono_ms if first_mono_ms is None else first_mono_ms,
    )
    stop = (CancelTimer(Timer.RECEIPT), CancelTimer(Timer.REFRESH), CancelTimer(Timer.RETRY))
    return state, (*before, *stop, SendHello(b""), start(Timer.ANSWER, state.rto.wait(state.attempts)))


def back_off(state: SyncState, before: Effects) -> Outcome:
    """The cloud said no, or the log cannot be read here: wait at most 60 s, then knock."""
    wait = full_jitter(state.attempts, first_ms=BACK_OFF_FIRST_MS, min_ms=BACK_OFF_MIN_MS)
    state = replace(
        state,
        phase=Phase.REFUSED,
        attempts=state.attempts + 1,
        sending=replace(state.sending, flights=(), rewound=None),
        knocked_mono_ms=None,
    )
    stop = (CancelTimer(Timer.RECEIPT), CancelTimer(Timer.REFRESH), CancelTimer(Timer.ANSWER))
    return state, (*before, *stop, start(Timer.RETRY, wait))


def pump(state: SyncState, before: Effects) -> Outcome:
    """Ask for the next batch while the window has room.

    When the cloud is known to hold everything but its receipt never came, the events from the cursor on are sent
    once more: an honest repeat is answered with the current receipt.
    """
    sending, log = state.sending, state.log
    if state.phase is not Phase.STREAMING or sending.reading is not None:
        return state, before
    if len(sending.flights) >= sending.window.batches:
        return state, before
    first = sending.next_seq
    if first >= log.size:
        if sending.flights or log.cursor >= log.size:
            return state, before
        first = log.cursor
    sending = Sending(first, sending.reached, first, sending.flights, sending.window, sending.rewound)
    return replace(state, sending=sending), (*before, ReadBatch(first, MAX_BATCH_EVENTS, MAX_BATCH_BYTES))


def take_batch(state: SyncState, given: BatchRead, now: Now) -> Outcome:
    """Send what was read, unless the position moved in the meantime."""
    sending = state.sending
    wanted = given.first == sending.next_seq and len(sending.flights) < sending.window.batches
    if wanted and given.batch is not None:
        return _send(state, given.batch, now)
    state = replace(state, sending=replace(sending, reading=None))
    if wanted and given.first < state.log.size:
        return back_off(state, ())
    return pump(state, ())


def _send(state: SyncState, batch: StoredBatch, now: Now) -> Outcome:
    sending, log = state.sending, state.log
    end = batch.first + len(batch.events)
    flight = Flight(batch.first, end, batch.checkpoint, now.mono_ms, batch.first < sending.reached)
    effects: Effects = (SendBatch(batch),)
    if not sending.flights:
        effects += (start(Timer.RECEIPT, state.rto.wait(state.attempts)),)
    if end > log.size:
        log = replace(log, size=end)
    flights = (*sending.flights, flight)
    sending = Sending(end, max(end, sending.reached), None, flights, sending.window, sending.rewound)
    return pump(replace(state, log=log, sending=sending), effects)
