"""What a barcode reader may hand on: printable ASCII of a sane length, and none of the codes that set readers up.

A barcode is input from a stranger. Control characters would type commands into whatever reads the text next, and a
setup code shown to a reader is an attempt to change how it works; both are refused by name, and never shown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_SCAN_BYTES = 2_000
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
# How the setup codes of common makers read when a reader passes them on instead of obeying them.
_SETUP = re.compile(r"@MENU_|@SETUP|@FACTORY|@[A-Z]{6}[0-9]|\$\+|\$%|\$P,|FNC3|<FNC3>|\[FNC3\]|[A-Z0-9]{6,12}[.!]\Z")


class ScanRefusal(StrEnum):
    """Why a reader's bytes are no scan. The bytes themselves are never told: they may hold anything."""

    TOO_LONG = "too_long"
    EMPTY = "empty"
    CONTROL_CHARACTER = "control_character"
    NOT_TEXT = "not_text"
    CONFIGURATION_CODE = "configuration_code"


@dataclass(frozen=True, slots=True)
class Scan:
    """One code as the reader decoded it, checked."""

    text: str


@dataclass(frozen=True, slots=True)
class RefusedScan:
    reason: ScanRefusal


def judge_scan(data: bytes) -> Scan | RefusedScan:
    """The scan in a reader's bytes, without their line end; never raises on any input."""
    if len(data) > MAX_SCAN_BYTES:
        return RefusedScan(ScanRefusal.TOO_LONG)
    if not data:
        return RefusedScan(ScanRefusal.EMPTY)
    if _CONTROL.search(data):
        return RefusedScan(ScanRefusal.CONTROL_CHARACTER)
    if not data.isascii():
        return RefusedScan(ScanRefusal.NOT_TEXT)
    text = data.decode("ascii")
    if _SETUP.match(text):
        return RefusedScan(ScanRefusal.CONFIGURATION_CODE)
    return Scan(text)
