"""The cabinet's mechanics, and that its trace tells everything in order."""

from __future__ import annotations

import pytest

from firmware_sim.doors import BOUNCE_MS, RELEASE_MS, SWING_MS, Cabinet, Fact, FactKind
from firmware_sim.errors import NotPossible, UnknownTarget


def cabinet(*, spring: bool = True) -> tuple[Cabinet, list[Fact]]:
    trace: list[Fact] = []
    return Cabinet("A", 4, spring, trace.append), trace


def test_spring_door_opens_after_its_swing_and_not_before():
    doors, trace = cabinet()
    assert doors.pulse(2, 1_000)
    assert doors.senses_closed(2, 1_000 + SWING_MS - 1)
    assert not doors.senses_closed(2, 1_000 + SWING_MS)
    doors.settle(9_999)
    assert trace == [
        Fact(1_000, FactKind.PULSE, "A", 2),
        Fact(1_000 + SWING_MS, FactKind.DOOR_OPENED, "A", 2),
    ]


def test_door_without_spring_opens_by_hand_until_the_latch_falls_back():
    doors, _ = cabinet(spring=False)
    doors.pulse(1, 0)
    assert doors.senses_closed(1, RELEASE_MS)
    with pytest.raises(NotPossible):
        doors.open_by_hand(1, RELEASE_MS + 1)
    doors.open_by_hand(1, RELEASE_MS)
    assert not doors.senses_closed(1, RELEASE_MS)


def test_latched_door_holds_against_a_hand_but_not_a_crowbar():
    doors, trace = cabinet()
    with pytest.raises(NotPossible):
        doors.open_by_hand(1, 5)
    assert trace == []
    doors.open_by_hand(1, 6, force=True)
    assert trace == [Fact(6, FactKind.DOOR_OPENED, "A", 1)]


def test_closed_door_is_latched_again():
    doors, _ = cabinet()
    doors.pulse(1, 0)
    doors.close_by_hand(1, 500)
    with pytest.raises(NotPossible):
        doors.open_by_hand(1, 501)
    with pytest.raises(NotPossible):
        doors.close_by_hand(1, 502)


def test_jammed_latch_records_the_pulse_and_does_not_move():
    doors, trace = cabinet()
    doors.set_jam(3, jammed=True)
    assert not doors.pulse(3, 10)
    assert trace == [Fact(10, FactKind.PULSE, "A", 3, moved=False)]
    assert doors.senses_closed(3, 10_000)


def test_items_pass_only_an_open_door_and_only_once():
    doors, trace = cabinet()
    with pytest.raises(NotPossible):
        doors.put(1, 0)
    doors.open_by_hand(1, 1, force=True)
    doors.put(1, 2)
    with pytest.raises(NotPossible):
        doors.put(1, 3)
    doors.take(1, 4)
    with pytest.raises(NotPossible):
        doors.take(1, 5)
    assert [fact.kind for fact in trace] == [FactKind.DOOR_OPENED, FactKind.ITEM_PUT, FactKind.ITEM_TAKEN]
    assert not doors.occupied(1)


def test_bouncing_contact_chatters_and_then_tells_the_truth():
    doors, _ = cabinet()
    doors.set_bounce(1, bouncing=True)
    doors.pulse(1, 0)
    during = {doors.senses_closed(1, at_ms) for at_ms in range(SWING_MS, SWING_MS + BOUNCE_MS)}
    after = {doors.senses_closed(1, at_ms) for at_ms in range(SWING_MS + BOUNCE_MS, SWING_MS + 500)}
    assert during == {True, False}
    assert after == {False}


@pytest.mark.parametrize("channel", [0, 5, -1])
def test_unknown_channel_is_refused(channel):
    with pytest.raises(UnknownTarget):
        cabinet()[0].pulse(channel, 0)
