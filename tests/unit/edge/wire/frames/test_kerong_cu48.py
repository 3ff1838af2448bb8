"""The KERONG CU48 codec against public frames, and against any byte stream."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import kerong_cu48
from edge.wire.frames.frame import FrameDecoder, Garbage
from tests.public_vectors import vectors


def family() -> list[dict]:
    return json.loads(vectors("lockboards.json").read_text())["families"]["kerong_cu"]["variant_cu48"]["vectors"]


def drain(decoder: FrameDecoder) -> list:
    out = []
    while (seen := decoder.next_frame()) is not None:
        out.append(seen)
    return out


def test_request_public_vectors_are_encoded_and_decoded():
    requests = [v for v in family() if "request" in v]
    assert len(requests) >= 3
    for v in requests:
        encoded = kerong_cu48.encode_status(0) if v["op"] == "status" else kerong_cu48.encode_unlock(0, v["lock"])
        assert encoded == bytes.fromhex(v["request"]), v
        decoder = kerong_cu48.request_decoder()
        decoder.receive_data(encoded)
        assert [seen.lock for seen in drain(decoder)] == [v.get("lock", 1)]


def test_reply_public_vector_is_decoded_and_encoded():
    (v,) = [v for v in family() if "reply" in v]
    reply = kerong_cu48.StatusReply(0, (True,) * 48)
    decoder = kerong_cu48.reply_decoder()
    decoder.receive_data(bytes.fromhex(v["reply"]))
    assert drain(decoder) == [reply]
    assert kerong_cu48.encode_status_reply(reply) == bytes.fromhex(v["reply"])


def test_unlock_public_invalid_lock_is_refused_never_clamped():
    (v,) = [v for v in family() if v["op"] == "invalid"]
    with pytest.raises(Malformed):
        kerong_cu48.encode_unlock(0, v["lock"])


@pytest.mark.parametrize(("board", "lock"), [(0, 0), (256, 1), (-1, 1)])
def test_unlock_outside_the_range_is_refused(board, lock):
    with pytest.raises(Malformed):
        kerong_cu48.encode_unlock(board, lock)


replies = st.builds(
    kerong_cu48.StatusReply, st.integers(0, 255), st.lists(st.booleans(), min_size=48, max_size=48).map(tuple)
)


@settings(max_examples=60)
@given(st.binary(max_size=60), replies)
def test_decoder_noise_never_raises_and_the_next_reply_is_found(noise, reply):
    decoder = kerong_cu48.reply_decoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    before = drain(decoder)
    assert sum(len(seen.data) if isinstance(seen, Garbage) else 12 for seen in before) == len(noise)
    decoder.receive_data(kerong_cu48.encode_status_reply(reply))
    assert drain(decoder) == [reply]
