"""`step`: what the device does about its cloud link, one input at a time. Pure; the table at the end is the machine.

Offline → knock → welcome → hello with its nonce → batches → receipts. Nothing but a receipt moves the cursor; a
welcome or rewind only moves the position that is sent from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge.core.replacement import replace
from edge.core.sync import answers, flow
from edge.core.sync.model import (
    MAX_PENDING_HINTS,
    Appended,
    BatchRead,
    CancelTimer,
    Connected,
    Deliver,
    Disconnected,
    Effect,
    HeadRead,
    Input,
    LogView,
    Phase,
    Received,
    Rejected,
    SendHint,
    Sending,
    Session,
    SessionEnded,
    SyncState,
    Timer,
    TimerFired,
    UrgentEvent,
)
from edge.core.sync.verify import Reason, ReceiptNote
from edge.errors import EdgeError
from edge.ports import Now
from edge.wire.messages import Bundle, Command, Desired, Refusal, Rewind, Secret, Welcome

Effects = tuple[Effect, ...]
Outcome = tuple[SyncState, Effects]
KNOCK_AFTER_TIMEOUTS = 2


class IllegalInput(EdgeError):
    """The caller broke the machine's rules: a defect, never a peer's doing."""

    code = "illegal_sync_input"


def step(state: SyncState, given: Input, now: Now) -> Outcome:
    """The next state and what to do, in order.

    Raises:
        IllegalInput: the input cannot happen in this phase.
    """
    handler = TRANSITIONS.get((state.phase, key_of(given)))
    if handler is None:
        raise IllegalInput(f"{key_of(given)} while {state.phase.value}", where="sync")
    return handler(state, given, now)


def key_of(given: Input) -> object:
    """What the table distinguishes an input by: its timer, the kind of message, or its own type."""
    if isinstance(given, Received):
        return type(given.message)
    return given.timer if isinstance(given, TimerFired) else type(given)


# --- link ----------------------------------------------------------------------------------------------------


def _connect(state: SyncState, _given: Connected, now: Now) -> Outcome:
    return flow.knock(replace(state, attempts=0), now)


def _disconnect(state: SyncState, _given: Disconnected, _now: Now) -> Outcome:
    sending = replace(state.sending, flights=(), rewound=None)
    ended: Effects = (SessionEnded(),) if state.session.nonce else ()
    state = replace(state, phase=Phase.OFFLINE, session=Session(), sending=sending, knocked_mono_ms=None)
    return state, (*(CancelTimer(timer) for timer in Timer), *ended)


# --- log -----------------------------------------------------------------------------------------------------


def _see_head(state: SyncState, given: HeadRead, now: Now) -> Outcome:
    view = given.view
    if view.stream == state.log.stream:
        view = LogView(view.stream, view.base, max(view.size, state.log.size), max(view.cursor, state.log.cursor))
        return flow.pump(replace(state, log=view), ())
    if not state.log.stream or state.phase in (Phase.OFFLINE, Phase.KNOCKING):
        return replace(state, log=view, sending=Sending(reading=state.sending.reading), receipt_at_s=0), ()
    return _change_stream(state, view, now)


def _append(state: SyncState, given: Appended, now: Now) -> Outcome:
    if given.stream != state.log.stream:
        return _change_stream(state, LogView(given.stream, 0, given.size, 0), now)
    log = state.log
    grown = LogView(log.stream, log.base, max(given.size, log.size), log.cursor)
    return flow.pump(replace(state, log=grown), ())


def _change_stream(state: SyncState, view: LogView, now: Now) -> Outcome:
    """A new stream began: nothing of the former one may be sent, and the cloud has to judge the new head."""
    state = replace(state, log=view, sending=Sending(reading=state.sending.reading), hints=(), receipt_at_s=0)
    if state.phase in (Phase.OFFLINE, Phase.REFUSED):
        return state, ()
    return flow.knock(state, now)


def _take_batch(state: SyncState, given: BatchRead, now: Now) -> Outcome:
    return flow.take_batch(state, given, now)


def _drop_batch(state: SyncState, _given: BatchRead, _now: Now) -> Outcome:
    return replace(state, sending=replace(state.sending, reading=None)), ()


def _hint_now(state: SyncState, given: UrgentEvent, _now: Now) -> Outcome:
    return state, (SendHint(given.event),)


def _hint_later(state: SyncState, given: UrgentEvent, _now: Now) -> Outcome:
    return replace(state, hints=(*state.hints, (given.seq, given.event))[-MAX_PENDING_HINTS:]), ()


# --- timers --------------------------------------------------------------------------------------------------


def _no_answer(state: SyncState, _given: TimerFired, now: Now) -> Outcome:
    return flow.knock(replace(state, attempts=state.attempts + 1), now)


def _no_receipt(state: SyncState, _given: TimerFired, now: Now) -> Outcome:
    """Send again from the oldest open batch; when that helps nothing, begin a new session."""
    sending, attempts = state.sending, state.attempts + 1
    first = sending.flights[0].first if sending.flights else sending.next_seq
    sending = replace(sending, flights=(), next_seq=first, window=sending.window.shrunk(), rewound=None)
    state = replace(state, sending=sending, attempts=attempts)
    if attempts >= KNOCK_AFTER_TIMEOUTS:
        return flow.knock(state, now)
    return flow.pump(state, ())


def _knock_again(state: SyncState, _given: TimerFired, now: Now) -> Outcome:
    return flow.knock(state, now)


# --- messages without a part in the conversation -------------------------------------------------------------


def _deliver(state: SyncState, given: Received, _now: Now) -> Outcome:
    return state, (Deliver(given.message),)


def _take_bundle(state: SyncState, given: Received, _now: Now) -> Outcome:
    """A newer trust bundle; any bundle at all says that the hello was judged."""
    state, effects = answers.on_judged(state)
    return state, (*effects, Deliver(given.message))


def _reject(state: SyncState, given: Rejected, _now: Now) -> Outcome:
    """Strangers' bytes are only counted; an authentic command that may not run is the agent's to record."""
    if given.refused.reason is Reason.STALE:
        return answers.on_judged(state) if state.phase in (Phase.JUDGING, Phase.STREAMING) else (state, ())
    state = replace(state, dropped=state.dropped + 1)
    return state, ((Deliver(given.refused),) if given.refused.command is not None else ())


def _ignore(state: SyncState, _given: Input, _now: Now) -> Outcome:
    return state, ()


ONLINE = (Phase.KNOCKING, Phase.JUDGING, Phase.STREAMING, Phase.REFUSED)
Handler = Callable[..., Outcome]


def _rows() -> dict[tuple[Phase, object], Handler]:
    rows: dict[tuple[Phase, object], Handler] = {(Phase.OFFLINE, Connected): _connect}
    for phase in ONLINE:
        rows[phase, Disconnected] = _disconnect
        rows[phase, Welcome] = answers.on_welcome
        rows[phase, ReceiptNote] = answers.on_receipt
        rows[phase, Refusal] = answers.on_refusal
        rows[phase, Rewind] = _ignore
        rows[phase, UrgentEvent] = _hint_later
    for phase in Phase:
        rows[phase, HeadRead] = _see_head
        rows[phase, Appended] = _append
        rows[phase, BatchRead] = _drop_batch
        rows[phase, Rejected] = _reject
        for kind in (Command, Desired, Secret, Bundle):
            rows[phase, kind] = _deliver
    rows[Phase.OFFLINE, Disconnected] = _ignore
    rows[Phase.OFFLINE, UrgentEvent] = _hint_later
    for late in (Welcome, ReceiptNote, Refusal, Rewind):
        rows[Phase.OFFLINE, late] = _ignore
    for phase in (Phase.JUDGING, Phase.STREAMING):
        rows[phase, UrgentEvent] = _hint_now
        rows[phase, Rewind] = answers.on_rewind
        rows[phase, Bundle] = _take_bundle
    rows[Phase.STREAMING, BatchRead] = _take_batch
    rows[Phase.STREAMING, Timer.RECEIPT] = _no_receipt
    rows[Phase.STREAMING, Timer.ANSWER] = _no_answer
    rows[Phase.STREAMING, Timer.REFRESH] = _knock_again
    rows[Phase.KNOCKING, Timer.ANSWER] = _no_answer
    rows[Phase.JUDGING, Timer.ANSWER] = _no_answer
    rows[Phase.REFUSED, Timer.RETRY] = _knock_again
    return rows


TRANSITIONS: Mapping[tuple[Phase, object], Handler] = _rows()
