"""What the kiosk page may ask for: three requests, checked before anything sees them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

from edge.wire.errors import Malformed, TooLarge

MAX_REQUEST_BYTES = 8 * 1024
MAX_SCAN_CHARS = 2400
MAX_PIN_CHARS = 12
ACTIONS = frozenset({"try_again", "done", "cancel"})


@dataclass(frozen=True, slots=True)
class Request:
    """`scan` with the code's text, `pin` with digits, or `press` with one of `ACTIONS`."""

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
    if do == "press" and value in ACTIONS:
        return Request("press", value)
    raise Malformed("an unknown request, or its value is out of range", where="request")
