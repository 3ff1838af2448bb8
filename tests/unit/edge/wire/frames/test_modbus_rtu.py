"""The Modbus RTU codec, judged by pymodbus (an independent implementation of the standard), and any byte stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteSingleCoilRequest,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.exceptionresponse import ExceptionResponse

from edge.wire.errors import Malformed
from edge.wire.frames import modbus_rtu as modbus
from edge.wire.frames.frame import Garbage

units = st.integers(1, 247)
words = st.integers(0, 0xFFFF)
bit_replies = st.builds(
    modbus.BitsReply,
    units,
    st.sampled_from([modbus.READ_COILS, modbus.READ_INPUTS]),
    st.integers(1, 4).flatmap(lambda n: st.lists(st.booleans(), min_size=8 * n, max_size=8 * n).map(tuple)),
)
write_replies = st.builds(modbus.WriteReply, units, words, words)
errors = st.builds(
    modbus.ErrorReply,
    units,
    st.sampled_from([modbus.READ_COILS, modbus.READ_INPUTS, modbus.WRITE_COIL]),
    st.integers(1, 11),
)


def judge(*, as_server: bool) -> FramerRTU:
    return FramerRTU(DecodePDU(as_server))


@settings(max_examples=30)
@given(units, st.integers(0, 60_000), st.integers(1, 2000))
def test_read_requests_are_the_judges_bytes(unit, start, count):
    coils = ReadCoilsRequest(dev_id=unit, address=start, count=count)
    inputs = ReadDiscreteInputsRequest(dev_id=unit, address=start, count=count)
    assert modbus.encode_read(unit, modbus.READ_COILS, start, count) == judge(as_server=False).buildFrame(coils)
    assert modbus.encode_read(unit, modbus.READ_INPUTS, start, count) == judge(as_server=False).buildFrame(inputs)


@pytest.mark.parametrize("on", [True, False])
def test_plain_write_is_the_judges_bytes_both_ways(on):
    ours = modbus.encode_write_coil(17, 172, 0xFF00 if on else 0)
    assert ours == judge(as_server=False).buildFrame(WriteSingleCoilRequest(dev_id=17, address=172, bits=[on]))
    assert ours == judge(as_server=True).buildFrame(WriteSingleCoilResponse(dev_id=17, address=172, bits=[on]))


@settings(max_examples=30)
@given(bit_replies)
def test_what_the_judge_answers_is_read(reply):
    kind = ReadCoilsResponse if reply.function == modbus.READ_COILS else ReadDiscreteInputsResponse
    theirs = judge(as_server=True).buildFrame(kind(dev_id=reply.unit, bits=list(reply.values)))
    assert modbus.encode_reply(reply) == theirs
    decoder = modbus.reply_decoder()
    decoder.receive_data(theirs)
    assert decoder.next_frame() == reply


def test_a_refusal_of_the_judge_is_read():
    response = ExceptionResponse(modbus.WRITE_COIL, 2, device_id=5)
    decoder = modbus.reply_decoder()
    decoder.receive_data(judge(as_server=True).buildFrame(response))
    assert decoder.next_frame() == modbus.ErrorReply(5, modbus.WRITE_COIL, 2)


@settings(max_examples=25)
@given(units, st.integers(0, 1000), st.integers(1, 16))
def test_the_judge_reads_our_requests(unit, start, count):
    data = modbus.encode_read(unit, modbus.READ_INPUTS, start, count)
    used, message = judge(as_server=True).handleFrame(data, 0, 0)
    assert (used, message.dev_id, message.address, message.count) == (len(data), unit, start, count)


@settings(max_examples=25)
@given(st.binary(max_size=30))
def test_crc_is_the_judges(data):
    assert int.from_bytes(modbus.crc_of(data), "big") == FramerRTU.compute_CRC(data)


@settings(max_examples=40)
@given(st.binary(max_size=60), bit_replies | write_replies | errors)
def test_decoder_noise_never_raises_and_the_next_reply_is_found(noise, reply):
    decoder = modbus.reply_decoder()
    decoder.receive_data(noise)
    decoder.receive_quiet()
    while decoder.next_frame() is not None:
        pass
    decoder.receive_data(modbus.encode_reply(reply))
    assert decoder.next_frame() == reply


@settings(max_examples=25)
@given(bit_replies | write_replies, st.integers(0, 400))
def test_a_reply_with_one_flipped_bit_is_never_read(reply, at):
    data = bytearray(modbus.encode_reply(reply))
    data[at // 8 % len(data)] ^= 1 << at % 8
    decoder = modbus.reply_decoder()
    decoder.receive_data(bytes(data))
    decoder.receive_quiet()
    assert isinstance(decoder.next_frame(), Garbage)


def test_request_decoder_reads_what_the_encoders_write():
    decoder = modbus.request_decoder()
    decoder.receive_data(b"\x00" + modbus.encode_write_coil(1, 0x0203, 7) + modbus.encode_read(1, 2, 0, 8))
    assert [decoder.next_frame() for _ in range(3)] == [
        Garbage(b"\x00"),
        modbus.Request(modbus.WRITE_COIL, 1, 0x0203, 7),
        modbus.Request(modbus.READ_INPUTS, 1, 0, 8),
    ]


@pytest.mark.parametrize("make", [
    lambda: modbus.encode_read(0, 1, 0, 1), lambda: modbus.encode_read(248, 1, 0, 1),
    lambda: modbus.encode_read(1, 5, 0, 1), lambda: modbus.encode_read(1, 1, 0, 0),
    lambda: modbus.encode_read(1, 1, 65_535, 2), lambda: modbus.encode_write_coil(1, 65_536, 0),
    lambda: modbus.encode_reply(modbus.BitsReply(1, 1, ())),
], ids=["unit0", "unit248", "function", "none", "beyond", "address", "no_bits"])  # fmt: skip
def test_request_outside_the_standard_is_refused(make):
    with pytest.raises(Malformed):
        make()
