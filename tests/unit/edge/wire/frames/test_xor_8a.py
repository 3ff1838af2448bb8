"""The XOR "8A" codec against public frames, and against any byte stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import xor_8a
from edge.wire.frames.frame import EchoFilter, FrameDecoder, Garbage
from tests.public_vectors import vectors

ENCODERS = {
    "unlock": lambda v: xor_8a.encode_unlock(v["board"], v["channel"]),
    "unlock_all": lambda v: xor_8a.encode_unlock_all(v["board"]),
    "query_one": lambda v: xor_8a.encode_query_one(v["board"], v["channel"]),
    "query_all": lambda v: xor_8a.encode_query_all(v["board"]),
}


def family() -> list[dict]:
    return json.loads(vectors("lockboards.json").read_text())["families"]["xor_8a"]["vectors"]


def drain(decoder: FrameDecoder) -> list:
    out = []
    while (seen := decoder.next_frame()) is not None:
        out.append(seen)
    return out


def decode(data: bytes, **kwargs) -> list:
    decoder = xor_8a.reply_decoder(**kwargs)
    decoder.receive_data(data)
    return drain(decoder)


def bit_tuple(channels: list[int], groups: int = 3) -> tuple[bool, ...]:
    return tuple(number in channels for number in range(1, groups * 8 + 1))


def test_request_public_vectors_are_encoded_byte_for_byte():
    requests = [v for v in family() if "request" in v]
    assert len(requests) >= 7
    for v in requests:
        assert ENCODERS[v["op"]](v) == bytes.fromhex(v["request"]), v


def test_request_public_vectors_are_decoded_to_their_meaning():
    for v in (v for v in family() if "request" in v):
        decoder = xor_8a.request_decoder()
        decoder.receive_data(bytes.fromhex(v["request"]))
        command = xor_8a.UNLOCK if v["op"].startswith("unlock") else xor_8a.QUERY
        assert drain(decoder) == [xor_8a.Request(command, v["board"], v.get("channel", 0))]


def test_reply_public_vectors_are_decoded_and_encoded():
    replies = [v for v in family() if "reply" in v]
    assert len(replies) >= 4
    for v in replies:
        data = bytes.fromhex(v["reply"])
        if v["op"] == "unlock_reply":
            expected = xor_8a.UnlockReply(v["board"], v["channel"], bool(v["status"]))
        else:
            expected = xor_8a.StatusReply(v["board"], bit_tuple(v["bits_set"]))
        assert decode(data) == [expected], v
        assert xor_8a.encode_reply(expected) == data


def test_failed_reply_has_the_bytes_of_the_request():
    reply = xor_8a.UnlockReply(1, 7, status_set=True)
    assert xor_8a.encode_reply(reply) == xor_8a.encode_unlock(1, 7)


def test_echo_filter_request_and_identical_reply_passes_only_the_second():
    request = xor_8a.encode_unlock(1, 7)
    echo = EchoFilter(request)
    assert echo.receive_data(request[:3]) == b""
    assert echo.receive_data(request[3:] + request[:2]) == request[:2]
    assert echo.receive_data(request[2:]) == request[2:]


def test_echo_filter_without_an_echo_passes_nothing():
    echo = EchoFilter(xor_8a.encode_unlock(1, 7))
    assert echo.receive_data(xor_8a.encode_reply(xor_8a.UnlockReply(1, 7, status_set=False))) == b""


def test_status_reply_that_begins_like_a_single_reply_is_read_by_what_was_asked():
    reply = xor_8a.StatusReply(1, bit_tuple([17, 8]))
    data = xor_8a.encode_reply(reply)
    assert decode(data) == [reply]
    assert decode(data, query_one=True)[0] == xor_8a.ChannelReply(1, 1, status_set=False)


@pytest.mark.parametrize("groups", [1, 2, 3])
def test_status_reply_length_follows_the_groups(groups):
    reply = xor_8a.StatusReply(4, bit_tuple([1, groups * 8], groups))
    assert len(xor_8a.encode_reply(reply)) == 4 + groups
    assert decode(xor_8a.encode_reply(reply), groups=groups) == [reply]


def test_swapped_board_and_channel_pass_the_xor_and_name_another_board():
    swapped = bytes.fromhex("8A 0B 01 00 80")
    assert decode(swapped) == [xor_8a.UnlockReply(11, 1, status_set=False)]


def test_swapped_channel_and_status_are_caught_by_the_range():
    seen = decode(bytes.fromhex("8A 01 00 0B 80"))
    assert all(isinstance(part, Garbage) for part in seen)


@pytest.mark.parametrize(("board", "channel"), [(0, 1), (32, 1), (1, 0), (1, 25), (-1, 1), (1, -3)])
def test_unlock_outside_the_range_is_refused(board, channel):
    with pytest.raises(Malformed):
        xor_8a.encode_unlock(board, channel)


@pytest.mark.parametrize("groups", [0, 4])
def test_reply_decoder_groups_outside_the_range_are_refused(groups):
    with pytest.raises(Malformed):
        xor_8a.reply_decoder(groups=groups)


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=6), st.integers(1, 3), st.booleans())
def test_decoder_any_stream_keeps_every_byte_and_never_raises(chunks, groups, query_one):
    decoder = xor_8a.reply_decoder(groups=groups, query_one=query_one)
    size_bytes = 0
    for chunk in chunks:
        decoder.receive_data(chunk)
        size_bytes += sum(len(seen.data) if isinstance(seen, Garbage) else _size(seen) for seen in drain(decoder))
    decoder.receive_quiet()
    size_bytes += sum(len(seen.data) if isinstance(seen, Garbage) else _size(seen) for seen in drain(decoder))
    assert size_bytes == sum(map(len, chunks))


def _size(reply: xor_8a.Reply) -> int:
    return len(xor_8a.encode_reply(reply))


@st.composite
def replies(draw) -> xor_8a.Reply:
    board = draw(st.integers(1, 31))
    if draw(st.booleans()):
        return xor_8a.UnlockReply(board, draw(st.integers(1, 24)), draw(st.booleans()))
    return xor_8a.StatusReply(board, tuple(draw(st.lists(st.booleans(), min_size=24, max_size=24))))


@settings(max_examples=100)
@given(st.lists(st.tuples(st.binary(max_size=12), replies()), min_size=1, max_size=5), st.integers(1, 9))
def test_decoder_valid_frames_between_noise_are_found(parts, chunk_bytes):
    # Noise here holds no start byte, so no false frame can swallow a real one.
    clean = [(noise.replace(b"\x8a", b"\x00").replace(b"\x80", b"\x00"), reply) for noise, reply in parts]
    stream = b"".join(noise + xor_8a.encode_reply(reply) for noise, reply in clean)
    decoder = xor_8a.reply_decoder()
    seen = []
    for at in range(0, len(stream), chunk_bytes):
        decoder.receive_data(stream[at : at + chunk_bytes])
        seen += drain(decoder)
    assert [frame for frame in seen if not isinstance(frame, Garbage)] == [reply for _, reply in clean]


@settings(max_examples=60)
@given(st.binary(max_size=30), replies())
def test_decoder_resynchronises_after_noise_and_a_quiet_line(noise, reply):
    decoder = xor_8a.reply_decoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    drain(decoder)
    decoder.receive_data(xor_8a.encode_reply(reply))
    assert drain(decoder) == [reply]


def test_decoder_false_start_right_before_a_reply_is_resolved_by_the_quiet_line():
    reply = xor_8a.UnlockReply(1, 11, status_set=False)
    decoder = xor_8a.reply_decoder()
    decoder.receive_data(b"\x80\x01" + b"\x8a")
    decoder.receive_data(xor_8a.encode_reply(reply)[1:4])
    assert drain(decoder) == []
    decoder.receive_data(xor_8a.encode_reply(reply)[4:])
    decoder.receive_quiet()
    assert reply in drain(decoder)
