"""The plan: who counts, in which order, when it stops; and what no course of events may lead to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cloud_bridge.rollouts.model import (
    Asked,
    Candidate,
    DeviceState,
    Excluded,
    Gates,
    Rollout,
    RolloutState,
    Share,
    Target,
)
from cloud_bridge.rollouts.plan import IllegalMove, census, check_move, excluded, judge, place
from edge.wire.release import ReleaseKind, parse_version

NOW_MS = 1_790_000_000_000
TARGET = Target("parcelworks-locker", "rpi-arm64", ReleaseKind.IMAGE, parse_version("1.1.0"))
GATES = Gates(max_failed_permille=100, max_silent_permille=200, silent_after_s=3600, soak_s=600, offline_after_s=7200)
PHASES = (Share(count=1), Share(percent=10), Share(percent=100))
ROLLOUT = Rollout("ab" * 16, "acme", TARGET, PHASES, GATES, RolloutState.RUNNING, "", 0, 0, "ann", NOW_MS, NOW_MS)
READY = Candidate("locker-0001", True, "parcelworks-locker", "rpi-arm64", parse_version("1.0.0"), NOW_MS)


def fleet(count: int) -> list[Candidate]:
    return [replace(READY, device_id=f"locker-{number:04d}") for number in range(1, count + 1)]


def asked(device_id: str, state: DeviceState = DeviceState.ASKED, phase: int = 0, at_ms: int = NOW_MS) -> Asked:
    return Asked(device_id, phase, 0, 0, state, "unhealthy:agent_up", "", at_ms, at_ms)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"active": False}, Excluded.NOT_ACTIVE),
        ({"product": ""}, Excluded.UNKNOWN_SOFTWARE),
        ({"version": None}, Excluded.UNKNOWN_SOFTWARE),
        ({"product": "another"}, Excluded.WRONG_PRODUCT),
        ({"board": "rpi-armhf"}, Excluded.WRONG_BOARD),
        ({"version": TARGET.version}, Excluded.ALREADY_THERE),
        ({"version": parse_version("2.0.0")}, Excluded.ALREADY_THERE),
        ({"pinned": True}, Excluded.PINNED),
        ({"elsewhere": True}, Excluded.OTHER_ROLLOUT),
        ({"seen_at_ms": NOW_MS - 7_200_001}, Excluded.OFFLINE_TOO_LONG),
        ({"busy": True}, Excluded.BUSY),
    ],
)  # fmt: skip
def test_device_is_excluded_with_the_first_reason_that_holds(
    changes: dict[str, object], reason: Excluded | None
) -> None:
    assert excluded(replace(READY, **changes), TARGET, NOW_MS, 7_200) is reason  # type: ignore[arg-type]


def test_order_is_the_same_for_everybody_and_another_for_another_rollout() -> None:
    items = fleet(50)
    first = census(ROLLOUT, items, {}, NOW_MS).eligible
    assert first == census(ROLLOUT, list(reversed(items)), {}, NOW_MS).eligible
    assert first != census(replace(ROLLOUT, rollout_id="cd" * 16), items, {}, NOW_MS).eligible
    assert sorted(first, key=lambda item: place(ROLLOUT.rollout_id, item)) == list(first)


@pytest.mark.parametrize(
    ("share", "eligible", "allowed"),
    [(Share(count=5), 3, 3), (Share(count=5), 30, 5), (Share(percent=10), 5, 1), (Share(percent=10), 99, 9),
     (Share(percent=100), 7, 7), (Share(percent=10), 0, 0)],
)  # fmt: skip
def test_share_is_rounded_down_and_never_over_the_whole(share: Share, eligible: int, allowed: int) -> None:
    assert share.of(eligible) == allowed


def test_canary_is_asked_first_and_alone() -> None:
    counted = census(ROLLOUT, fleet(100), {}, NOW_MS)
    verdict = judge(ROLLOUT, counted, {}, NOW_MS)
    assert verdict.start == counted.eligible[:1]
    canary = {verdict.start[0]: asked(verdict.start[0])}
    assert judge(ROLLOUT, counted, canary, NOW_MS).start == ()


def test_failed_canary_halts_the_rollout_and_says_why() -> None:
    counted = census(ROLLOUT, fleet(100), {}, NOW_MS)
    canary = {counted.eligible[0]: asked(counted.eligible[0], DeviceState.FAILED)}
    verdict = judge(ROLLOUT, counted, canary, NOW_MS)
    assert (verdict.state, verdict.reason) == (RolloutState.HALTED, "failed: 1 of 1 (unhealthy:agent_up)")


def test_canary_that_says_nothing_halts_the_rollout() -> None:
    counted = census(ROLLOUT, fleet(100), {}, NOW_MS)
    canary = {counted.eligible[0]: asked(counted.eligible[0])}
    assert judge(ROLLOUT, counted, canary, NOW_MS + 3_600_000).state is RolloutState.RUNNING
    assert judge(ROLLOUT, counted, canary, NOW_MS + 3_600_001).reason == "silent: 1 of 1"


def test_next_phase_begins_after_the_soak_time_and_not_before() -> None:
    counted = census(ROLLOUT, fleet(100), {}, NOW_MS)
    canary = {counted.eligible[0]: asked(counted.eligible[0], DeviceState.COMMITTED)}
    assert judge(ROLLOUT, counted, canary, NOW_MS + 599_999).phase == 0
    verdict = judge(ROLLOUT, counted, canary, NOW_MS + 600_000)
    assert (verdict.phase, verdict.start) == (1, ())
    second = judge(replace(ROLLOUT, phase=1), counted, canary, NOW_MS + 600_000)
    assert second.start == counted.eligible[1:10]


def test_few_failures_below_the_gate_do_not_halt_a_large_phase() -> None:
    later = replace(ROLLOUT, phase=1)
    counted = census(later, fleet(400), {}, NOW_MS)
    states = [DeviceState.FAILED] * 4 + [DeviceState.COMMITTED] * 36
    items = {d: asked(d, s, 1) for d, s in zip(counted.eligible[:40], states, strict=True)}
    assert judge(later, counted, items, NOW_MS).state is RolloutState.RUNNING
    items[counted.eligible[4]] = asked(counted.eligible[4], DeviceState.FAILED, 1)
    assert judge(later, counted, items, NOW_MS).state is RolloutState.HALTED


def test_rollout_without_anybody_left_to_ask_is_done() -> None:
    last = replace(ROLLOUT, phase=2)
    assert judge(last, census(last, [], {}, NOW_MS), {}, NOW_MS).state is RolloutState.DONE


def test_final_rollout_goes_nowhere() -> None:
    for final in (RolloutState.DONE, RolloutState.ABORTED):
        for after in RolloutState:
            with pytest.raises(IllegalMove):
                check_move(final, after)


class Course(RuleBasedStateMachine):
    """A fleet of which anything may happen to anybody, and a rollout over it."""

    @initialize(count=st.integers(0, 40), phases=st.lists(st.integers(1, 99), max_size=3, unique=True))
    def begin(self, count: int, phases: list[int]) -> None:
        shares = (Share(count=1), *(Share(percent=item) for item in sorted(phases)), Share(percent=100))
        self.rollout = replace(ROLLOUT, phases=shares)
        self.items = {item.device_id: item for item in fleet(count)}
        self.asked: dict[str, Asked] = {}
        self.now_ms = NOW_MS
        self.started_now: tuple[str, ...] = ()

    @rule()
    def evaluate(self) -> None:
        before = self.rollout
        counted = census(before, self.items.values(), self.asked, self.now_ms)
        verdict = judge(before, counted, self.asked, self.now_ms)
        allowed = before.phases[before.phase].of(len(counted.eligible))
        if verdict.start:
            assert before.state is RolloutState.RUNNING, "only a running rollout asks anybody"
            assert len(self.asked) + len(verdict.start) <= allowed, "never more at risk than the phase allows"
            assert not set(verdict.start) & (set(self.asked) | set(counted.excluded))
        assert verdict.phase in (before.phase, before.phase + 1)
        for device_id in verdict.start:
            self.asked[device_id] = Asked(
                device_id, before.phase, before.round, 0, DeviceState.ASKED, "", "", self.now_ms, self.now_ms
            )
        self.rollout = replace(before, state=verdict.state, phase=verdict.phase, reason=verdict.reason)

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), state=st.sampled_from(DeviceState))
    def tell(self, data: st.DataObject, state: DeviceState) -> None:
        device_id = data.draw(st.sampled_from(sorted(self.asked)))
        self.asked[device_id] = replace(self.asked[device_id], state=state, reason="x", changed_at_ms=self.now_ms)

    @precondition(lambda self: self.items)
    @rule(data=st.data(), pinned=st.booleans(), elsewhere=st.booleans())
    def change(self, data: st.DataObject, pinned: bool, elsewhere: bool) -> None:
        device_id = data.draw(st.sampled_from(sorted(self.items)))
        self.items[device_id] = replace(self.items[device_id], pinned=pinned, elsewhere=elsewhere)

    @rule(to=st.sampled_from([RolloutState.PAUSED, RolloutState.RUNNING]))
    def operate(self, to: RolloutState) -> None:
        try:
            check_move(self.rollout.state, to)
        except IllegalMove:
            return
        self.rollout = replace(self.rollout, state=to)

    @rule(seconds=st.integers(1, 7_000))
    def wait(self, seconds: int) -> None:
        self.now_ms += seconds * 1000
        self.items = {key: replace(item, seen_at_ms=self.now_ms) for key, item in self.items.items()}

    @invariant()
    def counted_once(self) -> None:
        counted = census(self.rollout, self.items.values(), self.asked, self.now_ms)
        assert len(counted.eligible) + len(counted.excluded) == len(self.items.keys() | self.asked.keys())
        assert set(self.asked) <= set(counted.eligible)


TestCourse = Course.TestCase
TestCourse.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
