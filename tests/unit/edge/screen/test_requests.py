from __future__ import annotations

import contextlib
import json

import hypothesis.strategies as st
import pytest
from hypothesis import given

from edge.screen.requests import ACTIONS, MAX_REQUEST_BYTES, Request, parse_request
from edge.wire.errors import Malformed, TooLarge, WireError


@pytest.mark.parametrize(
    ("do", "value"),
    [
        ("scan", "PW001"),
        ("scan", ""),
        ("pin", "123456789"),
        *(("press", action) for action in sorted(ACTIONS)),
        *(
            ("press", value)
            for value in (
                "size:400x200x500",
                "open:7",
                "open:9999",
                "out_of_service:1",
                "in_service:12",
                "found:as_expected",
                "found:empty",
                "found:other",
            )
        ),
    ],
)
def test_request_of_every_kind_is_read(do: str, value: str) -> None:
    assert parse_request(json.dumps({"do": do, "value": value})) == Request(do, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "null", "{", '"scan"', '{"do":"scan"}', '{"do":"scan","value":1}', '{"do":"open","value":"1"}',
        '{"do":"press","value":"open"}', '{"do":"scan","value":"x","more":1}', '{"do":["scan"],"value":"x"}',
        '{"do":"pin","value":"1234567890123"}', json.dumps({"do": "scan", "value": "x" * 2401}), "[" * 4000,
        '{"do":"scan","value":' + "9" * 5000 + "}",
    ],
    ids=range(15),
)  # fmt: skip
def test_request_that_is_none_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        parse_request(text)


@pytest.mark.parametrize(
    "value",
    ["open:", "open:0", "open:10000", "open:1:2", "open:1\n", "size:", "size:A", "found:gold", "done:1", "reboot:1"],
)
def test_press_with_an_argument_out_of_range_is_malformed(value: str) -> None:
    with pytest.raises(Malformed):
        parse_request(json.dumps({"do": "press", "value": value}))


def test_request_over_8_kib_is_too_large() -> None:
    with pytest.raises(TooLarge):
        parse_request(" " * (MAX_REQUEST_BYTES + 1))


def test_request_shows_no_code_when_printed() -> None:
    assert "123456789" not in repr(Request("pin", "123456789"))


@given(
    st.text(max_size=80) | st.dictionaries(st.sampled_from(["do", "value", "x"]), st.text(max_size=9)).map(json.dumps)
)
def test_request_of_anything_is_a_value_or_a_typed_error(text: str) -> None:
    with contextlib.suppress(WireError):
        assert parse_request(text).do in ("scan", "pin", "press")
