"""Version 1 is frozen: what the field has written must be read for ever."""

from __future__ import annotations

import hashlib
import zlib

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from edge.storage.schema_v1 import DDL, Packing

STREAM = "00112233445566778899aabbccddeeff"
PACKING = Packing("test.fleet", "locker-0001", STREAM)
WRITTEN_BY_V1 = bytes.fromhex(
    "48a8e123536d2327008cc90a0063580018d33b000c0d758d4c430c2cb006004a22212b3d9890151c26b0e03019bcc10100b97d9f5c"
)


def test_packed_events_of_v1_are_still_read() -> None:
    expected = [
        f'{{"boot":1,"clock":"synced","data":{{"compartment_no":{seq}}},"id":"locker-0001/{STREAM}/{seq}","seq":{seq},'
        f'"source":"test.fleet/locker-0001","specversion":"1.0","stream":"{STREAM}",'
        f'"time":"2026-11-25T08:00:00.000Z","type":"door_closed"}}'.encode()
        for seq in (3, 4)
    ]
    assert PACKING.unpack(WRITTEN_BY_V1) == expected


def test_schema_of_v1_is_unchanged() -> None:
    digest = hashlib.sha256("\n".join(DDL).encode()).hexdigest()
    assert digest == "01613ba83e27ba166e70bdf89a70265b424fb1e6105925d092dcdc9d0df123e3"


@settings(max_examples=60)
@given(st.lists(st.binary(min_size=1).filter(lambda event: b"\n" not in event), min_size=1, max_size=20))
def test_pack_any_events_without_lf_come_back_the_same(events: list[bytes]) -> None:
    assert PACKING.unpack(PACKING.pack(events)) == events


@settings(max_examples=60)
@given(st.integers(0, len(WRITTEN_BY_V1) - 1), st.integers(1, 255))
def test_unpack_one_changed_byte_is_noticed_or_changes_nothing(position: int, mask: int) -> None:
    damaged = bytearray(WRITTEN_BY_V1)
    damaged[position] ^= mask
    try:
        events = PACKING.unpack(bytes(damaged))
    except zlib.error:
        return
    assert events == PACKING.unpack(WRITTEN_BY_V1)  # the bits that pad deflate's last byte mean nothing


@pytest.mark.parametrize("packed", [b"", WRITTEN_BY_V1[:-1], WRITTEN_BY_V1 + b"x"], ids=["empty", "short", "long"])
def test_unpack_not_one_whole_stream_is_refused(packed: bytes) -> None:
    with pytest.raises(zlib.error):
        PACKING.unpack(packed)


def test_unpack_too_much_is_refused() -> None:
    with pytest.raises(zlib.error):
        PACKING.unpack(PACKING.pack([bytes(17 * 1024 * 1024)]))
