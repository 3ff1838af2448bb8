"""The WKLY codec: quirks of the field's firmwares, and any byte stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import wkly
from edge.wire.frames.frame import Garbage, xor_of

channel_replies = st.builds(
    wkly.ChannelReply,
    st.sampled_from([wkly.UNLOCK, wkly.QUERY_ONE]),
    st.integers(0, 31),
    st.integers(1, 48),
    st.booleans(),
    st.integers(0, 1),
)
changes = st.builds(wkly.DoorChange, st.integers(0, 31), st.integers(1, 48), st.integers(0, 1))
statuses = st.builds(
    wkly.StatusReply, st.integers(0, 31), st.lists(st.integers(0, 1), min_size=1, max_size=48).map(tuple)
)
replies = channel_replies | changes | statuses


def decoded(data: bytes) -> list:
    decoder = wkly.reply_decoder()
    decoder.receive_data(data)
    decoder.receive_quiet()
    out = []
    while (seen := decoder.next_frame()) is not None:
        out.append(seen)
    return out


def resealed(data: bytes) -> bytes:
    return data[:-1] + bytes((xor_of(data[:-1]),))


@settings(max_examples=40)
@given(replies)
def test_reply_is_read_as_it_was_written_from_either_start_byte(reply):
    data = wkly.encode_reply(reply)
    assert decoded(data) == [reply]
    assert decoded(resealed(b"\x53" + data[1:])) == [reply]


@settings(max_examples=25)
@given(statuses)
def test_status_without_a_status_byte_is_read_the_same(reply):
    data = wkly.encode_reply(reply)
    shorter = data[:4] + bytes((data[4] - 1,)) + data[5:7] + data[8:]
    assert decoded(resealed(shorter)) == [reply]


@settings(max_examples=40)
@given(st.binary(max_size=60), replies)
def test_decoder_noise_never_raises_and_the_next_reply_is_found(noise, reply):
    decoder = wkly.reply_decoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    while decoder.next_frame() is not None:
        pass
    decoder.receive_data(wkly.encode_reply(reply))
    assert decoder.next_frame() == reply


@pytest.mark.parametrize("request_bytes", [
    wkly.encode_unlock(3, 7), wkly.encode_query_one(3, 7), wkly.encode_query_all(3), wkly.encode_unlock_many(3, [1, 2]),
], ids=["unlock", "query_one", "query_all", "unlock_many"])  # fmt: skip
def test_an_echo_of_a_request_is_never_a_reply(request_bytes):
    assert decoded(request_bytes) == [Garbage(request_bytes)]


def test_a_sum_over_the_data_alone_is_no_checksum():
    reply = wkly.encode_reply(wkly.ChannelReply(wkly.UNLOCK, 0, 1, True, 0))
    assert decoded(reply[:-1] + bytes((xor_of(reply[5:-1]),)))[0] == Garbage(reply[:-1] + bytes((xor_of(reply[5:-1]),)))


@pytest.mark.parametrize(("board", "channel"), [(0, 0), (0, 49), (32, 1), (-1, 1)])
def test_unlock_outside_the_range_is_refused(board, channel):
    with pytest.raises(Malformed):
        wkly.encode_unlock(board, channel)


@pytest.mark.parametrize("channels", [[], [1, 1], [0], [49]], ids=str)
def test_unlock_many_with_a_wrong_list_is_refused(channels):
    with pytest.raises(Malformed):
        wkly.encode_unlock_many(0, channels)


@pytest.mark.parametrize("command", [0x86, 0x88, 0x89], ids=hex)
def test_commands_that_hold_an_output_are_not_even_read(command):
    decoder = wkly.request_decoder()
    frame = bytes((0x57, 0x4B, 0x4C, 0x59, 9, 0, command, 1))
    decoder.receive_data(frame + bytes((xor_of(frame),)))
    assert isinstance(decoder.next_frame(), Garbage)


def test_request_decoder_reads_what_the_encoders_write():
    decoder = wkly.request_decoder()
    decoder.receive_data(wkly.encode_unlock(1, 2) + wkly.encode_unlock_many(1, [3, 4]) + wkly.encode_query_all(1))
    assert [decoder.next_frame() for _ in range(3)] == [
        wkly.Request(wkly.UNLOCK, 1, (2,)),
        wkly.Request(wkly.UNLOCK_MANY, 1, (3, 4)),
        wkly.Request(wkly.QUERY_ALL, 1, ()),
    ]
