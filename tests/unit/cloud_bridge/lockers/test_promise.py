"""Promises: nested classes counted exactly, the risk bounded, quicker parcels first, the same answer every time."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.lockers.promise import (
    DAY_MS,
    Demand,
    Held,
    Outlook,
    Promised,
    PromisePolicy,
    Request,
    count_chances,
    promise,
)
from cloud_bridge.lockers.survival import HOUR_MS, Stay, Survival, estimate_survival

NOW_MS = 100 * DAY_MS
DROP_MS = NOW_MS + 20 * HOUR_MS
SURVIVALS = {
    "quick": estimate_survival([Stay(hours * HOUR_MS) for hours in (2, 5, 9, 14, 30)], 3 * DAY_MS),
    "slow": estimate_survival([Stay(hours * HOUR_MS) for hours in (20, 30, 50, 60, 72)], 3 * DAY_MS),
    "stays": Survival((1.0,)),
}


def ask(size_class: int = 0, segment: str = "quick") -> Request:
    return Request(size_class, segment, NOW_MS, DROP_MS)


def answer(request: Request, *outlooks: Outlook, **policy: float) -> str | None:
    return promise(request, outlooks, SURVIVALS.__getitem__, PromisePolicy(**policy)).locker_id


def staying(*classes: int) -> tuple[Held, ...]:
    return tuple(Held(size_class, "stays", NOW_MS) for size_class in classes)


def coming(*classes: int) -> tuple[Promised, ...]:
    return tuple(Promised(size_class, "quick", DROP_MS) for size_class in classes)


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), max_size=7), st.integers(0, 8))
def test_counted_chances_are_those_of_all_outcomes_together(chances: list[float], room: int) -> None:
    expected = [0.0] * room
    for outcome in product((0, 1), repeat=len(chances)):
        chance = 1.0
        for happens, each in zip(outcome, chances, strict=True):
            chance *= each if happens else 1.0 - each
        if sum(outcome) < room:
            expected[sum(outcome)] += chance
    assert count_chances(chances, room) == pytest.approx(expected)


@settings(max_examples=50)
@given(
    st.tuples(*[st.integers(0, 2)] * 3), st.lists(st.integers(0, 2), max_size=6), st.integers(0, 2)
)  # fmt: skip
def test_certain_future_is_promised_exactly_when_everybody_fits(
    capacity: tuple[int, int, int], promised: list[int], size_class: int
) -> None:
    if not _all_fit(capacity, promised):
        return
    found = answer(ask(size_class), Outlook("a", capacity, promised=coming(*promised)))
    assert (found == "a") == _all_fit(capacity, [*promised, size_class])


def _all_fit(capacity: tuple[int, ...], classes: list[int]) -> bool:
    """By trying: the largest first, each into the smallest free class."""
    free = list(capacity)
    for size_class in sorted(classes, reverse=True):
        place = next((item for item in range(size_class, len(free)) if free[item]), None)
        if place is None:
            return False
        free[place] -= 1
    return True


def test_full_locker_is_promised_for_tomorrow_when_its_parcels_will_be_gone() -> None:
    leaving = tuple(Held(0, "quick", NOW_MS - 10 * HOUR_MS) for _ in range(4))
    assert answer(ask(), Outlook("a", (4,), leaving)) == "a"
    assert answer(ask(), Outlook("a", (4,), staying(0, 0, 0, 0))) is None


def test_small_parcels_in_large_compartments_take_them_from_large_parcels() -> None:
    assert answer(ask(2), Outlook("a", (1, 0, 2), staying(2), coming(0))) == "a"
    assert answer(ask(2), Outlook("a", (0, 0, 2), staying(2), coming(0))) is None


def test_locker_is_promised_up_to_the_bounded_risk_of_its_own() -> None:
    half = Outlook("a", (1,), (Held(0, "half", NOW_MS),))
    survivals = {**SURVIVALS, "half": Survival((1.0, 0.5))}
    bold = promise(ask(), [half], survivals.__getitem__, PromisePolicy(risk=0.5))
    careful = promise(ask(), [half, half], survivals.__getitem__, PromisePolicy(risk=0.49))
    assert (bold.locker_id, bold.reason, bold.prospects[0].risk) == ("a", "room", 0.5)
    assert (careful.locker_id, careful.reason) == (None, "full")


def test_locker_with_most_slack_is_promised_and_the_nearest_of_equals() -> None:
    tight, wide = Outlook("tight", (3,), promised=coming(0)), Outlook("wide", (9,), promised=coming(0))
    assert answer(ask(), tight, wide) == "wide"
    assert answer(ask(), Outlook("near", (3,)), Outlook("far", (3,))) == "near"
    wanted = Outlook("wanted", (9,), to_come=(Demand(0, "quick", 7.0),))
    assert answer(ask(), wanted, Outlook("left alone", (6,))) == "left alone"


def test_slow_parcel_is_refused_when_quicker_ones_will_need_the_place() -> None:
    outlook = Outlook("a", (2,), to_come=(Demand(0, "quick", 6.0), Demand(0, "slow", 2.0)))
    found = promise(ask(segment="slow"), [outlook], SURVIVALS.__getitem__)
    assert (found.locker_id, found.reason) == (None, "kept_for_quicker")
    assert answer(ask(segment="quick"), outlook) == "a"
    assert answer(ask(segment="slow"), outlook, reluctance=0.0) == "a"
    assert answer(ask(segment="slow"), Outlook("a", (20,), to_come=outlook.to_come)) == "a"


def test_parcel_promised_for_an_earlier_drop_counts_as_long_as_it_may_stay() -> None:
    earlier = Promised(0, "stays", DROP_MS - DAY_MS)
    gone = Promised(0, "quick", DROP_MS - DAY_MS)
    assert answer(ask(), Outlook("a", (1,), promised=(earlier,))) is None
    assert answer(ask(), Outlook("a", (1,), promised=(gone,)), risk=0.25) == "a"


def test_nothing_accepted_is_promised_nothing() -> None:
    assert promise(ask(), [], SURVIVALS.__getitem__).reason == "full"
