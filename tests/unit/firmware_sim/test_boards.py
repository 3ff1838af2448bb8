"""Board firmware against the public frames, and against the driver's codec, which was written apart from it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.frames import kerong_cu, kerong_cu48, modbus_rtu, winnsen, wkly, xor_8a
from firmware_sim.board import Board
from firmware_sim.doors import Cabinet, Fact, FactKind, Wiring
from firmware_sim.kerong_cu import KerongCuBoard
from firmware_sim.kerong_cu48 import KerongCu48Board
from firmware_sim.modbus_relay import ModbusRelayBoard
from firmware_sim.winnsen import WinnsenBoard
from firmware_sim.wkly import WklyBoard
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
    make = {
        "xor_8a": Xor8aBoard,
        "kerong_cu": KerongCuBoard,
        "kerong_cu48": KerongCu48Board,
        "wkly": WklyBoard,
        "winnsen": WinnsenBoard,
        "modbus_relay": ModbusRelayBoard,
    }[family]
    return make(cabinet, address), trace


UNLOCK = {
    "xor_8a": xor_8a.encode_unlock,
    "kerong_cu": kerong_cu.encode_unlock,
    "kerong_cu48": kerong_cu48.encode_unlock,
    "wkly": wkly.encode_unlock,
    "winnsen": winnsen.encode_unlock,
    "modbus_relay": lambda unit, channel: modbus_rtu.encode_write_coil(unit, 0x0200 + channel - 1, 5),
}
EACH = pytest.mark.parametrize("family", list(UNLOCK))


@EACH
def test_board_request_for_another_address_moves_nothing(family):
    board, trace = any_board(family, 3, 8)
    assert board.receive(UNLOCK[family](4, 1), 0) == []
    assert trace == []


@EACH
@pytest.mark.parametrize("other", list(UNLOCK))
def test_board_hears_no_unlock_in_another_familys_requests(family, other):
    if family == other:
        return
    board, trace = any_board(family, 3, 8)
    for address in range(1, 16):
        for channel in range(1, 17):
            board.receive(UNLOCK[other](address, channel), (address * 16 + channel) * 10)
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


def test_wkly_public_requests_are_obeyed():
    for v in families()["wkly"]["vectors"]:
        cabinet, trace = traced(12)
        board = WklyBoard(cabinet, v["board"])
        if v["op"] == "unlock_reply":
            sent = board.receive(wkly.encode_unlock(v["board"], v["channel"]), 0)
            assert [data for _, data in sent] == [bytes.fromhex(v["reply"])]
        if v["op"] == "query_one_reply":
            sent = board.receive(wkly.encode_query_one(v["board"], v["channel"]), 0)
            assert [data for _, data in sent] == [bytes.fromhex(v["reply"])]
        if v["op"] in ("unlock", "open_many"):
            board.receive(bytes.fromhex(v["request"]), 0)
            assert pulsed(trace) == v.get("channels", [v.get("channel")])


def test_wkly_board_tells_a_moved_door_by_itself():
    (v,) = [v for v in families()["wkly"]["vectors"] if v["op"] == "door_event"]
    board = WklyBoard(traced(12)[0], v["board"], tells_changes=True, answers_unlock=False)
    sent = board.receive(wkly.encode_unlock(v["board"], v["channel"]), 0)
    assert [data for _, data in sent] == [bytes.fromhex(v["reply"])]


@settings(max_examples=25)
@given(st.sets(st.integers(1, 24)), st.integers(0, 31), st.sampled_from([0, 1]), st.booleans(), st.booleans())
def test_wkly_status_is_read_by_the_driver_codec_as_the_doors_stand(open_doors, address, bit, odd_start, counts_only):
    cabinet = opened(traced(24)[0], sorted(open_doors))
    board = WklyBoard(cabinet, address, bit, odd_start=odd_start, counts_only=counts_only)
    ((_, data),) = board.receive(wkly.encode_query_all(address), 10_000)
    decoder = wkly.reply_decoder()
    decoder.receive_data(data)
    expected = tuple(int((number not in open_doors) == bool(bit)) for number in range(1, 25))
    assert decoder.next_frame() == wkly.StatusReply(address, expected)


def test_winnsen_public_unlock_and_its_cooling_coil():
    unlock, done, cooling = families()["winnsen"]["vectors"]
    cabinet, trace = traced(8)
    board = WinnsenBoard(cabinet, unlock["station"])
    assert [d for _, d in board.receive(bytes.fromhex(unlock["request"]), 0)] == [bytes.fromhex(done["reply"])]
    assert [d for _, d in board.receive(bytes.fromhex(unlock["request"]), 500)] == [bytes.fromhex(cooling["reply"])]
    assert pulsed(trace) == [3]


@pytest.mark.parametrize("status_first", [False, True])
def test_winnsen_status_is_read_by_the_driver_codec_as_the_door_stands(status_first):
    board = WinnsenBoard(opened(traced(8)[0], [2]), 1, status_first)
    for number, status in [(2, winnsen.OPEN_OR_DONE), (3, winnsen.CLOSED_OR_FAILED)]:
        ((_, data),) = board.receive(winnsen.encode_query(1, number), 10_000)
        decoder = winnsen.reply_decoder(status_first=status_first)
        decoder.receive_data(data)
        assert decoder.next_frame() == winnsen.Reply(winnsen.QUERY, 1, number, status)


def asked(board: ModbusRelayBoard, request: bytes, at_ms: int) -> object:
    ((_, data),) = board.receive(request, at_ms)
    decoder = modbus_rtu.reply_decoder()
    decoder.receive_data(data)
    return decoder.next_frame()


def test_modbus_relay_is_on_for_the_asked_time_and_no_longer():
    cabinet, trace = traced(8)
    board = ModbusRelayBoard(cabinet, 9)
    assert asked(board, modbus_rtu.encode_write_coil(9, 0x0202, 5), 0) == modbus_rtu.WriteReply(9, 0x0202, 5)
    assert board.relay_on(3, 499)
    assert not board.relay_on(3, 500)
    assert pulsed(trace) == [3]
    reply = asked(board, modbus_rtu.encode_read(9, modbus_rtu.READ_COILS, 2, 1), 100)
    assert reply == modbus_rtu.BitsReply(9, 1, (True, *(False,) * 7))


@pytest.mark.parametrize(("request_bytes", "code"), [
    (modbus_rtu.encode_write_coil(9, 0x0208, 5), 2), (modbus_rtu.encode_write_coil(9, 0, 7), 3),
    (modbus_rtu.encode_read(9, modbus_rtu.READ_INPUTS, 0, 9), 2),
], ids=["relay", "value", "inputs"])  # fmt: skip
def test_modbus_relay_refuses_what_it_does_not_have(request_bytes, code):
    cabinet, trace = traced(8)
    reply = asked(ModbusRelayBoard(cabinet, 9), request_bytes, 0)
    assert isinstance(reply, modbus_rtu.ErrorReply)
    assert (reply.code, trace) == (code, [])


def test_kerong_with_24_locks_answers_to_two_board_numbers():
    cabinet, trace = traced(24)
    board = KerongCuBoard(cabinet, 3)
    board.receive(kerong_cu.encode_unlock(4, 8), 0)
    board.receive(kerong_cu.encode_unlock(4, 9), 100)
    assert pulsed(trace) == [24]
    ((_, data),) = board.receive(kerong_cu.encode_status(4), 10_000)
    decoder = kerong_cu.reply_decoder()
    decoder.receive_data(data)
    reply = decoder.next_frame()
    assert isinstance(reply, kerong_cu.StatusReply)
    assert (reply.board, reply.locked[:8]) == (4, (True,) * 7 + (False,))


def test_wiring_swapped_inverted_open_ended_and_without_a_lock():
    wiring = Wiring({1: 2, 2: 1, 4: 0}, frozenset({3}), frozenset({4}))
    trace: list[Fact] = []
    cabinet = Cabinet("A", 4, True, trace.append, wiring)
    assert [cabinet.input_bit(number, 0, 1) for number in range(1, 5)] == [1, 1, 0, 0]
    cabinet.pulse(1, 0)
    cabinet.pulse(4, 0)
    assert [cabinet.input_bit(number, 1_000, 1) for number in range(1, 5)] == [1, 0, 0, 0]
    assert [fact.moved for fact in trace if fact.kind is FactKind.PULSE] == [True, False]
