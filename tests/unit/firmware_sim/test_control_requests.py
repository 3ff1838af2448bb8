"""Control lines: known ones are parsed, any other bytes are a typed refusal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_sim.control_requests import MAX_LINE_BYTES, Hand, SetFault, parse_request
from firmware_sim.errors import RequestInvalid
from firmware_sim.faults import Fault, FaultName


def test_hand_line_is_parsed():
    request = parse_request(b'{"id":7,"op":"open","module":"A","channel":3}')
    assert request == Hand(id=7, op="open", module="A", channel=3)


def test_set_fault_line_becomes_the_fault():
    request = parse_request(b'{"op":"set_fault","name":"late_reply","target":"A","times":2,"delay_ms":10}')
    assert isinstance(request, SetFault)
    assert request.fault() == Fault(FaultName.LATE_REPLY, "A", None, 2, 10)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"nonsense",
        b'{"op":"explode"}',
        b'{"op":"open","module":"A"}',
        b'{"op":"open","module":"A","channel":0}',
        b'{"op":"open","module":"A","channel":1,"extra":1}',
        b'{"op":"set_fault","name":"plague","target":"A"}',
        b'{"op":"doors"}' + b" " * MAX_LINE_BYTES,
    ],
)
def test_line_outside_the_grammar_is_refused(line):
    with pytest.raises(RequestInvalid):
        parse_request(line)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=80)
@given(st.binary(max_size=60) | anything.map(lambda value: json.dumps(value).encode()))
def test_line_of_any_bytes_never_raises_anything_else(line):
    with pytest.raises(RequestInvalid):
        parse_request(line)
