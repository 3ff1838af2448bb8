"""Stored questions: they come back as they were, are answered the same again, and altered bytes are refused."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_bridge.errors import InvalidData
from cloud_bridge.lockers.assignment import Assignment, Policy
from cloud_bridge.lockers.locker_choice import Candidate, ChoicePolicy
from cloud_bridge.lockers.model import Compartment, CompartmentView, Size, Wish
from cloud_bridge.lockers.questions import (
    MAX_TEXT_BYTES,
    CompartmentQuestion,
    LockerQuestion,
    Question,
    kind_of,
    pack,
    readable,
    replay,
)

FEATURES = st.frozensets(st.sampled_from(("chilled", "frozen", "power")))
SIZES = st.builds(Size, st.integers(1, 900), st.integers(1, 900), st.integers(1, 900))
WISHES = st.builds(Wish, SIZES, st.integers(0, 40_000), st.booleans(), st.booleans(), FEATURES)
VIEWS = st.builds(
    CompartmentView,
    st.builds(Compartment, st.integers(1, 99), SIZES, st.integers(0, 2000), FEATURES, st.just("a"), st.just(1)),
    st.booleans(), st.sampled_from(("open", "closed", "unknown")), st.none() | st.just("PW-1"), st.none(),
)  # fmt: skip
CANDIDATES = st.builds(
    Candidate, st.sampled_from(("a", "b", "c")), st.integers(0, 9000), st.booleans(), st.integers(0, 1440),
    st.booleans(), st.sampled_from((Assignment(1, ()), Assignment(None, ()))), st.integers(0, 9), st.just(9),
    st.none() | st.integers(0, 10**6),
)  # fmt: skip
QUESTIONS = st.builds(
    CompartmentQuestion, WISHES, st.just(Policy()), st.lists(VIEWS, max_size=5).map(tuple)
) | st.builds(LockerQuestion, WISHES, st.just(ChoicePolicy()), st.lists(CANDIDATES, max_size=5).map(tuple))
ASKED = CompartmentQuestion(Wish(Size(1, 1, 1)), Policy(), ())


@settings(max_examples=50, deadline=None)
@given(QUESTIONS)
def test_stored_decision_is_answered_the_same_again(question: Question) -> None:
    found = replay(kind_of(question), pack(question), pack(question.answer()))
    assert found.question == question and found.agrees
    assert readable(found.question).keys() == readable(question).keys()


def test_decision_that_another_code_made_does_not_agree() -> None:
    found = replay("compartment", pack(ASKED), pack(Assignment(7, ())))
    assert not found.agrees and found.found == Assignment(None, ())


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        pytest.param("horoscope", pack(ASKED), id="unknown kind"),
        pytest.param("locker", pack(ASKED), id="another kind's question"),
        pytest.param("compartment", b"", id="empty"),
        pytest.param("compartment", pack(ASKED)[:-3], id="cut"),
        pytest.param("compartment", zlib.compress(b" " * (MAX_TEXT_BYTES + 1)), id="too long"),
        pytest.param("compartment", zlib.compress(b'{"wish": 1}'), id="members missing"),
    ],
)
def test_bytes_that_are_no_stored_question_are_refused(kind: str, question: bytes) -> None:
    with pytest.raises(InvalidData):
        replay(kind, question, pack(ASKED.answer()))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(text: bytes) -> None:
    for stored in (text, zlib.compress(text)):
        with pytest.raises(InvalidData):
            replay("compartment", stored, pack(ASKED.answer()))
