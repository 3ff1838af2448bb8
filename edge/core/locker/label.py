"""Labels and what else a locker's scanner may say: an allow-list, because a barcode is input from a stranger."""

from __future__ import annotations

import re
from dataclasses import dataclass

from edge.wire.errors import Malformed

MAX_SCAN_CHARS = 1500
_SYMBOLOGY = re.compile(r"\](?:C1|e0|d2|Q3|J1)")  # AIM identifiers of GS1 symbologies
_SSCC = re.compile(r"(?:\(00\)|00)([0-9]{18})\Z")
_PARCEL_ID = re.compile(r"[A-Z0-9][A-Z0-9-]{3,39}\Z")


_UNPRINTED = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True)
class Label:
    """A parcel's label. `parcel_id` is the carrier's tracking number, or the SSCC's 18 digits."""

    parcel_id: str


def check_scan(text: str) -> str:
    """Return the scan without its line end.

    Raises:
        Malformed: empty, over 1,500 characters, or with control characters (a label that types commands).
    """
    text = text.removesuffix("\n").removesuffix("\r")
    if not text or len(text) > MAX_SCAN_CHARS:
        raise Malformed("an empty or overlong scan", where="scan", remedy="Scan the label again.")
    if _UNPRINTED.search(text):
        raise Malformed("characters that no label of ours has", where="scan", remedy="Scan the parcel's own label.")
    return text


def parse_label(text: str) -> Label:
    """Parse a carrier's code or a GS1 SSCC (AI 00, GS1 General Specifications 3.2; check digit 7.9.1).

    Raises:
        Malformed: neither, or the SSCC's check digit is wrong.
    """
    bare = _SYMBOLOGY.sub("", text, count=1) if text.startswith("]") else text
    if match := _SSCC.match(bare):
        digits = match.group(1)
        if not gs1_check_digit_holds(digits):
            raise Malformed("the SSCC's check digit is wrong", where="label", remedy="Scan the label again.")
        return Label(digits)
    if not _PARCEL_ID.match(bare):
        raise Malformed("not a parcel label", where="label", remedy="Scan the label with the tracking number.")
    return Label(bare)


def gs1_check_digit_holds(digits: str) -> bool:
    """Weights 3, 1, 3, … from the right, the check digit itself last (GS1 General Specifications 7.9.1)."""
    weighted = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(digits)))
    return weighted % 10 == 0
