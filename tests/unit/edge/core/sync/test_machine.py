from dataclasses import replace

import pytest

from edge.core.sync.answers import CLOUD_AHEAD, CLOUD_BEHIND, RECEIPT_AHEAD, RECEIPT_FORKED
from edge.core.sync.machine import TRANSITIONS, IllegalInput, step
from edge.core.sync.model import (
    Appended,
    CancelTimer,
    ClearAlarm,
    Connected,
    Deliver,
    Disconnected,
    Phase,
    RaiseAlarm,
    Received,
    Rejected,
    SendHello,
    SendHint,
    SessionEnded,
    SessionStarted,
    SetFloor,
    StartTimer,
    StoreReceipt,
    SyncClock,
    SyncState,
    Timer,
    TimerFired,
    UrgentEvent,
)
from edge.core.sync.rto import Rto
from edge.core.sync.verify import Reason, Refused
from edge.ports import Now
from edge.wire.envelope import Kind
from edge.wire.keys import TrustBundle
from edge.wire.messages import Bundle, Command
from tests.unit.edge.core.sync.playbook import (
    DEVICE,
    OTHER_STREAM,
    T0_MS,
    Playbook,
    head,
    in_flight,
    nonce,
    read,
    reads,
    receipt,
    refusal,
    rewind,
    sends,
    streaming,
    welcome,
)


def stored(size: int) -> StoreReceipt:
    return StoreReceipt(b"checkpoint %d cosigned" % size, size)


# --- opening a session ---------------------------------------------------------------------------------------


def test_machine_connected_knocks_with_an_empty_nonce() -> None:
    Playbook().when(Connected()).then(SendHello(b"")).timers(StartTimer(Timer.ANSWER, 3_000, 0))


def test_machine_welcome_answers_with_its_nonce_and_reads_from_its_cursor() -> None:
    play = Playbook().given(Connected(), head(10, cursor=3)).later(40)
    play.when(welcome(3)).then(
        SyncClock(T0_MS, 40), SetFloor(T0_MS), SessionStarted(nonce(1)), SendHello(nonce(1)), reads(3)
    )
    play.timers(CancelTimer(Timer.ANSWER))
    assert play.state.rto.timeout_ms == 1_000


def test_machine_knock_unanswered_knocks_again_with_growing_jitter() -> None:
    play = Playbook().given(Connected(), head(1))
    play.when(TimerFired(Timer.ANSWER)).then(SendHello(b"")).timers(StartTimer(Timer.ANSWER, 3_000, 3_000))
    play.given(*[TimerFired(Timer.ANSWER)] * 20).timers(StartTimer(Timer.ANSWER, 3_000, 57_000))


def test_machine_second_knock_is_measured_from_the_first() -> None:
    play = Playbook().given(Connected(), head(1)).later(9_000).given(TimerFired(Timer.ANSWER)).later(1_000)
    play.given(welcome(1))
    assert play.state.rto == Rto().sampled(10_000)


def test_machine_lost_link_forgets_when_it_knocked() -> None:
    play = Playbook().given(Connected(), head(1), Disconnected()).later(50_000)
    play.given(Connected()).later(40).given(welcome(1))
    assert play.state.rto == Rto().sampled(40)


def test_machine_welcome_that_comes_twice_is_answered_once() -> None:
    play = Playbook().given(Connected(), head(4), TimerFired(Timer.ANSWER), welcome(4))
    play.when(welcome(4)).then()


def test_machine_hello_unheard_knocks_again() -> None:
    streaming(1, 1).timers(StartTimer(Timer.ANSWER, 1_000, 0)).when(TimerFired(Timer.ANSWER)).then(SendHello(b""))


@pytest.mark.parametrize("held", [True, False], ids=["the bundle held", "a newer bundle"])
def test_machine_bundle_says_that_the_hello_was_judged(held: bool) -> None:
    bundle = Bundle(TrustBundle("test.fleet", 2, 0, {}))
    play = streaming(1, 1)
    if held:
        play.when(Rejected(Refused(Reason.STALE, "", Kind.BUNDLE))).then()
    else:
        play.when(Received(bundle)).then(Deliver(bundle))
    play.timers(CancelTimer(Timer.ANSWER))
    assert play.state.session.judged and play.state.dropped == 0


