"""GS1 check digits and the SSCC as a tracking number (GS1 General Specifications 3.2 and 7.9)."""

from __future__ import annotations

import re

_SSCC = re.compile(r"(?:\(00\)|00)?([0-9]{18})\Z")


def check_digit(digits: str) -> str:
    """The check digit behind `digits`: weights 3, 1, 3 … from the right."""
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def sscc_of(text: str) -> str | None:
    """The 18 digits when `text` has the form of an SSCC, with or without AI 00; None when it is something else.

    Whether the check digit holds is `sscc_holds`'s to say.
    """
    match = _SSCC.match(text)
    return match[1] if match else None


def sscc_holds(digits: str) -> bool:
    return len(digits) == 18 and digits.isascii() and digits.isdigit() and check_digit(digits[:-1]) == digits[-1]
