from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioning.approvals import Allowance, Approvals, read_csv
from provisioning.errors import Conflict, Denied, Refused, StorageFailed
from provisioning.profiles import Kind


def test_csv_good_rows_are_approved_and_bad_ones_are_told_by_line() -> None:
    text = (
        "\ufeffSerial,kind,note\r\n"
        "10000000ABCD1234,,hall 3\r\n"
        "\r\n"
        "ab,locker,too short\r\n"
        "2000aa01,handheld,\r\n"
        '2000aa02,locker,"two\r\nlines"\r\n'
        "2000aa03,fridge,\r\n"
        "2000aa01,handheld,again\r\n"
        "2000aa04,broker,\r\n"
        "=cmd|' /C calc'!A0,,\r\n"
        "2000aa05,robot_gateway,x,too many\r\n"
        "2000aa06,robot_gateway\r\n"
    )
    devices, problems = read_csv(text.encode(), Kind.LOCKER)
    assert devices == {"locker-10000000abcd1234": "hall 3", "handheld-2000aa01": "", "robot-gateway-2000aa06": ""}
    assert [problem.line for problem in problems] == [4, 7, 8, 9, 10, 11, 12]
    assert all(problem.what and problem.remedy for problem in problems)


def test_csv_row_with_a_broken_quote_is_told_and_the_rest_goes_on() -> None:
    devices, problems = read_csv(b'serial\n"2000aa01"x\n2000aa02\n', Kind.LOCKER)
    assert "locker-2000aa02" in devices and [problem.line for problem in problems] == [2]


@pytest.mark.parametrize(
    "data", [b"", b"number\n1\n", b"serial,serial\n", b"serial,colour\n", b"\xff\xfe", b'"serial\n'],
    ids=["empty", "no-serial", "twice", "unknown-column", "no-text", "open-quote"],
)  # fmt: skip
def test_csv_without_its_header_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Refused) as caught:
        read_csv(data, Kind.LOCKER)
    assert caught.value.remedy


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_csv_of_any_text_below_a_good_header_ends_in_devices_and_problems(text: str) -> None:
    data = b"serial,kind,note\n" + text.encode("utf-8", "replace")
    devices, problems = read_csv(data, Kind.LOCKER)
    assert len(devices) + len(problems) <= text.count("\n") + text.count("\r") + 1
    assert all(note.isprintable() for note in devices.values())


def test_allowance_is_spent_once_and_only_for_what_it_was_given() -> None:
    allowed = Approvals().allowing("locker-0001", Allowance.RENEWAL)
    with pytest.raises(Denied, match="replacement"):
        allowed.spent("locker-0001", Allowance.REPLACEMENT)
    spent = allowed.spent("locker-0001", Allowance.RENEWAL)
    with pytest.raises(Denied, match="nobody"):
        spent.spent("locker-0001", Allowance.RENEWAL)


def test_list_grows_to_its_limit_and_lets_go() -> None:
    full = Approvals().with_devices({f"locker-{number:05d}": "" for number in range(10_000)})
    full.check("locker-00000")
    with pytest.raises(Conflict) as caught:
        full.with_devices({"locker-99999": ""})
    assert "approvals remove" in caught.value.remedy
    with pytest.raises(Denied, match="not on the approval list"):
        full.without(["locker-00000"]).check("locker-00000")


def test_list_at_rest_is_read_back_and_damage_is_reported() -> None:
    approvals = Approvals().with_devices({"locker-0001": "hall"}).allowing("locker-0002", Allowance.RENEWAL)
    assert Approvals.parse(approvals.encode()) == approvals
    assert Approvals.parse(None) == Approvals()
    with pytest.raises(StorageFailed):
        Approvals.parse(b"[]")
