"""What the cloud's answers change: welcome, receipt, rewind, refusal."""

from __future__ import annotations

from edge.core.replacement import replace
from edge.core.sync.flow import REFRESH_JITTER_MS, REFRESH_MS, Effects, Outcome, back_off, knock, pump, start
from edge.core.sync.model import (
    CancelTimer,
    ClearAlarm,
    Flight,
    LogView,
    Phase,
    RaiseAlarm,
    Received,
    SendHello,
    SendHint,
    Sending,
    Session,
    SessionEnded,
    SessionStarted,
    SetFloor,
    StartTimer,
    StoreReceipt,
    SyncClock,
    SyncState,
    Timer,
)
from edge.core.sync.verify import ReceiptNote
from edge.ports import Now
from edge.wire.messages import Refusal, Rewind, Welcome

WELCOME_FLOOR_STEP_MS = 60_000
RECEIPT_FLOOR_STEP_MS = 3_600_000
CLOUD_AHEAD = "cloud_ahead"
CLOUD_BEHIND = "cloud_behind"
RECEIPT_AHEAD = "receipt_ahead"
RECEIPT_FORKED = "receipt_forked"
NEW_SESSION_WANTED = frozenset({"no_session", "wrong_session"})
PASSING = NEW_SESSION_WANTED | {"busy"}


def on_welcome(state: SyncState, given: Received, now: Now) -> Outcome:
    """Open its session, answer with the hello that is judged, and go where its cursor says."""
    welcome = given.message
    assert isinstance(welcome, Welcome)
    if welcome.stream != state.log.stream or not _wanted(state, welcome):
        return state, ()
    state, effects = _open(state, welcome, now)
    if welcome.cursor > state.log.size:
        return _await_judgement(state, effects, CLOUD_AHEAD)
    if welcome.cursor < state.log.base:
        return _await_judgement(state, effects, CLOUD_BEHIND)
    return _stream_from(state, welcome.cursor, effects)


def _wanted(state: SyncState, welcome: Welcome) -> bool:
    """Whoever knocked takes any welcome: an old one only costs a round. Others take newer ones, or, while the head is
    being judged, this session's again (its cursor may have moved)."""
    if state.phase is Phase.KNOCKING:
        return True
    if welcome.nonce == state.session.nonce:
        return state.phase is Phase.JUDGING and state.log.base <= welcome.cursor <= state.log.size
    return welcome.at_ms > state.session.opened_at_ms


def _open(state: SyncState, welcome: Welcome, now: Now) -> Outcome:
    waited_ms = 0
    if state.knocked_mono_ms is not None:
        waited_ms = max(0, now.mono_ms - state.knocked_mono_ms)
        state = replace(state, rto=state.rto.sampled(waited_ms))
    effects: Effects = (CancelTimer(Timer.ANSWER), CancelTimer(Timer.RETRY), SyncClock(welcome.at_ms, waited_ms))
    if welcome.at_ms >= state.floor_at_ms + WELCOME_FLOOR_STEP_MS:
        effects += (SetFloor(welcome.at_ms),)
        state = replace(state, floor_at_ms=welcome.at_ms)
    if welcome.nonce != state.session.nonce:
        ended: Effects = (SessionEnded(),) if state.session.nonce else ()
        effects = (*effects, *ended, SessionStarted(welcome.nonce))
    hints = tuple(SendHint(event) for seq, event in state.hints if seq >= welcome.cursor)
    state = replace(
        state,
        session=Session(welcome.nonce, welcome.at_ms, judged=False),
        knocked_mono_ms=None,
        hints=(),
    )
    return state, (*effects, SendHello(welcome.nonce), *hints)


def _await_judgement(state: SyncState, effects: Effects, alarm: str) -> Outcome:
    """The hello shows the head, the base and the cloud's own receipt; the cloud decides, nothing else is sent."""
    state = replace(state, phase=Phase.JUDGING, sending=replace(state.sending, flights=(), rewound=None))
    state, effects = _alarm(state, effects, alarm, "the cloud's cursor lies outside the events held here")
    wait = state.rto.wait(state.attempts + 1)
    return state, (*effects, CancelTimer(Timer.RECEIPT), CancelTimer(Timer.REFRESH), start(Timer.ANSWER, wait))


def _stream_from(state: SyncState, position: int, effects: Effects, rewound: int | None = None) -> Outcome:
    sending = replace(state.sending, next_seq=position, flights=(), rewound=rewound)
    state = replace(state, phase=Phase.STREAMING, sending=sending)
    effects += (CancelTimer(Timer.RECEIPT),)
    if not state.session.judged:
        effects += (start(Timer.ANSWER, state.rto.wait(state.attempts)),)
    return pump(state, (*effects, StartTimer(Timer.REFRESH, REFRESH_MS, REFRESH_JITTER_MS)))


def on_judged(state: SyncState) -> Outcome:
    """The hello has been heard and stands."""
    session = Session(state.session.nonce, state.session.opened_at_ms, judged=True)
    effects: Effects = (CancelTimer(Timer.ANSWER),) if state.phase is Phase.STREAMING else ()
    return replace(state, session=session), effects


