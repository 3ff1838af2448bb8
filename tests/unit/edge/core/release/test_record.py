"""The updater's record: written, read back, and refused when damaged."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.core.release.machine import Phase, Update, Wish
from edge.core.release.record import decode_update, encode_update, wish_of
from edge.wire.errors import WireError
from edge.wire.release import ReleaseKind, parse_version

WISH = Wish(ReleaseKind.AGENT, parse_version("2.0.0-rc.1"), 3)


@pytest.mark.parametrize("phase", list(Phase), ids=[phase.value for phase in Phase])
def test_record_written_and_read_is_the_same(phase: Phase) -> None:
    for update in (Update(phase), Update(phase, WISH, "b", 2, False, "unhealthy:boards_answer", 77)):
        assert decode_update(encode_update(update)) == update


@settings(max_examples=50)
@given(st.binary(max_size=80), st.integers(0, 100))
def test_damaged_record_is_refused_with_a_typed_error(tail: bytes, cut: int) -> None:
    data = encode_update(Update(Phase.TRYING, WISH, "b"))[:cut] + tail
    try:
        decode_update(data)
    except WireError:
        return
    assert data == encode_update(decode_update(data))


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"kind": "kernel", "version": "1.0.0"},
        {"kind": "image", "version": "1.0"},
        {"kind": "image", "version": "1.0.0", "attempt": -1},
        {"kind": "image", "version": "1.0.0", "attempt": True},
    ],
    ids=["nothing", "empty", "unknown_kind", "bad_version", "negative_attempt", "attempt_no_number"],
)
def test_wish_that_is_malformed_is_refused_and_says_where(body: object) -> None:
    with pytest.raises(WireError) as caught:
        wish_of(body, where="desired.release")
    assert caught.value.where == "desired.release"
