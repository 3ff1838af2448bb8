"""The updater's machine: every way a trial can end, and a device whose plug is pulled at any moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.release.machine import (
    HEALTH_DEADLINE_S,
    MAX_TRIES,
    Commit,
    FallBack,
    Health,
    Install,
    Phase,
    Seen,
    Try,
    Update,
    Wait,
    Wish,
    committed,
    installed,
    refused,
    step,
)
from edge.core.release.record import decode_update, encode_update
from edge.wire.release import ReleaseKind, parse_version

OLD, NEW = parse_version("1.0.0"), parse_version("1.1.0")
WISH = Wish(ReleaseKind.IMAGE, NEW)
WELL = Health(agent_up=True, log_writable=True, boards_answer=True, bridge_reached=True)
IDLE = Seen(running="a", committed="a", version=OLD, busy=False, up_for_s=100, health=WELL)
TRIAL = Seen(running="b", committed="a", version=NEW, busy=False, up_for_s=30, health=WELL, asked=WISH)
TRYING = Update(Phase.TRYING, WISH, "b", tries=1)


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
    update, action = step(TRYING, replace(waiting, up_for_s=HEALTH_DEADLINE_S))
    assert action == FallBack(f"unhealthy:{lack}")
    after = step(update, replace(IDLE, asked=WISH))[0]
    assert (after.phase, after.reason) == (Phase.FELL_BACK, f"unhealthy:{lack}")


def test_trial_without_a_bridge_is_kept_when_there_was_none_before_it_either() -> None:
    offline = replace(WELL, bridge_reached=False)
    trying, action = step(installed(WISH, "b"), replace(IDLE, health=offline, asked=WISH))
    assert action == Try("b")
    assert step(trying, replace(TRIAL, health=offline))[1] == Commit("b")


def test_unhealthy_trial_does_not_restart_under_an_open_door() -> None:
    sick = replace(TRIAL, health=Health(), up_for_s=HEALTH_DEADLINE_S, busy=True)
    assert step(TRYING, sick)[1] == Wait("on_trial")


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

    def boot(self) -> None:
        self.running, self.once = self.once or self.committed, None

    def turn(self, cut: int) -> None:
        """One look of the updater; the plug is pulled after `cut` of its writes."""
        writes = iter(range(100))

        def allowed() -> bool:
            return next(writes) < cut

        healthy = self.good or self.slots[self.running] == OLD
        seen = Seen(
            self.running, self.committed, self.slots[self.running], False, HEALTH_DEADLINE_S,
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
    for _ in range(8):
        card.turn(4)
    final = decode_update(card.record)
    if good:
        assert card.slots[card.committed] == NEW or final.phase is Phase.FELL_BACK
        assert final.phase in (Phase.COMMITTED, Phase.FELL_BACK)
    else:
        assert (card.slots[card.committed], final.phase) == (OLD, Phase.FELL_BACK)