def on_receipt(state: SyncState, given: Received, now: Now) -> Outcome:
    """Move the cursor; an old receipt only settles what it covers. One that contradicts this log is an alarm."""
    receipt = given.message
    assert isinstance(receipt, ReceiptNote)
    log, sending = state.log, state.sending
    if receipt.size > log.size:
        return _alarm(state, (), RECEIPT_AHEAD, f"a receipt over {receipt.size} events, {log.size} are here")
    match = next((flight for flight in sending.flights if flight.end == receipt.size), None)
    if match is not None and not receipt.note.startswith(match.checkpoint):
        return _alarm(state, (), RECEIPT_FORKED, f"a receipt over other events below {receipt.size}")
    settled = any(flight.end <= receipt.size for flight in sending.flights)
    news = receipt.size > log.cursor
    if not settled and not news:
        return state, ()
    effects: Effects = (StoreReceipt(receipt.note, receipt.size),) if news else ()
    if news and receipt.at_s * 1000 >= state.floor_at_ms + RECEIPT_FLOOR_STEP_MS:
        effects += (SetFloor(receipt.at_s * 1000),)
        state = replace(state, floor_at_ms=receipt.at_s * 1000)
    state, effects = _settle(state, receipt, match, effects, now)
    return pump(state, effects)


def _settle(state: SyncState, receipt: ReceiptNote, match: Flight | None, effects: Effects, now: Now) -> Outcome:
    sending, log, rto = state.sending, state.log, state.rto
    if match is not None and not match.repeated:
        rto = rto.sampled(now.mono_ms - match.sent_mono_ms)
    flights = tuple(flight for flight in sending.flights if flight.end > receipt.size)
    if flights:
        effects += (start(Timer.RECEIPT, rto.wait(0)),)
    elif sending.flights:
        effects += (CancelTimer(Timer.RECEIPT),)
    window = sending.window.grown()
    ahead = receipt.size > log.cursor  # what a receipt already covered is sent again only because the cloud asked
    next_seq = max(sending.next_seq, receipt.size) if ahead else sending.next_seq
    state = replace(
        state,
        log=LogView(log.stream, log.base, log.size, max(log.cursor, receipt.size)),
        sending=Sending(next_seq, sending.reached, sending.reading, flights, window, None),
        rto=rto,
        attempts=0,
        receipt_at_s=max(state.receipt_at_s, receipt.at_s),
    )
    if state.alarm and state.phase is Phase.STREAMING:
        return replace(state, alarm=""), (*effects, ClearAlarm(state.alarm))
    return state, effects


def on_rewind(state: SyncState, given: Received, now: Now) -> Outcome:
    """Send again from there, once per position until a receipt or time-out.

    A rewind older than the newest receipt is late mail. One to below a receipt, or to beyond the log, means that the
    cloud or the log is not what it was: only a new session can tell.
    """
    rewind = given.message
    assert isinstance(rewind, Rewind)
    sending, log = state.sending, state.log
    late = rewind.at_ms // 1000 < state.receipt_at_s or rewind.at_ms < state.session.opened_at_ms
    if rewind.stream != log.stream or late or sending.rewound == rewind.cursor:
        return state, ()
    if not log.base <= rewind.cursor <= log.size:
        return state, ()
    if state.phase is Phase.JUDGING:
        judged: Effects = (CancelTimer(Timer.ANSWER),)
        if state.alarm:
            judged += (ClearAlarm(state.alarm),)
        return _stream_from(replace(state, alarm=""), rewind.cursor, judged, rewind.cursor)
    if rewind.cursor < log.cursor:
        return knock(state, now)
    sending = replace(
        sending, next_seq=rewind.cursor, flights=(), window=sending.window.shrunk(), rewound=rewind.cursor
    )
    return pump(replace(state, sending=sending), (CancelTimer(Timer.RECEIPT),))


def on_refusal(state: SyncState, given: Received, _now: Now) -> Outcome:
    """Back off; what is refused stays in the log. A lost session or a busy cloud is no alarm."""
    refusal = given.message
    assert isinstance(refusal, Refusal)
    if refusal.at_ms < state.session.opened_at_ms or state.phase is Phase.REFUSED:
        return state, ()
    ended: Effects = (SessionEnded(),) if state.session.nonce else ()
    state = replace(state, session=Session(b"", state.session.opened_at_ms))
    if refusal.code not in PASSING:
        state, ended = _alarm(state, ended, refusal.code, f"{refusal.detail} {refusal.remedy}".strip())
    return back_off(state, ended)


def _alarm(state: SyncState, effects: Effects, code: str, detail: str) -> Outcome:
    if state.alarm == code:
        return state, effects
    cleared: Effects = (ClearAlarm(state.alarm),) if state.alarm else ()
    return replace(state, alarm=code), (*effects, *cleared, RaiseAlarm(code, detail))
