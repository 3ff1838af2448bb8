"""The choice of a locker: what counts is put into metres, hard needs refuse, and the answer explains itself."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.lockers.assignment import Assignment, Rejection
from cloud_bridge.lockers.locker_choice import NEAREST, Candidate, ChoicePolicy, choose_locker, suits

SERVES = Assignment(3, ())
HERE = Candidate("here", 400, True, 1440, False, SERVES, 5, 20)


def rejecting(*reasons: str) -> Assignment:
    return Assignment(None, tuple(Rejection(no, reason, reason) for no, reason in enumerate(reasons, 1)))


@pytest.mark.parametrize(
    ("other", "chosen"),
    [
        pytest.param(replace(HERE, locker_id="there", distance_m=300), "there", id="nearer"),
        pytest.param(replace(HERE, locker_id="there", distance_m=900, busy=0), "here", id="emptier but far"),
        pytest.param(replace(HERE, locker_id="there", distance_m=450, busy=0), "there", id="emptier, hardly farther"),
        pytest.param(replace(HERE, locker_id="there", distance_m=300, open_day_minutes=480), "here", id="open shortly"),
        pytest.param(replace(HERE, locker_id="there", distance_m=300, risk_ppm=50_000), "here", id="doubtful"),
        pytest.param(replace(HERE, locker_id="a-twin"), "a-twin", id="equal: by its id"),
    ],
)  # fmt: skip
def test_cheapest_locker_in_metres_is_chosen(other: Candidate, chosen: str) -> None:
    found = choose_locker([HERE, other])
    assert found.locker_id == chosen == choose_locker([other, HERE]).locker_id
    assert {item.locker_id for item in found.ranked} == {"here", other.locker_id}


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param(replace(HERE, distance_m=5001), "too_far", id="beyond the radius"),
        pytest.param(replace(HERE, leaving=True), "leaving", id="being taken away"),
        pytest.param(replace(HERE, open_then=False), "closed", id="closed then"),
        pytest.param(replace(HERE, assignment=rejecting()), "no_compartments", id="no compartments"),
        pytest.param(replace(HERE, assignment=rejecting("too_small", "occupied")), "full", id="taken"),
        pytest.param(replace(HERE, assignment=rejecting("too_small", "reach", "reach")), "reach", id="out of reach"),
        pytest.param(replace(HERE, assignment=rejecting("temperature")), "temperature", id="not chilled"),
    ],
)
def test_locker_that_cannot_serve_is_refused_with_its_reason(candidate: Candidate, reason: str) -> None:
    found = choose_locker([candidate])
    assert found.locker_id is None and [item.reason for item in found.refused] == [reason]
    assert not suits(candidate, ChoicePolicy()) and suits(HERE, ChoicePolicy())


def test_nearest_counts_nothing_but_distance() -> None:
    full = replace(HERE, locker_id="full", distance_m=399, busy=19, open_day_minutes=1, risk_ppm=900_000)
    assert [item.locker_id for item in choose_locker([HERE, full], NEAREST).ranked] == ["full", "here"]


CANDIDATES = st.lists(
    st.builds(
        Candidate, st.uuids().map(str), st.integers(0, 6000), st.booleans(), st.integers(0, 2880), st.booleans(),
        st.sampled_from((SERVES, rejecting("occupied"), rejecting("too_small"))), st.integers(0, 20), st.just(20),
        st.none() | st.integers(0, 1_000_000),
    ), max_size=8,
)  # fmt: skip


@settings(max_examples=50)
@given(CANDIDATES, st.randoms(use_true_random=False))
def test_answer_accounts_for_everybody_in_any_order(candidates: list[Candidate], random) -> None:
    found = choose_locker(candidates)
    ids = [item.locker_id for item in (*found.ranked, *found.refused)]
    assert sorted(ids) == sorted(item.locker_id for item in candidates)
    costs = [item.cost_m for item in found.ranked]
    assert costs == sorted(costs)
    assert all(item.cost_m == sum(term.cost_m for term in item.terms) for item in found.ranked)
    random.shuffle(candidates)
    assert choose_locker(candidates) == found
