"""What the kiosk page may ask for: three requests, checked before anything sees them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Literal

from edge.wire.errors import Malformed, TooLarge

MAX_REQUEST_BYTES = 8 * 1024
MAX_SCAN_CHARS = 2400
MAX_PIN_CHARS = 12
# Presses without an argument, and those with one: `name:argument`.
ACTIONS = frozenset(
    {
        "try_again", "done", "cancel", "did_not_open", "too_big", "dirty", "next_compartment", "empty", "damaged",
        "reopen", "took_out", "left_in", "open_all", "reconcile", "accessible", "more_time",
    }
)  # fmt: skip
_NUMBER = re.compile(r"[1-9][0-9]{0,3}\Z")
ARGUMENTS = {
    "size": re.compile(r"[a-z0-9_.-]{1,32}\Z"),
    "open": _NUMBER,
    "out_of_service": _NUMBER,
    "in_service": _NUMBER,
    "found": re.compile(r"(as_expected|empty|other)\Z"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """`scan` with the text, `pin` with digits, `press` with one of `ACTIONS`, or `name:argument` of `ARGUMENTS`."""

    do: Literal["scan", "pin", "press"]
    value: str = field(repr=False)


def parse_request(text: str) -> Request:
    """Parse `{"do": …, "value": …}`.

    Raises:
        TooLarge: more than 8 KiB.
        Malformed: not JSON, other members, an unknown request or action, or an overlong value.
    """
    if len(text) > MAX_REQUEST_BYTES:
        raise TooLarge(f"{len(text)} characters, at most {MAX_REQUEST_BYTES}", where="request")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}"[:120], where="request") from error
    if type(body) is not dict or body.keys() != {"do", "value"} or type(body["value"]) is not str:
        raise Malformed("not an object with the texts do and value", where="request")
    do, value = body["do"], body["value"]
    if do == "scan" and len(value) <= MAX_SCAN_CHARS:
        return Request("scan", value)
    if do == "pin" and len(value) <= MAX_PIN_CHARS:
        return Request("pin", value)
    if do == "press" and _is_press(value):
        return Request("press", value)
    raise Malformed("an unknown request, or its value is out of range", where="request")


def _is_press(value: str) -> bool:
    name, colon, argument = value.partition(":")
    return value in ACTIONS if not colon else name in ARGUMENTS and ARGUMENTS[name].match(argument) is not None
