"""Every parser that the fuzzer drives, for a moment in the ordinary tests; and the targets themselves find mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.frames.frame import Found, FrameDecoder, Scan
from tests.fuzz.seeds import write_seeds
from tests.fuzz.targets import TARGETS, BrokenPromise, again, line, planted, refusing, scans

LINE = b"\x80\x8a\x90\x02\x03WKLY\r\n\x00\x01\x1b"
BYTES = st.binary(max_size=120) | st.lists(st.sampled_from(LINE), max_size=40).map(bytes)


@pytest.mark.parametrize("name", TARGETS)
def test_parser_any_bytes_are_an_answer_or_its_own_error(name: str) -> None:
    @settings(max_examples=15, deadline=None, database=None)
    @given(BYTES)
    def holds(data: bytes) -> None:
        TARGETS[name](data)

    holds()


@pytest.mark.parametrize("name", TARGETS)
def test_parser_golden_vectors_and_their_flipped_bits_are_an_answer_or_its_own_error(name: str, tmp_path) -> None:
    write_seeds(tmp_path)
    for path in tmp_path.iterdir():
        data = path.read_bytes()
        TARGETS[name](data)
        for at in range(0, len(data), 1 + len(data) // 3):
            TARGETS[name](data[:at] + bytes((data[at] ^ 0x41,)) + data[at + 1 :])


def test_line_target_finds_a_decoder_that_needs_its_bytes_at_once() -> None:
    def recognise(window: bytes) -> Found[bytes] | Scan:
        return Found(window[:2], 2) if len(window) >= 2 else Scan.NOTHING

    with pytest.raises(BrokenPromise):
        line(lambda: FrameDecoder(recognise))(b"abcd")


def test_canonical_target_finds_bytes_that_are_encoded_otherwise() -> None:
    with pytest.raises(BrokenPromise):
        again(lambda data: data.strip(), lambda value: value)(b" a")


def test_scan_target_finds_a_control_character() -> None:
    class Careless:
        def receive_data(self, data: bytes) -> None:
            self.text = data.decode()

        def next_scan(self) -> Careless | None:
            return self if self.__dict__.pop("fresh", None) else None

        fresh = True

    careless = Careless()
    careless.fresh = True
    with pytest.raises(BrokenPromise):
        scans(lambda: careless)(b"\x02")


def test_refusing_target_lets_any_other_error_through() -> None:
    with pytest.raises(IndexError):
        refusing(lambda data: data[3])(b"")
    with pytest.raises(IndexError):
        planted(bytes((0x8A, 0x1F, 0xF1, 0x1F ^ 0xF1, 9)))
