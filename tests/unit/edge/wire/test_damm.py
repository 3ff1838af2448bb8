"""The Damm digit against its published example, and the two kinds of error that it must always find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.damm import damm_digit, damm_holds
from edge.wire.errors import Malformed

numbers = st.text("0123456789", min_size=1, max_size=20)


def test_damm_digit_of_the_published_example_is_four() -> None:
    assert damm_digit("572") == "4"
    assert damm_holds("5724")
    assert not damm_holds("5727")


@given(numbers)
def test_damm_digit_appended_always_holds_and_no_other_does(digits: str) -> None:
    good = [last for last in "0123456789" if damm_holds(digits + last)]
    assert good == [damm_digit(digits)]


@given(numbers, st.data())
def test_damm_finds_every_single_wrong_digit(digits: str, data: st.DataObject) -> None:
    code = digits + damm_digit(digits)
    place = data.draw(st.integers(0, len(code) - 1))
    for other in set("0123456789") - {code[place]}:
        assert not damm_holds(code[:place] + other + code[place + 1 :])


@given(numbers)
def test_damm_finds_every_swap_of_neighbours(digits: str) -> None:
    code = digits + damm_digit(digits)
    for place in range(len(code) - 1):
        left, right = code[place], code[place + 1]
        if left != right:
            assert not damm_holds(code[:place] + right + left + code[place + 2 :])


@pytest.mark.parametrize("text", ["", "12a", " 12", "12\n", "１２", "٣", "1" * 65])
def test_damm_digit_of_anything_but_digits_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        damm_digit(text)
    assert not damm_holds(text)


def test_damm_holds_needs_a_digit_before_the_check_digit() -> None:
    assert not damm_holds("0")
