"""Zebra's packets: bytes by hand, repeats, damage, parts, and any byte stream; and the simulated reader as peer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.wire.errors import Malformed
from edge.wire.frames import zebra_ssi as ssi
from edge.wire.frames.frame import Garbage
from edge.wire.frames.scan_text import RefusedScan, Scan, ScanRefusal
from firmware_sim.reader import PATIENCE_MS, SsiReader

# By hand: 05 D1 04 00 01 sums to DB, its two's complement is FF25; 04 D0 04 00 sums to D8: FF28.
ACK_BYTES = bytes.fromhex("04 D0 04 00 FF 28")
NAK_BYTES = bytes.fromhex("05 D1 04 00 01 FF 25")
# 07 F3 00 00 01 41 42: 07+F3+01+41+42 = 17E → FE82
AB_BYTES = bytes.fromhex("07 F3 00 00 01 41 42 FE 82")


def decode_data(text: bytes, status: int = 0) -> bytes:
    return ssi.encode(ssi.Packet(ssi.DECODE_DATA, ssi.READER, status, b"\x01" + text))


def heard(*pieces: bytes) -> tuple[list[Scan | RefusedScan], bytes]:
    decoder = ssi.SsiScanDecoder()
    seen, answers = [], b""
    for piece in pieces:
        decoder.receive_data(piece)
        answers += decoder.data_to_send()
        while (scan := decoder.next_scan()) is not None:
            seen.append(scan)
    return seen, answers


def test_bytes_by_hand():
    assert decode_data(b"AB") == AB_BYTES
    assert heard(AB_BYTES) == ([Scan("AB")], ACK_BYTES)


def test_a_damaged_packet_is_asked_for_again_and_then_taken():
    assert heard(AB_BYTES[:-1] + b"\x83", AB_BYTES) == ([Scan("AB")], NAK_BYTES + ACK_BYTES)


def test_a_repeat_of_what_was_taken_is_acknowledged_and_not_told_twice():
    assert heard(decode_data(b"AB"), decode_data(b"AB", ssi.RESENT)) == ([Scan("AB")], ACK_BYTES * 2)


def test_a_repeat_of_what_never_came_is_told():
    assert heard(decode_data(b"AB", ssi.RESENT)) == ([Scan("AB")], ACK_BYTES)


def test_the_same_code_shown_twice_is_told_twice():
    assert heard(decode_data(b"AB"), decode_data(b"AB"))[0] == [Scan("AB")] * 2


def test_a_code_in_parts_is_one_scan():
    parts = [decode_data(b"AB", ssi.CONTINUED), decode_data(b"CD", ssi.CONTINUED), decode_data(b"EF\r\n")]
    assert heard(*parts) == ([Scan("ABCDEF")], ACK_BYTES * 3)


def test_parts_without_end_hold_no_more_than_the_cap():
    parts = [decode_data(b"A" * 200, ssi.CONTINUED)] * 100
    assert heard(*parts, decode_data(b"A"))[0] == [RefusedScan(ScanRefusal.TOO_LONG)]


@pytest.mark.parametrize("text", [b"", b"AB\x1b", b"@SETUPE1"], ids=repr)
def test_a_packet_that_holds_no_label_is_refused(text):
    seen, answers = heard(decode_data(text))
    assert isinstance(seen[0], RefusedScan)
    assert answers == ACK_BYTES


def test_a_packet_of_another_kind_is_denied_and_tells_nothing():
    seen, answers = heard(ssi.encode(ssi.Packet(0xA4, ssi.READER, 0, b"rev")))
    assert (seen, answers[1]) == ([], ssi.NAK)


def test_a_packet_too_long_for_its_length_byte_is_not_written():
    with pytest.raises(Malformed):
        decode_data(b"A" * 251)


def test_what_the_host_says_is_garbage_to_the_hosts_decoder():
    decoder = ssi.packet_decoder()
    decoder.receive_data(ACK_BYTES)
    decoder.receive_quiet()
    assert isinstance(decoder.next_frame(), Garbage)


@settings(max_examples=40)
@given(st.binary(max_size=60))
def test_any_bytes_never_raise_and_after_a_quiet_line_the_next_scan_is_read(noise):
    decoder = ssi.SsiScanDecoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    while decoder.next_scan() is not None:
        pass
    decoder.receive_data(AB_BYTES)
    assert decoder.next_scan() == Scan("AB")


def converse(reader: SsiReader, decoder: ssi.SsiScanDecoder, codes: list[bytes]) -> list[Scan | RefusedScan]:
    """Reader and host until neither has anything to say, in virtual time."""
    now_ms, seen = 0, []
    for code in codes:
        said = reader.show(code, now_ms)
        while said or reader.wakes_at_ms is not None:
            if not said:
                now_ms = reader.wakes_at_ms
                said = reader.wake(now_ms)
                continue
            decoder.receive_data(said.pop(0)[1])
            said += reader.receive(decoder.data_to_send(), now_ms)
            while (scan := decoder.next_scan()) is not None:
                seen.append(scan)
        now_ms += 10 * PATIENCE_MS
    return seen


@pytest.mark.parametrize("deaf_for", [0, 1, 2])
@pytest.mark.parametrize("damages", [0, 1, 2])
def test_reader_and_host_agree_on_each_code_once_over_lost_answers_and_damage(deaf_for, damages):
    reader = SsiReader(deaf_for=deaf_for, damages=damages)
    codes = [b"PW001", b"PW001", b"A" * 600]
    assert converse(reader, ssi.SsiScanDecoder(), codes) == [Scan(code.decode()) for code in codes]
    assert reader.given_up == 0


def test_a_reader_nobody_answers_gives_up():
    reader = SsiReader(deaf_for=99)
    assert converse(reader, ssi.SsiScanDecoder(), [b"PW001"]) == [Scan("PW001")]
    assert reader.given_up == 1
