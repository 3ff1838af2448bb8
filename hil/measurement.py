"""A measurement: a named figure with its unit and limits, and whether it lies between them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure. A limit of None does not limit; without any limit the figure is only told."""

    name: str
    value: int
    unit: str
    low: int | None = None
    high: int | None = None

    @property
    def outcome(self) -> Outcome:
        too_low = self.low is not None and self.value < self.low
        too_high = self.high is not None and self.value > self.high
        return Outcome.FAILED if too_low or too_high else Outcome.PASSED

    @property
    def limits(self) -> str:
        """The limits as a person writes them."""
        if self.low is not None and self.low == self.high:
            return f"= {self.low}"
        parts = (f"≥ {self.low}" if self.low is not None else "", f"≤ {self.high}" if self.high is not None else "")
        return ", ".join(part for part in parts if part) or "none"

    def __str__(self) -> str:
        return f"{self.name} = {self.value} {self.unit} (limits: {self.limits})"