@pytest.mark.parametrize(
    "stale",
    [
        pytest.param(welcome(0), id="the session's own again"),
        pytest.param(welcome(0, 2, at_ms=T0_MS - 1), id="an older session's"),
        pytest.param(welcome(0, 2, at_ms=T0_MS + 1, stream=OTHER_STREAM), id="another stream's"),
    ],
)
def test_machine_stale_welcome_while_streaming_changes_nothing(stale) -> None:  # type: ignore[no-untyped-def]
    play = in_flight(5, 10)
    before = play.state
    play.when(stale).then()
    assert play.state == before


def test_machine_newer_welcome_while_streaming_replaces_the_session() -> None:
    in_flight(5, 10).when(welcome(5, 2, at_ms=T0_MS + 1000)).then(
        SyncClock(T0_MS + 1000, 0), SessionEnded(), SessionStarted(nonce(2)), SendHello(nonce(2)), reads(5)
    )


def test_machine_disconnected_ends_session_and_stops_every_timer() -> None:
    play = in_flight(5).when(Disconnected()).then(SessionEnded())
    play.timers(*(CancelTimer(timer) for timer in Timer))
    assert play.state.sending.flights == () and play.state.phase is Phase.OFFLINE


# --- sending -------------------------------------------------------------------------------------------------


def test_machine_window_of_one_waits_for_the_receipt() -> None:
    play = streaming(10).when(read(0, 5)).then(sends(0, 5)).timers(StartTimer(Timer.RECEIPT, 1_000, 0))
    play.later(30).when(receipt(5)).then(stored(5), reads(5)).timers(CancelTimer(Timer.RECEIPT))
    play.when(read(5, 8)).then(sends(5, 8), reads(8))


def test_machine_append_while_idle_reads_at_once() -> None:
    streaming(10, 10).when(Appended("a" * 32, 11)).then(reads(10))


def test_machine_append_while_reading_reads_nothing_more() -> None:
    streaming(10).when(Appended("a" * 32, 11)).then()


def test_machine_all_receipted_runs_only_the_refresh_timer() -> None:
    play = streaming(5).given(read(0, 5)).when(receipt(5)).then(stored(5)).timers(CancelTimer(Timer.RECEIPT))
    play.when(TimerFired(Timer.REFRESH)).then(SendHello(b""))


def test_machine_welcome_holds_all_but_receipt_missing_repeats_from_the_cursor() -> None:
    play = Playbook().given(Connected(), head(10, cursor=4)).when(welcome(10))
    assert play.effects[-1] == reads(4) or reads(4) in play.effects
    play.when(read(4, 10)).then(sends(4, 10))
    play.when(receipt(10)).then(stored(10))


def test_machine_batch_read_for_a_left_position_is_not_sent() -> None:
    streaming(10).given(rewind(5)).when(read(0, 3)).then(reads(5))


def test_machine_unreadable_position_backs_off_then_knocks() -> None:
    play = streaming(10).when(read(0, 0)).then().timers(StartTimer(Timer.RETRY, 1_000, 1_000))
    play.when(TimerFired(Timer.RETRY)).then(SendHello(b""))


# --- receipts ------------------------------------------------------------------------------------------------


def test_machine_receipt_for_the_last_flight_settles_all_before_it() -> None:
    play = in_flight(3, 6, 10).when(receipt(10)).then(stored(10))
    assert play.state.sending.flights == ()


def test_machine_receipt_for_the_first_flight_restarts_the_timer() -> None:
    play = in_flight(3, 6).when(receipt(3)).then(stored(3))
    play.timers(StartTimer(Timer.RECEIPT, 1_000, 0))


def test_machine_old_receipt_is_harmless() -> None:
    play = in_flight(3, 6).given(receipt(6))
    before = play.state
    play.when(receipt(3)).then()
    assert play.state == before


