"""What is the same for every board of a family: ranges, line speed, habits. Everything else is stated per board."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class BoardFamily(StrEnum):
    XOR_8A = "xor_8a"
    KERONG_CU = "kerong_cu"
    KERONG_CU48 = "kerong_cu48"
    WKLY = "wkly"
    WINNSEN = "winnsen"
    MODBUS_RELAY = "modbus_relay"


class UnlockAnswer(StrEnum):
    """Whether this board's firmware answers an unlock request."""

    EXPECTED = "expected"
    OPTIONAL = "optional"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class FamilyFacts:
    """`closed_bit` None: no habit at all, so each board's must be stated."""

    addresses: range
    channels_max: int
    baud: int
    answer: UnlockAnswer
    closed_bit: int | None


FACTS: Mapping[BoardFamily, FamilyFacts] = {
    BoardFamily.XOR_8A: FamilyFacts(range(1, 32), 24, 9_600, UnlockAnswer.EXPECTED, 1),
    BoardFamily.KERONG_CU: FamilyFacts(range(16), 24, 19_200, UnlockAnswer.OPTIONAL, 1),
    BoardFamily.KERONG_CU48: FamilyFacts(range(256), 48, 19_200, UnlockAnswer.NEVER, 1),
    BoardFamily.WKLY: FamilyFacts(range(32), 48, 9_600, UnlockAnswer.OPTIONAL, 1),
    BoardFamily.WINNSEN: FamilyFacts(range(32), 24, 9_600, UnlockAnswer.EXPECTED, 0),
    BoardFamily.MODBUS_RELAY: FamilyFacts(range(1, 248), 32, 9_600, UnlockAnswer.EXPECTED, None),
}
KERONG_LOCKS_PER_ADDRESS = 16
