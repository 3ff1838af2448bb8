"""What each named fault does to an answer, and when it ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.wire.frames.frame import sum_of, xor_of
from firmware_sim.config import LockerFile
from firmware_sim.doors import FactKind
from firmware_sim.errors import RequestInvalid, UnknownTarget
from firmware_sim.faults import SPLIT_GAP_MS, Fault, FaultName, noise, swap_bytes
from firmware_sim.locker import Locker

QUERY = bytes.fromhex("80 01 00 33 B2")
UNLOCK = bytes.fromhex("8A 01 01 11 9B")
CLEAN = bytes.fromhex("80 01 00 00 03 33 B1")


@pytest.fixture
def locker() -> Locker:
    boards = [
        {"module": "A", "family": "xor_8a", "address": 1, "channels": 2},
        {"module": "B", "family": "xor_8a", "address": 2, "channels": 2},
    ]
    return LockerFile.model_validate({"ports": [{"name": "p", "boards": boards}]}).build()


def test_no_fault_answers_once_after_the_reply_time(locker):
    assert locker.receive("p", QUERY, 1_000) == [(1_020, CLEAN)]


def test_no_reply_obeys_in_silence_as_often_as_told(locker):
    locker.set_fault(Fault(FaultName.NO_REPLY, "A", times=1))
    assert locker.receive("p", UNLOCK, 0) == []
    assert [fact.kind for fact in locker.trace] == [FactKind.PULSE]
    assert len(locker.receive("p", UNLOCK, 1_000)) == 1
    assert locker.faults == []


def test_late_reply_comes_later_by_its_delay(locker):
    locker.set_fault(Fault(FaultName.LATE_REPLY, "A", delay_ms=700))
    assert locker.receive("p", QUERY, 0) == [(720, CLEAN)]


def test_dead_board_neither_obeys_nor_answers_but_its_neighbour_does(locker):
    locker.set_fault(Fault(FaultName.DEAD_BOARD, "A"))
    assert locker.receive("p", UNLOCK, 0) == []
    assert locker.trace == []
    assert len(locker.receive("p", bytes.fromhex("8A 02 01 11 98"), 100)) == 1


def test_echo_returns_the_request_before_the_answer(locker):
    locker.set_fault(Fault(FaultName.ECHO, "p"))
    assert locker.receive("p", QUERY, 0) == [(0, QUERY), (20, CLEAN)]


def test_split_sends_byte_by_byte(locker):
    locker.set_fault(Fault(FaultName.SPLIT, "p"))
    sent = locker.receive("p", QUERY, 0)
    assert b"".join(data for _, data in sent) == CLEAN
    assert [at_ms for at_ms, _ in sent] == [20 + SPLIT_GAP_MS * index for index in range(7)]


def test_noise_surrounds_the_untouched_answer(locker):
    locker.set_fault(Fault(FaultName.NOISE, "p"))
    ((_, data),) = locker.receive("p", QUERY, 0)
    assert CLEAN in data[1:-1]
    assert noise(1) == noise(1) != noise(2)


@given(st.binary(min_size=1, max_size=12))
def test_swapped_bytes_no_checksum_sees_them(data):
    swapped = swap_bytes(data)
    assert (sum_of(swapped), xor_of(swapped)) == (sum_of(data), xor_of(data))
    assert sorted(swapped) == sorted(data)
    assert swapped[:1] == data[:1]
    assert swapped[-1:] == data[-1:]
    if len(set(data[1:-1])) > 1:
        assert swapped != data


def test_jam_and_bounce_belong_to_a_channel_until_cleared(locker):
    locker.set_fault(Fault(FaultName.JAM, "A", channel=1))
    locker.set_fault(Fault(FaultName.BOUNCE, "A", channel=2))
    one, two = locker.doors(0)[:2]
    assert (one.jammed, one.bouncing, two.jammed, two.bouncing) == (True, False, False, True)
    assert locker.clear_fault() == 2
    assert not any(view.jammed or view.bouncing for view in locker.doors(0))


def test_fault_set_again_replaces_the_former(locker):
    locker.set_fault(Fault(FaultName.NO_REPLY, "A", times=5))
    locker.set_fault(Fault(FaultName.NO_REPLY, "A", times=1))
    assert locker.faults == [Fault(FaultName.NO_REPLY, "A", times=1)]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultName.JAM, "A"), RequestInvalid),
        (Fault(FaultName.JAM, "A", channel=3), UnknownTarget),
        (Fault(FaultName.NO_REPLY, "Z"), UnknownTarget),
        (Fault(FaultName.ECHO, "A"), UnknownTarget),
    ],
    ids=["jam_without_channel", "jam_elsewhere", "no_such_module", "echo_on_a_module"],
)
def test_fault_on_a_wrong_target_is_refused_and_not_set(locker, fault, error):
    with pytest.raises(error):
        locker.set_fault(fault)
    assert locker.faults == []


@pytest.mark.parametrize("name", list(FaultName))
def test_fault_every_name_is_described(name):
    import firmware_sim.faults as module

    assert f"| {name.value} " in (module.__doc__ or "")