def test_machine_receipt_beyond_the_log_moves_nothing_and_alarms() -> None:
    play = in_flight(3).when(receipt(4)).then(RaiseAlarm(RECEIPT_AHEAD))
    assert play.state.log.cursor == 0


def test_machine_receipt_over_other_bytes_moves_nothing_and_alarms() -> None:
    play = in_flight(3).when(receipt(3, checkpoint=b"another 3")).then(RaiseAlarm(RECEIPT_FORKED))
    assert play.state.log.cursor == 0


def test_machine_receipt_an_hour_later_raises_the_floor() -> None:
    at_s = T0_MS // 1000 + 3600
    in_flight(3).when(receipt(3, at_s=at_s)).then(stored(3), SetFloor(at_s * 1000))


def test_machine_repeated_batch_measures_no_round_trip() -> None:
    play = in_flight(3).given(TimerFired(Timer.RECEIPT), read(0, 3)).later(900)
    before = play.state.rto
    play.given(receipt(3))
    assert play.state.rto == before


# --- time-outs and rewinds -----------------------------------------------------------------------------------


def test_machine_first_timeout_sends_again_from_the_oldest_flight() -> None:
    play = in_flight(3, 6).when(TimerFired(Timer.RECEIPT)).then(reads(0))
    assert play.state.sending.window.batches == 4
    play.when(read(0, 3)).timers(StartTimer(Timer.RECEIPT, 1_000, 1_000))


def test_machine_second_timeout_knocks_but_keeps_the_session() -> None:
    play = in_flight(3).given(TimerFired(Timer.RECEIPT), read(0, 3)).when(TimerFired(Timer.RECEIPT))
    play.then(SendHello(b""))
    assert play.state.session.nonce == nonce(1)


def test_machine_rewind_sends_from_there_once() -> None:
    play = in_flight(3, 6, 9).when(rewind(3)).then(reads(3))
    play.when(rewind(3), rewind(3)).then()
    assert play.state.sending.window.batches == 4


def test_machine_rewind_after_timeout_is_heard_again() -> None:
    play = in_flight(3, 6).given(rewind(3), read(3, 6)).given(TimerFired(Timer.RECEIPT))
    play.given(read(3, 6)).when(rewind(3)).then(reads(3))


@pytest.mark.parametrize(
    "useless",
    [
        pytest.param(rewind(3, stream=OTHER_STREAM), id="another stream"),
        pytest.param(rewind(3, at_ms=T0_MS - 1), id="older than the session"),
        pytest.param(rewind(7), id="beyond the log"),
    ],
)
def test_machine_rewind_without_sense_is_ignored(useless) -> None:  # type: ignore[no-untyped-def]
    in_flight(3, 6).when(useless).then()


def test_machine_rewind_below_a_receipt_asks_for_a_new_session() -> None:
    in_flight(3, 6).given(receipt(3)).when(rewind(0)).then(SendHello(b""))


