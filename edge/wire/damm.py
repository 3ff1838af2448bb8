"""The Damm check digit: one decimal digit that finds every single wrong digit and every swap of two neighbours.

The table is a totally anti-symmetric quasigroup of order 10 with zeros on its diagonal (H. M. Damm, 2004), so the
check digit over a number that already ends in its check digit is 0.
"""

from __future__ import annotations

import re

from edge.wire.errors import Malformed

_DIGITS = re.compile(r"[0-9]{1,64}\Z")
_QUASIGROUP = (
    (0, 3, 1, 7, 5, 9, 8, 6, 4, 2),
    (7, 0, 9, 2, 1, 5, 4, 8, 6, 3),
    (4, 2, 0, 6, 8, 7, 1, 3, 5, 9),
    (1, 7, 5, 0, 9, 8, 3, 4, 2, 6),
    (6, 1, 2, 3, 0, 4, 5, 9, 7, 8),
    (3, 6, 7, 4, 2, 0, 9, 5, 8, 1),
    (5, 8, 6, 9, 7, 2, 0, 1, 3, 4),
    (8, 9, 4, 5, 3, 6, 2, 0, 1, 7),
    (9, 4, 3, 8, 6, 1, 7, 2, 0, 5),
    (2, 5, 8, 1, 4, 3, 6, 7, 9, 0),
)


def damm_digit(digits: str) -> str:
    """The check digit that belongs behind `digits`.

    Raises:
        Malformed: not 1 to 64 ASCII digits.
    """
    if not _DIGITS.match(digits):
        raise Malformed("not 1 to 64 digits", where="damm")
    row = 0
    for digit in digits:
        row = _QUASIGROUP[row][ord(digit) - 48]
    return str(row)


def damm_holds(digits: str) -> bool:
    """Whether the last of `digits` is the check digit of those before it; False for anything but 2 to 64 digits."""
    return len(digits) > 1 and _DIGITS.match(digits) is not None and damm_digit(digits) == "0"
