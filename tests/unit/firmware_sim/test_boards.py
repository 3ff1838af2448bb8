"""Board firmware against the public frames, and against the driver's codec, which was written apart from it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.frames import kerong_cu, kerong_cu48, xor_8a
from firmware_sim.board import Board
from firmware_sim.doors import Cabinet, Fact, FactKind
from firmware_sim.kerong_cu import KerongCuBoard
from firmware_sim.kerong_cu48 import KerongCu48Board
from firmware_sim.xor_8a import Xor8aBoard
from tests.public_vectors import vectors


def families() -> dict:
    return json.loads(vectors("lockboards.json").read_text())["families"]


def traced(channels: int) -> tuple[Cabinet, list[Fact]]:
    trace: list[Fact] = []
    return Cabinet("A", channels, True, trace.append), trace


def pulsed(trace: list[Fact]) -> list[int]:
    return [fact.channel for fact in trace if fact.kind is FactKind.PULSE]


def opened(cabinet: Cabinet, numbers: list[int]) -> Cabinet:
    for number in numbers:
        cabinet.open_by_hand(number, 0, force=True)
    return cabinet


def test_xor_8a_public_unlock_requests_pulse_their_channel():
    for v in (v for v in families()["xor_8a"]["vectors"] if v["op"] == "unlock"):
        cabinet, trace = traced(24)
        Xor8aBoard(cabinet, v["board"]).receive(bytes.fromhex(v["request"]), 1_000)
        assert pulsed(trace) == [v["channel"]]


def test_xor_8a_public_unlock_all_pulses_every_channel_once():
    (v,) = [v for v in families()["xor_8a"]["vectors"] if v["op"] == "unlock_all"]
    cabinet, trace = traced(24)
    ((at_ms, _),) = Xor8aBoard(cabinet, 1).receive(bytes.fromhex(v["request"]), 0)
    assert pulsed(trace) == list(range(1, 25))
    assert at_ms <= 10_000


def test_xor_8a_public_status_replies_are_the_ones_a_board_sends():
    replies = [v for v in families()["xor_8a"]["vectors"] if v["op"] == "query_all_reply"]
    for v in replies:
        # A set bit means open here, so that the capture without any bit is a cabinet at rest.
        board = Xor8aBoard(opened(traced(24)[0], v["bits_set"]), 1, closed_bit=0)
        sent = board.receive(bytes.fromhex("80 01 00 33 B2"), 10_000)
        assert [data for _, data in sent] == [bytes.fromhex(v["reply"])]


def test_xor_8a_public_unlock_reply_is_sent_by_a_board_whose_door_opens():
    cabinet, _ = traced(12)
    sent = Xor8aBoard(cabinet, 1).receive(bytes.fromhex("8A 01 0B 11 91"), 0)
    assert [data for _, data in sent] == [bytes.fromhex("8A 01 0B 00 80")]


def test_xor_8a_jammed_reply_has_the_bytes_of_the_request():
    cabinet, _ = traced(12)
    cabinet.set_jam(11, jammed=True)
    request = bytes.fromhex("8A 01 0B 11 91")
    assert [data for _, data in Xor8aBoard(cabinet, 1).receive(request, 0)] == [request]


def test_kerong_public_unlock_requests_pulse_their_lock():
    for v in (v for v in families()["kerong_cu"]["vectors"] if v["op"] == "unlock"):
        cabinet, trace = traced(16)
        assert KerongCuBoard(cabinet, v["board"]).receive(bytes.fromhex(v["request"]), 0) == []
        assert pulsed(trace) == [v["lock"]]


def test_kerong_public_status_replies_are_the_ones_a_board_sends():
    for v in (v for v in families()["kerong_cu"]["vectors"] if v["op"] == "status_reply"):
        cabinet = opened(traced(16)[0], v["open"])
        for number in v["occupied"]:
            cabinet.compartments[number].occupied = True
        sent = KerongCuBoard(cabinet, 0).receive(bytes.fromhex("02 00 30 03 35"), 10_000)
        assert [data for _, data in sent] == [bytes.fromhex(v["reply"])]


def test_kerong_public_set_pulse_is_stored_and_moves_nothing():
    cabinet, trace = traced(16)
    board = KerongCuBoard(cabinet, 0)
    assert board.receive(bytes.fromhex("02 00 37 00 3C 03 78"), 0) == []
    assert (board.pulse_ms, trace) == (600, [])


def test_kerong_cu48_public_requests_are_obeyed():
    variant = families()["kerong_cu"]["variant_cu48"]["vectors"]
    for v in (v for v in variant if v["op"] == "unlock"):
        cabinet, trace = traced(48)
        assert KerongCu48Board(cabinet, 0).receive(bytes.fromhex(v["request"]), 0) == []
        assert pulsed(trace) == [v["lock"]]
    (reply,) = [v["reply"] for v in variant if "reply" in v]
    sent = KerongCu48Board(traced(48)[0], 0).receive(bytes.fromhex("02 00 00 60 03 65"), 0)
    assert [data for _, data in sent] == [bytes.fromhex(reply)]


@settings(max_examples=40)
@given(st.sets(st.integers(1, 24)), st.integers(1, 31), st.sampled_from([0, 1]))
def test_xor_8a_status_is_read_by_the_driver_codec_as_the_doors_stand(open_doors, address, closed_bit):
    board = Xor8aBoard(opened(traced(24)[0], sorted(open_doors)), address, closed_bit=closed_bit)
    ((_, data),) = board.receive(xor_8a.encode_query_all(address), 10_000)
    decoder = xor_8a.reply_decoder()
    decoder.receive_data(data)
    expected = tuple((number not in open_doors) == bool(closed_bit) for number in range(1, 25))
    assert decoder.next_frame() == xor_8a.StatusReply(address, expected)


@settings(max_examples=40)
@given(st.sets(st.integers(1, 16)), st.sets(st.integers(1, 16)), st.integers(0, 15))
def test_kerong_status_is_read_by_the_driver_codec_as_the_doors_stand(open_doors, full, address):
    cabinet = opened(traced(16)[0], sorted(open_doors))
    for number in full:
        cabinet.compartments[number].occupied = True
    ((_, data),) = KerongCuBoard(cabinet, address).receive(kerong_cu.encode_status(address), 10_000)
    decoder = kerong_cu.reply_decoder()
    decoder.receive_data(data)
    hooks = tuple(number not in open_doors for number in range(1, 17))
    assert decoder.next_frame() == kerong_cu.StatusReply(address, hooks, tuple(n in full for n in range(1, 17)))


@settings(max_examples=30)
@given(st.sets(st.integers(1, 48)), st.integers(0, 255))
def test_kerong_cu48_status_is_read_by_the_driver_codec_as_the_doors_stand(open_doors, address):
    board = KerongCu48Board(opened(traced(48)[0], sorted(open_doors)), address)
    ((_, data),) = board.receive(kerong_cu48.encode_status(address), 10_000)
    decoder = kerong_cu48.reply_decoder()
    decoder.receive_data(data)
    assert decoder.next_frame() == kerong_cu48.StatusReply(address, tuple(n not in open_doors for n in range(1, 49)))


def any_board(family: str, address: int, channels: int) -> tuple[Board, list[Fact]]:
    cabinet, trace = traced(channels)
    make = {"xor_8a": Xor8aBoard, "kerong_cu": KerongCuBoard, "kerong_cu48": KerongCu48Board}[family]
    return make(cabinet, address), trace


UNLOCK = {
    "xor_8a": xor_8a.encode_unlock,
    "kerong_cu": kerong_cu.encode_unlock,
    "kerong_cu48": kerong_cu48.encode_unlock,
}
EACH = pytest.mark.parametrize("family", list(UNLOCK))


@EACH
def test_board_request_for_another_address_moves_nothing(family):
    board, trace = any_board(family, 3, 8)
    assert board.receive(UNLOCK[family](4, 1), 0) == []
    assert trace == []


@EACH
def test_board_request_for_an_unwired_channel_moves_nothing(family):
    board, trace = any_board(family, 3, 4)
    board.receive(UNLOCK[family](3, 5), 0)
    assert trace == []


@EACH
def test_board_half_a_request_is_forgotten_after_a_pause(family):
    board, trace = any_board(family, 3, 8)
    request = UNLOCK[family](3, 1)
    board.receive(request[:3], 0)
    board.receive(request[3:], 500)
    assert trace == []
    board.receive(request[:3], 1_000)
    board.receive(request[3:], 1_010)
    assert pulsed(trace) == [1]


@EACH
@settings(max_examples=60)
@given(noise=st.lists(st.binary(max_size=30), max_size=5))
def test_board_any_bytes_never_raise_and_the_next_request_is_obeyed(family, noise):
    board, trace = any_board(family, 3, 8)
    for step, data in enumerate(noise):
        board.receive(data, step * 10)
    before = len(pulsed(trace))
    board.receive(UNLOCK[family](3, 2), 1_000)
    assert pulsed(trace)[before:] == [2]