def test_machine_rewind_older_than_the_receipt_is_late_mail() -> None:
    in_flight(3, 6).given(receipt(3, at_s=T0_MS // 1000 + 5)).when(rewind(0, at_ms=T0_MS + 4000)).then()


# --- a cloud or a log that is not what it was ----------------------------------------------------------------


def test_machine_cloud_ahead_sends_only_the_hello() -> None:
    play = Playbook().given(Connected(), head(10)).when(welcome(11))
    play.then(
        SyncClock(T0_MS, 0),
        SetFloor(T0_MS),
        SessionStarted(nonce(1)),
        SendHello(nonce(1)),
        RaiseAlarm(CLOUD_AHEAD),
    )
    play.when(Appended("a" * 32, 12), rewind(13)).then()
    play.when(refusal("rollback")).then(SessionEnded(), ClearAlarm(CLOUD_AHEAD), RaiseAlarm("rollback"))


def test_machine_cloud_behind_what_is_trimmed_waits_for_its_rewind() -> None:
    play = Playbook().given(Connected(), head(10, base=6, cursor=8)).when(welcome(2))
    assert RaiseAlarm(CLOUD_BEHIND) in play.effects
    play.when(rewind(4)).then()
    play.when(rewind(6)).then(ClearAlarm(CLOUD_BEHIND), reads(6))


def test_machine_judgement_without_answer_knocks_again() -> None:
    play = Playbook().given(Connected(), head(10, base=6, cursor=8), welcome(2))
    play.when(TimerFired(Timer.ANSWER)).then(SendHello(b""))


def test_machine_new_stream_starts_over_with_a_knock() -> None:
    play = in_flight(3, 6).when(Appended(OTHER_STREAM, 1)).then(SendHello(b""))
    play.given(head(1, stream=OTHER_STREAM)).when(welcome(0, 2, at_ms=T0_MS + 1, stream=OTHER_STREAM))
    assert play.effects[-1] != () and reads(0) in play.effects


@pytest.mark.parametrize("code", ["quarantined", "rollback", "fork", "unknown_device"])
def test_machine_refused_backs_off_with_full_jitter_to_sixty_seconds(code: str) -> None:
    play = in_flight(3).when(refusal(code)).then(SessionEnded(), RaiseAlarm(code))
    play.timers(StartTimer(Timer.RETRY, 1_000, 1_000))
    for _ in range(12):
        play.given(TimerFired(Timer.RETRY)).when(refusal(code)).then()
    play.timers(StartTimer(Timer.RETRY, 1_000, 59_000))


@pytest.mark.parametrize("code", ["busy", "no_session", "wrong_session"])
def test_machine_passing_refusal_raises_no_alarm(code: str) -> None:
    in_flight(3).when(refusal(code)).then(SessionEnded())


def test_machine_receipt_after_refusal_clears_the_alarm() -> None:
    play = in_flight(3).given(refusal("quarantined"), TimerFired(Timer.RETRY)).given(welcome(0, 2), read(0, 3))
    play.when(receipt(3)).then(stored(3), ClearAlarm("quarantined"))


# --- hints and deliveries ------------------------------------------------------------------------------------


def test_machine_urgent_event_leaves_ahead_of_the_backlog() -> None:
    in_flight(3, 6).when(UrgentEvent(99, b"door")).then(SendHint(b"door"))


def test_machine_urgent_events_offline_leave_after_the_welcome_before_batches() -> None:
    play = Playbook().given(UrgentEvent(1, b"old"), UrgentEvent(8, b"door"), Connected(), head(10))
    play.when(welcome(4)).then(
        SyncClock(T0_MS, 0),
        SetFloor(T0_MS),
        SessionStarted(nonce(1)),
        SendHello(nonce(1)),
        SendHint(b"door"),
        reads(4),
    )


def test_machine_urgent_events_offline_are_bounded() -> None:
    play = Playbook().given(*(UrgentEvent(seq, b"x") for seq in range(100)))
    assert [seq for seq, _ in play.state.hints] == list(range(68, 100))


def test_machine_refused_command_is_delivered_and_foreign_bytes_only_counted() -> None:
    command = Command("c" * 32, DEVICE, nonce(9), "unlock", {}, T0_MS, T0_MS + 1, "ops", "why")
    refused = Refused(Reason.WRONG_SESSION, "x", None, command)
    play = streaming(1, 1).when(Rejected(refused)).then(Deliver(refused))
    play.when(Rejected(Refused(Reason.BAD_SIGNATURE, "x"))).then()
    assert play.state.dropped == 2


# --- the table -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "given"),
    [
        (Phase.STREAMING, Connected()),
        (Phase.OFFLINE, TimerFired(Timer.ANSWER)),
        (Phase.STREAMING, TimerFired(Timer.RETRY)),
        (Phase.KNOCKING, TimerFired(Timer.RECEIPT)),
    ],
)
def test_machine_impossible_input_raises(phase: Phase, given) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(IllegalInput):
        step(replace(SyncState(), phase=phase), given, Now(0, 0, "synced"))


def test_machine_table_lets_every_phase_hear_link_log_and_cloud() -> None:
    keys = {key for _, key in TRANSITIONS if not isinstance(key, Timer) and key is not Connected}
    assert {(phase, key) for phase in Phase for key in keys} <= set(TRANSITIONS)
