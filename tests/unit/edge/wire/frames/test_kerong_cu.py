"""The KERONG CU codec against public frames, and against any byte stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import kerong_cu
from edge.wire.frames.frame import FrameDecoder, Garbage
from tests.public_vectors import vectors

ENCODERS = {
    "status": lambda v: kerong_cu.encode_status(v["board"]),
    "unlock": lambda v: kerong_cu.encode_unlock(v["board"], v["lock"]),
    "unlock_all": lambda v: kerong_cu.encode_unlock_all(v["board"]),
    "bus_status": lambda v: kerong_cu.encode_bus_status(),
    "set_pulse_ms": lambda v: kerong_cu.encode_set_pulse(v["board"], v["pulse_ms"]),
}


def family() -> list[dict]:
    return json.loads(vectors("lockboards.json").read_text())["families"]["kerong_cu"]["vectors"]


def drain(decoder: FrameDecoder) -> list:
    out = []
    while (seen := decoder.next_frame()) is not None:
        out.append(seen)
    return out


def decode(data: bytes) -> list:
    decoder = kerong_cu.reply_decoder()
    decoder.receive_data(data)
    return drain(decoder)


def flags(numbers: list[int], *, inverted: bool = False) -> tuple[bool, ...]:
    return tuple((number in numbers) != inverted for number in range(1, 17))


def test_request_public_vectors_are_encoded_byte_for_byte():
    requests = [v for v in family() if "request" in v]
    assert len(requests) >= 8
    for v in requests:
        assert ENCODERS[v["op"]](v) == bytes.fromhex(v["request"]), v


def test_request_public_vectors_are_decoded_to_their_command():
    commands = {"status": 0x30, "unlock": 0x31, "bus_status": 0x32, "unlock_all": 0x33, "set_pulse_ms": 0x37}
    for v in (v for v in family() if "request" in v):
        decoder = kerong_cu.request_decoder()
        decoder.receive_data(bytes.fromhex(v["request"]))
        (seen,) = drain(decoder)
        assert seen.command == commands[v["op"]]
        assert seen.lock == v.get("lock", 1)


def test_reply_public_vectors_are_decoded_and_encoded():
    replies = [v for v in family() if "reply" in v]
    assert len(replies) >= 4
    for v in replies:
        data = bytes.fromhex(v["reply"])
        expected = kerong_cu.StatusReply(v["board"], flags(v["open"], inverted=True), flags(v["occupied"]))
        assert decode(data) == [expected], v
        assert kerong_cu.encode_status_reply(expected) == data


@pytest.mark.parametrize(("board", "lock"), [(0, 17), (0, 0), (16, 1), (-1, 1), (0, -1)])
def test_unlock_outside_the_range_is_refused(board, lock):
    with pytest.raises(Malformed):
        kerong_cu.encode_unlock(board, lock)


@pytest.mark.parametrize("pulse_ms", [0, -10, 605, 655_360])
def test_set_pulse_outside_the_range_is_refused(pulse_ms):
    with pytest.raises(Malformed):
        kerong_cu.encode_set_pulse(0, pulse_ms)


def test_reply_decoder_own_request_echoed_is_no_reply():
    request = kerong_cu.encode_unlock(0, 3)
    assert decode(request) == [Garbage(request)]


def test_swapped_data_bytes_pass_the_sum():
    reply = kerong_cu.StatusReply(0, flags([9], inverted=True), flags([]))
    data = bytearray(kerong_cu.encode_status_reply(reply))
    data[3], data[4] = data[4], data[3]
    assert decode(bytes(data)) == [kerong_cu.StatusReply(0, flags([1], inverted=True), flags([]))]


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_decoder_any_stream_keeps_every_byte_and_never_raises(chunks):
    decoder = kerong_cu.reply_decoder()
    size_bytes = 0
    for chunk in chunks:
        decoder.receive_data(chunk)
        size_bytes += sum(len(seen.data) if isinstance(seen, Garbage) else 9 for seen in drain(decoder))
    decoder.receive_quiet()
    size_bytes += sum(len(seen.data) if isinstance(seen, Garbage) else 9 for seen in drain(decoder))
    assert size_bytes == sum(map(len, chunks))


sixteen = st.lists(st.booleans(), min_size=16, max_size=16).map(tuple)
replies = st.builds(kerong_cu.StatusReply, st.integers(0, 15), sixteen, sixteen)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(max_size=12), replies), min_size=1, max_size=5), st.integers(1, 9))
def test_decoder_valid_frames_between_noise_are_found(parts, chunk_bytes):
    clean = [(noise.replace(b"\x02", b"\x00"), reply) for noise, reply in parts]
    stream = b"".join(noise + kerong_cu.encode_status_reply(reply) for noise, reply in clean)
    decoder = kerong_cu.reply_decoder()
    seen = []
    for at in range(0, len(stream), chunk_bytes):
        decoder.receive_data(stream[at : at + chunk_bytes])
        seen += drain(decoder)
    assert [frame for frame in seen if not isinstance(frame, Garbage)] == [reply for _, reply in clean]


@settings(max_examples=60)
@given(st.binary(max_size=30), replies)
def test_decoder_resynchronises_after_noise_and_a_quiet_line(noise, reply):
    decoder = kerong_cu.reply_decoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    drain(decoder)
    decoder.receive_data(kerong_cu.encode_status_reply(reply))
    assert drain(decoder) == [reply]
