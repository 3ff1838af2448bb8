"""What a reader may hand on, and what is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.frames.scan_text import MAX_SCAN_BYTES, RefusedScan, Scan, ScanRefusal, judge_scan


@pytest.mark.parametrize(
    "text",
    ["PW001", "1Z999AA10123456784", "00006141411234567890", "(00)006141411234567890", "]C100006141411234567890",
     "PW1:T6BF%+$*./ -:", "A" * MAX_SCAN_BYTES],
)  # fmt: skip
def test_scan_of_a_label_or_token_passes(text):
    assert judge_scan(text.encode()) == Scan(text)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", ScanRefusal.EMPTY),
        (b"A" * (MAX_SCAN_BYTES + 1), ScanRefusal.TOO_LONG),
        (b"PW\x1b001", ScanRefusal.CONTROL_CHARACTER),
        (b"PW\x00", ScanRefusal.CONTROL_CHARACTER),
        (b"PW\x7f", ScanRefusal.CONTROL_CHARACTER),
        (b"PW\n001", ScanRefusal.CONTROL_CHARACTER),
        (b"PW\x1d001", ScanRefusal.CONTROL_CHARACTER),
        ("ÄPW".encode(), ScanRefusal.NOT_TEXT),
        (b"\xf3PARAM", ScanRefusal.NOT_TEXT),
        (b"@MENU_OPTO@ZZ@", ScanRefusal.CONFIGURATION_CODE),
        (b"@SETUPE1", ScanRefusal.CONFIGURATION_CODE),
        (b"$P,Ae", ScanRefusal.CONFIGURATION_CODE),
        (b"$+$-", ScanRefusal.CONFIGURATION_CODE),
        (b"DEFALT.", ScanRefusal.CONFIGURATION_CODE),
        (b"PAP232.", ScanRefusal.CONFIGURATION_CODE),
        (b"[FNC3]123", ScanRefusal.CONFIGURATION_CODE),
    ],
    ids=lambda value: value.value if isinstance(value, ScanRefusal) else repr(value[:12]),
)
def test_what_no_label_holds_is_refused_by_name(data, reason):
    assert judge_scan(data) == RefusedScan(reason)


@settings(max_examples=50)
@given(st.binary(max_size=80))
def test_any_bytes_are_judged_and_what_passes_is_printable(data):
    seen = judge_scan(data)
    assert not isinstance(seen, Scan) or (seen.text.isprintable() and seen.text.isascii())
