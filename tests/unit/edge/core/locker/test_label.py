from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.locker.label import check_scan, gs1_check_digit_holds, parse_label
from edge.wire.errors import Malformed

# By hand (GS1 7.9.1): 0 0 6 1 4 1 4 1 1 2 3 4 5 6 7 8 9 · weights 3 1 3 … = 140 → check digit 0.
SSCC = "006141411234567890"


@pytest.mark.parametrize("digits", [SSCC, "340123450000000000"[:17] + "0", "000000000000000000"])
def test_check_digit_by_hand_holds(digits: str) -> None:
    weighted = sum(int(d) * w for d, w in zip(digits[:17], [3, 1] * 9, strict=False))
    assert gs1_check_digit_holds(digits) is ((10 - weighted % 10) % 10 == int(digits[17]))


@pytest.mark.parametrize("place", range(18))
def test_check_digit_finds_every_single_wrong_digit(place: int) -> None:
    wrong = SSCC[:place] + str((int(SSCC[place]) + 1) % 10) + SSCC[place + 1 :]
    assert gs1_check_digit_holds(SSCC) and not gs1_check_digit_holds(wrong)


@pytest.mark.parametrize("text", ["00" + SSCC, "(00)" + SSCC, "]C100" + SSCC, "]e000" + SSCC, "]d2(00)" + SSCC])
def test_label_sscc_in_every_dress_is_its_18_digits(text: str) -> None:
    assert parse_label(text).parcel_id == SSCC


@pytest.mark.parametrize("text", ["PW001", "1Z999AA10123456784", "]C1PW001", "0012", "A" * 40])
def test_label_of_a_carrier_is_its_number(text: str) -> None:
    assert parse_label(text).parcel_id == text.removeprefix("]C1")


@pytest.mark.parametrize(
    "text",
    ["", "abc", "pw001", "PW 001", "-PW1", "A" * 41, "PW1", "00" + SSCC[:17] + "1", "]Z9PW001", "PW001\n", "ÄPW001"],
)
def test_label_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_label(text)


@pytest.mark.parametrize("text", ["PW001", "PW001\r\n", "PW001\n", "PW001\r"])
def test_scan_loses_its_line_end_only(text: str) -> None:
    assert check_scan(text) == "PW001"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "x" * 1501,
        "\x1b[2J",
        "PW001\x00",
        "PW\t001",
        "\x10config",
        "\x16reset",
        "~\x7f",
        "a\nb",
        "９",
        "\ud800",
    ],
    ids=[
        "empty",
        "line end",
        "long",
        "escape",
        "nul",
        "tab",
        "data link",
        "sync",
        "delete",
        "two lines",
        "wide",
        "half",
    ],
)
def test_scan_that_types_commands_or_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        check_scan(text)


@given(st.text(max_size=60))
def test_scan_and_label_of_anything_give_a_value_or_malformed(text: str) -> None:
    try:
        label = parse_label(check_scan(text))
    except Malformed:
        return
    assert 4 <= len(label.parcel_id) <= 40 and label.parcel_id.isascii()
