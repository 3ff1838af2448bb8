"""Plain lines of a reader, in any pieces, with any rubbish between them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.frames.scan_line import LineScanDecoder
from edge.wire.frames.scan_text import MAX_SCAN_BYTES, RefusedScan, Scan, ScanRefusal


def read(*pieces: bytes) -> list[Scan | RefusedScan]:
    decoder = LineScanDecoder()
    seen = []
    for piece in pieces:
        decoder.receive_data(piece)
        while (scan := decoder.next_scan()) is not None:
            seen.append(scan)
    return seen


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"], ids=["cr", "lf", "crlf"])
def test_each_line_end_ends_one_scan(end):
    assert read(b"PW001" + end + b"PW002" + end) == [Scan("PW001"), Scan("PW002")]


def test_a_line_without_its_end_is_no_scan_yet():
    assert read(b"PW0", b"01") == []
    assert read(b"PW0", b"01\r") == [Scan("PW001")]


def test_an_overlong_line_is_told_once_and_the_next_one_is_read():
    assert read(b"A" * 10_000, b"B" * 10_000, b"\rPW001\r") == [RefusedScan(ScanRefusal.TOO_LONG), Scan("PW001")]
    assert read(b"A" * MAX_SCAN_BYTES + b"\r") == [Scan("A" * MAX_SCAN_BYTES)]


def test_a_line_that_is_forgotten_leaves_nothing_behind():
    decoder = LineScanDecoder()
    decoder.receive_data(b"SECRET")
    decoder.forget()
    decoder.receive_data(b"PW001\r")
    assert decoder.next_scan() == Scan("PW001")


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_bytes_never_raise_and_the_next_line_is_read(pieces):
    assert read(*pieces, b"\rPW001\r")[-1] == Scan("PW001")


@settings(max_examples=30)
@given(st.binary(max_size=60), st.integers(1, 7))
def test_pieces_of_any_size_read_the_same(data, size):
    assert read(*(data[at : at + size] for at in range(0, len(data), size))) == read(data)
