"""The updater's machine: every way a trial can end, and a device whose plug is pulled at any moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.release.machine import (
    HEALTH_DEADLINE_S,
    MAX_TRIES,
    RETRY_S,
    Commit,
    FallBack,
    Health,
    IllegalMove,
    Install,
    Phase,
    Seen,
    Try,
    Update,
    Wait,
    Wish,
    check_move,
    committed,
    installed,
    refused,
    refused_now,
    step,
)
from edge.core.release.record import decode_update, encode_update
from edge.wire.release import ReleaseKind, parse_version

OLD, NEW = parse_version("1.0.0"), parse_version("1.1.0")
WISH = Wish(ReleaseKind.IMAGE, NEW)
WELL = Health(agent_up=True, log_writable=True, boards_answer=True, bridge_reached=True)
IDLE = Seen(running="a", committed="a", version=OLD, busy=False, up_for_s=100, health=WELL)
TRIAL = Seen(running="b", committed="a", version=NEW, busy=False, up_for_s=30, health=WELL, asked=WISH)
TRYING = Update(Phase.TRYING, WISH, "b", tries=1, since_s=30)


def test_new_version_is_installed_into_the_slot_that_does_not_run() -> None:
    assert step(Update(), replace(IDLE, asked=WISH)) == (Update(), Install(WISH, "b"))
    other = replace(IDLE, running="b", committed="b", asked=WISH)
    assert step(Update(), other)[1] == Install(WISH, "a")


def test_trial_is_recorded_before_the_slot_can_run() -> None:
    update, action = step(installed(WISH, "b"), replace(IDLE, asked=WISH))
    assert (update.phase, update.tries, action) == (Phase.TRYING, 1, Try("b"))


def test_nothing_is_switched_while_somebody_uses_the_device() -> None:
    written = installed(WISH, "b")
    assert step(written, replace(IDLE, busy=True, asked=WISH)) == (written, Wait("in_use"))


def test_healthy_trial_is_committed() -> None:
    assert step(TRYING, TRIAL) == (TRYING, Commit("b"))
    assert committed(TRYING).phase is Phase.COMMITTED


@pytest.mark.parametrize("lack", ["agent_up", "log_writable", "boards_answer", "bridge_reached"])
def test_trial_without_one_sign_of_health_falls_back_at_the_deadline_and_not_before(lack: str) -> None:
    health = replace(WELL, **{lack: False})
    waiting = replace(TRIAL, health=health)
    assert step(TRYING, waiting)[1] == Wait("on_trial")
    assert step(TRYING, replace(waiting, up_for_s=30 + HEALTH_DEADLINE_S - 1))[1] == Wait("on_trial")
    update, action = step(TRYING, replace(waiting, up_for_s=30 + HEALTH_DEADLINE_S))
    assert action == FallBack(f"unhealthy:{lack}")
    after = step(update, replace(IDLE, asked=WISH))[0]
    assert (after.phase, after.reason) == (Phase.FELL_BACK, f"unhealthy:{lack}")


def test_trial_without_a_bridge_is_kept_when_there_was_none_before_it_either() -> None:
    offline = replace(WELL, bridge_reached=False)
    trying, action = step(installed(WISH, "b"), replace(IDLE, health=offline, asked=WISH))
    assert action == Try("b")
    assert step(trying, replace(TRIAL, health=offline))[1] == Commit("b")


def test_time_of_a_trial_begins_when_it_is_first_seen_and_with_every_start_of_the_machine() -> None:
    sick = replace(TRIAL, health=Health(), up_for_s=5_000)
    update, action = step(replace(TRYING, since_s=None), sick)
    assert (update.since_s, action) == (5_000, Wait("on_trial"))
    assert step(replace(TRYING, since_s=9_000), sick) == (replace(TRYING, since_s=5_000), Wait("on_trial"))


@pytest.mark.parametrize(
    ("update", "seen"),
    [
        pytest.param(TRYING, replace(TRIAL, health=Health(), up_for_s=30 + HEALTH_DEADLINE_S), id="unhealthy"),
        pytest.param(TRYING, replace(TRIAL, version=OLD), id="another_version"),
        pytest.param(TRYING, replace(TRIAL, asked=None), id="withdrawn"),
        pytest.param(Update(), TRIAL, id="unknown_trial"),
    ],
)
def test_trial_does_not_fall_back_under_an_open_door(update: Update, seen: Seen) -> None:
    assert step(update, replace(seen, busy=True))[1] == Wait("in_use")
    assert isinstance(step(update, seen)[1], FallBack)


def test_wish_withdrawn_before_the_trial_leaves_the_running_slot() -> None:
    assert step(installed(WISH, "b"), IDLE) == (Update(), Wait("withdrawn"))


@pytest.mark.parametrize("asked", [None, replace(WISH, version=OLD)], ids=["nothing", "the_former_version"])
def test_wish_withdrawn_during_the_trial_falls_back(asked: Wish | None) -> None:
    update, action = step(TRYING, replace(TRIAL, asked=asked))
    assert (update.reason, action) == ("withdrawn", FallBack("withdrawn"))
    after, _ = step(update, replace(IDLE, asked=asked))
    assert (after.phase, after.reason) == (Phase.FELL_BACK, "withdrawn")


def test_another_attempt_at_the_release_on_trial_lets_it_go_on() -> None:
    assert step(TRYING, replace(TRIAL, asked=replace(WISH, attempt=1)))[1] == Commit("b")


def test_release_that_was_kept_and_got_lost_is_installed_anew() -> None:
    kept = committed(TRYING)
    assert step(kept, replace(IDLE, version=NEW, asked=WISH))[1] == Wait("committed")
    assert step(kept, replace(IDLE, version=OLD, asked=WISH)) == (Update(), Install(WISH, "b"))


def test_passing_refusal_is_tried_again_later_and_ever_later() -> None:
    seen = replace(IDLE, asked=WISH, up_for_s=1_000)
    once = refused_now(Update(), WISH, "expired", 1_000)
    assert step(once, replace(seen, up_for_s=1_000 + RETRY_S - 1))[1] == Wait("refused")
    assert step(once, replace(seen, up_for_s=1_000 + RETRY_S)) == (once, Install(WISH, "b"))
    twice = refused_now(once, WISH, "expired", 2_000)
    assert step(twice, replace(seen, up_for_s=2_000 + RETRY_S))[1] == Wait("refused")
    assert step(twice, replace(seen, up_for_s=2_000 + 2 * RETRY_S))[1] == Install(WISH, "b")
    assert step(twice, replace(seen, up_for_s=10))[1] == Install(WISH, "b"), "the machine was restarted"


def test_move_that_the_table_does_not_hold_raises() -> None:
    with pytest.raises(IllegalMove):
        check_move(Phase.IDLE, Phase.TRYING)
    with pytest.raises(IllegalMove):
        check_move(Phase.COMMITTED, Phase.WRITTEN)


def test_slot_that_never_started_is_tried_once_more_and_then_given_up() -> None:
    update, action = step(TRYING, replace(IDLE, asked=WISH))
    assert (update.phase, action) == (Phase.WRITTEN, Wait("once_more"))
    update, _ = step(update, replace(IDLE, asked=WISH))
    assert update.tries == MAX_TRIES
    update, _ = step(update, replace(IDLE, asked=WISH))
    assert (update.phase, update.reason) == (Phase.FELL_BACK, "did_not_start")
    assert step(update, replace(IDLE, asked=WISH))[1] == Wait("fell_back")


def test_release_that_fell_back_is_tried_again_when_another_attempt_is_asked_for() -> None:
    fallen = Update(Phase.FELL_BACK, WISH, "b", 2, reason="did_not_start")
    again = replace(WISH, attempt=1)
    assert step(fallen, replace(IDLE, asked=again)) == (Update(), Install(again, "b"))


def test_lower_version_is_refused_and_stays_refused() -> None:
    wish = Wish(ReleaseKind.IMAGE, parse_version("0.9.9"))
    update, action = step(Update(), replace(IDLE, asked=wish))
    assert (update, action) == (refused(wish, "lower_version"), Wait("lower_version"))
    assert step(update, replace(IDLE, asked=wish)) == (update, Wait("refused"))


def test_uncommitted_slot_that_nobody_put_on_trial_falls_back() -> None:
    assert step(Update(), TRIAL)[1] == FallBack("unknown_trial")
    assert step(installed(WISH, "b"), TRIAL)[1] == FallBack("unknown_trial")


def test_slot_that_runs_another_version_than_was_written_falls_back() -> None:
    update, action = step(TRYING, replace(TRIAL, version=parse_version("1.0.9")))
    assert (update.reason, action) == ("another_version", FallBack("another_version"))


def test_commit_whose_record_was_cut_off_is_told_afterwards() -> None:
    running = replace(TRIAL, committed="b")
    assert step(TRYING, running) == (committed(TRYING), Wait("committed"))


class Card:
    """A device of two slots and a firmware that starts the committed one, or the other one once."""

    def __init__(self, *, good: bool) -> None:
        self.good = good
        self.record = encode_update(Update())
        self.slots = {"a": OLD, "b": OLD}
        self.committed = self.running = "a"
        self.once: str | None = None
        self.up_for_s = 0

    def boot(self) -> None:
        self.running, self.once = self.once or self.committed, None
        self.up_for_s = 0

    def turn(self, cut: int) -> None:
        """One look of the updater; the plug is pulled after `cut` of its writes."""
        writes = iter(range(100))
        self.up_for_s += HEALTH_DEADLINE_S

        def allowed() -> bool:
            return next(writes) < cut

        healthy = self.good or self.slots[self.running] == OLD
        seen = Seen(
            self.running, self.committed, self.slots[self.running], False, self.up_for_s,
            WELL if healthy else Health(), WISH,
        )  # fmt: skip
        update, action = step(decode_update(self.record), seen)
        if not allowed():
            return
        self.record = encode_update(update)
        if isinstance(action, Install) and allowed():
            self.slots[action.slot] = NEW
            if allowed():
                self.record = encode_update(installed(action.wish, action.slot))
        elif isinstance(action, Try) and allowed():
            assert self.slots[action.slot] == NEW
            self.once = action.slot
            self.boot()
        elif isinstance(action, Commit) and allowed():
            self.committed = action.slot
            if allowed():
                self.record = encode_update(committed(update))
        elif isinstance(action, FallBack):
            self.boot()


@settings(max_examples=60)
@given(good=st.booleans(), cuts=st.lists(st.integers(0, 4), max_size=20))
def test_device_cut_at_any_write_still_starts_and_never_keeps_a_bad_release(good: bool, cuts: list[int]) -> None:
    card = Card(good=good)
    for cut in cuts:
        card.turn(cut)
        if cut < 4:
            card.boot()
        assert good or card.slots[card.committed] == OLD
    for _ in range(16):
        card.turn(4)
    final = decode_update(card.record)
    if good:
        assert card.slots[card.committed] == NEW or final.phase is Phase.FELL_BACK
        assert final.phase in (Phase.COMMITTED, Phase.FELL_BACK)
    else:
        assert (card.slots[card.committed], final.phase) == (OLD, Phase.FELL_BACK)
