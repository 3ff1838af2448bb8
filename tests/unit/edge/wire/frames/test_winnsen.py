"""The Winnsen codec: both orders of its status answer, and any byte stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import winnsen
from edge.wire.frames.frame import Garbage

replies = st.builds(
    winnsen.Reply,
    st.sampled_from([winnsen.UNLOCK, winnsen.QUERY]),
    st.integers(0, 31),
    st.integers(1, 24),
    st.integers(0, 2),
)


@settings(max_examples=40)
@given(st.binary(max_size=40), replies, st.booleans())
def test_decoder_noise_never_raises_and_the_next_reply_is_found(noise, reply, status_first):
    decoder = winnsen.reply_decoder(status_first=status_first)
    decoder.receive_data(noise)
    decoder.receive_quiet()
    while decoder.next_frame() is not None:
        pass
    decoder.receive_data(winnsen.encode_reply(reply, status_first=status_first))
    assert decoder.next_frame() == reply


def test_status_order_is_told_and_not_guessed():
    data = bytes.fromhex("90 07 92 01 02 01 03")
    seen = []
    for status_first in (False, True):
        decoder = winnsen.reply_decoder(status_first=status_first)
        decoder.receive_data(data)
        seen.append(decoder.next_frame())
    assert seen == [winnsen.Reply(winnsen.QUERY, 1, 2, 1), winnsen.Reply(winnsen.QUERY, 1, 1, 2)]


def test_an_echo_of_a_request_is_never_a_reply():
    decoder = winnsen.reply_decoder()
    request = winnsen.encode_unlock(1, 3)
    decoder.receive_data(request)
    assert decoder.next_frame() == Garbage(request)


def test_request_decoder_reads_what_the_encoders_write():
    decoder = winnsen.request_decoder()
    decoder.receive_data(b"\x90" + winnsen.encode_unlock(1, 3) + winnsen.encode_query(2, 4))
    assert [decoder.next_frame() for _ in range(3)] == [
        Garbage(b"\x90"),
        winnsen.Request(winnsen.UNLOCK, 1, 3),
        winnsen.Request(winnsen.QUERY, 2, 4),
    ]


@pytest.mark.parametrize(("station", "lock"), [(0, 0), (0, 25), (32, 1), (-1, 1)])
def test_unlock_outside_the_range_is_refused(station, lock):
    with pytest.raises(Malformed):
        winnsen.encode_unlock(station, lock)


def test_reply_without_meaning_is_not_written():
    with pytest.raises(Malformed):
        winnsen.encode_reply(winnsen.Reply(winnsen.UNLOCK, 1, 1, 3))
