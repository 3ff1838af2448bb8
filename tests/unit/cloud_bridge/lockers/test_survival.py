"""Survival: shares never rise, who still lies there counts, few observations make no certainty."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.lockers.survival import HOUR_MS, ONE_DAY, Stay, estimate_survival, pooled

CUT_MS = 72 * HOUR_MS
STAYS = st.lists(st.builds(Stay, st.integers(0, CUT_MS), st.booleans()), max_size=40)


@settings(max_examples=50)
@given(STAYS, st.booleans())
def test_survival_falls_from_one_to_nothing_at_the_cut(stays: list[Stay], leaning: bool) -> None:
    found = estimate_survival(stays, CUT_MS, ONE_DAY if leaning else None)
    shares = [found.share(age_ms) for age_ms in range(0, CUT_MS + 1, HOUR_MS)]
    assert shares[0] == 1.0 and shares[-1] == 0.0
    assert all(late <= early for early, late in pairwise(shares))


@settings(max_examples=50)
@given(STAYS, st.integers(0, CUT_MS), st.integers(0, CUT_MS))
def test_chance_to_stay_is_a_probability_at_any_age(stays: list[Stay], age_ms: int, more_ms: int) -> None:
    assert 0.0 <= estimate_survival(stays, CUT_MS).stays(age_ms, more_ms) <= 1.0


def test_survival_of_complete_stays_is_the_share_that_stayed_longer() -> None:
    found = estimate_survival([Stay(hours * HOUR_MS) for hours in (2, 4, 10, 20)], CUT_MS)
    assert [found.share(hours * HOUR_MS + HOUR_MS // 2) for hours in (1, 2, 4, 10, 20)] == [1.0, 0.75, 0.5, 0.25, 0.0]


def test_stay_that_has_not_ended_counts_for_as_long_as_it_was_watched() -> None:
    found = estimate_survival([Stay(2 * HOUR_MS, ended=False), Stay(4 * HOUR_MS), Stay(10 * HOUR_MS)], CUT_MS)
    assert found.share(3 * HOUR_MS) == 1.0  # nobody left
    assert found.share(5 * HOUR_MS) == 0.5  # one of the two that were still watched


def test_old_parcel_is_likelier_to_stay_than_a_fresh_one_where_most_leave_early() -> None:
    found = estimate_survival([Stay(HOUR_MS)] * 8 + [Stay(60 * HOUR_MS)] * 2, CUT_MS)
    assert found.stays(0, 24 * HOUR_MS) == pytest.approx(0.2)
    assert found.stays(10 * HOUR_MS, 24 * HOUR_MS) == 1.0


def test_parcel_older_than_any_seen_is_taken_to_stay() -> None:
    assert estimate_survival([Stay(HOUR_MS)], CUT_MS).stays(100 * HOUR_MS, HOUR_MS) == 1.0


def test_single_observation_of_a_segment_leans_on_all_parcels_together() -> None:
    by_segment, everyone = pooled({"rare": [Stay(HOUR_MS)], "usual": [Stay(30 * HOUR_MS)] * 50}, CUT_MS)
    assert 0.5 < by_segment["rare"].share(20 * HOUR_MS) < everyone.share(20 * HOUR_MS)
    assert by_segment["usual"].share(20 * HOUR_MS) > everyone.share(20 * HOUR_MS)
