"""Board configuration refuses what no board can be."""

from __future__ import annotations

import pytest

from edge.drivers.board_config import BoardConfig, BoardFamily, BusConfig, LockBankConfig, UnlockAnswer
from edge.errors import ConfigError
from edge.ports import Channel

A = BoardConfig("A", BoardFamily.XOR_8A, 1, 12)
B = BoardConfig("B", BoardFamily.KERONG_CU, 0, 16)


@pytest.mark.parametrize(
    "wrong",
    [
        {"module": ""},
        {"address": 0},
        {"address": 32},
        {"channels": 0},
        {"channels": 25},
        {"groups": 1},
        {"groups": 4},
        {"closed_bit": 2},
        {"unlock_timeout_ms": 0},
        {"family": BoardFamily.KERONG_CU, "channels": 25},
        {"family": BoardFamily.KERONG_CU, "address": 16, "channels": 1},
        {"family": BoardFamily.KERONG_CU48, "channels": 49},
    ],
    ids=str,
)
def test_board_outside_its_family_is_refused(wrong):
    with pytest.raises(ConfigError) as caught:
        BoardConfig(**{"module": "A", "family": BoardFamily.XOR_8A, "address": 1, "channels": 12} | wrong)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("family", "answer"),
    [
        (BoardFamily.XOR_8A, UnlockAnswer.EXPECTED),
        (BoardFamily.KERONG_CU, UnlockAnswer.OPTIONAL),
        (BoardFamily.KERONG_CU48, UnlockAnswer.NEVER),
    ],
)
def test_board_unlock_answer_follows_the_family_unless_stated(family, answer):
    assert BoardConfig("A", family, 1, 4).answer is answer
    assert BoardConfig("A", family, 1, 4, unlock_answer=UnlockAnswer.EXPECTED).answer is UnlockAnswer.EXPECTED


def test_board_channels_count_from_one():
    assert A.all_channels()[0] == Channel("A", 1)
    assert A.all_channels()[-1] == Channel("A", 12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BusConfig("ttyUSB0", (A,)),
        lambda: BusConfig("/dev/x", ()),
        lambda: BusConfig("/dev/x", (A, BoardConfig("Z", BoardFamily.XOR_8A, 1, 8))),
        lambda: BusConfig("/dev/x", (A, B)),
        lambda: BusConfig("/dev/x", (A,), quiet_ms=-1),
        lambda: LockBankConfig((BusConfig("/dev/x", (A,)), BusConfig("/dev/y", (A,)))),
        lambda: LockBankConfig((BusConfig("/dev/x", (A,)), BusConfig("/dev/x", (B,)))),
        lambda: LockBankConfig((), lost_after=0),
    ],
    ids=["relative", "empty", "same_address", "two_speeds", "negative", "same_module", "same_port", "never_lost"],
)
def test_bus_or_bank_that_contradicts_itself_is_refused(make):
    with pytest.raises(ConfigError):
        make()


def test_bus_of_two_families_needs_one_stated_speed():
    assert BusConfig("/dev/x", (A, B), baud=9_600).speed_baud == 9_600
    assert BusConfig("/dev/x", (A,)).speed_baud == 9_600
    assert BusConfig("/dev/x", (B,)).speed_baud == 19_200
